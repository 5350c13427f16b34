"""Expressions of mappings: SQL over one raw row, checked against a list of what is allowed, computed by DuckDB."""
