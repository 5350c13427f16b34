"""Look at, check, export and tidy a home directory."""
