"""Pictures of the product at work, for the README."""
