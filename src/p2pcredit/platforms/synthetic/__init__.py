"""A synthetic portfolio with a known truth."""
