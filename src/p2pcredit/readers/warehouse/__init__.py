"""The results of queries of a database as raw downloads: addresses without their secrets, drivers, rows on the disk."""
