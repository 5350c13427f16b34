"""What statuses of loans mean: the events that follow from them, and what was paid by then."""
