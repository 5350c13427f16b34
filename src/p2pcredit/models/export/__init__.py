"""A model as one formula, and that formula written for other programs."""
