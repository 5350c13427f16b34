"""What the environment sets of the DAGs: schedules, limits, and where their files are found."""
