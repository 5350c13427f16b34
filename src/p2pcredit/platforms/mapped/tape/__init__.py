"""Servicing tapes, and snapshots of whole books: rows of a loan and a day, turned into events."""
