"""The formula of a model as text that other programs run: one module per format."""
