"""Draft a mapping of files that nobody has described: what their columns look like, and what they may mean."""
