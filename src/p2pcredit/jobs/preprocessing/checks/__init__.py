"""Checks of a day's rows while it is preprocessed, and how their findings are told."""
