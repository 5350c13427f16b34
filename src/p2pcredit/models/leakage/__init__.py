"""Columns that tell the outcome and cannot have been known at application."""
