"""Gradient boosting with monotone constraints."""
