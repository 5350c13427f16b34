"""Candidates learned as of a day and judged on later loans."""
