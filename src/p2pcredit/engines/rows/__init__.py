"""The transforms for one row at a time, in plain Python: what a server needs, which has one application and no time."""
