"""CSV files, read fast by blocks where they are regular and exactly, record by record, where they are not."""
