"""Bins of features and their weight of evidence."""
