"""What a book of loans earned and lost, when, and what a platform publishes of it: pure, from frames of known rows."""
