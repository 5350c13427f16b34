"""Platforms that a YAML mapping describes; Prosper's is shipped."""
