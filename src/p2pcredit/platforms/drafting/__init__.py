"""Draft a mapping of files without a description: what their columns look like, and what they may mean."""
