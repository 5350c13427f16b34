"""What all sections are made of: the frame, tables, charts, forms, exports, and what is measured once."""
