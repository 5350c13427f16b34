"""The transforms for one row at a time, in plain Python: for a server, which answers one application at once."""
