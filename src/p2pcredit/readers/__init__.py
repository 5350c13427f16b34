"""Reading other people's files: CSV of any dialect, Parquet, numbers as people write them. Knows no platform."""
