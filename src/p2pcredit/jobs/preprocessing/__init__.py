"""Raw files to bronze, silver and gold."""
