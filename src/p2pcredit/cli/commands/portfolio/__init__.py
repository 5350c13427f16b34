"""Commands about the book of loans: what it earned, how it aged, what a platform publishes of it."""
