"""Every day, week and training that a home lacks, found in its files each time."""
