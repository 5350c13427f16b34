"""The landing directory: its files, their manifest, and what they hold of some days."""
