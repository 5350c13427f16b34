"""Settings of a home in which a few months of loans are enough for a model."""

SETTINGS = """\
[labels]
window_months = 3
default_days = 30
reporting_lag_days = 5

[training]
min_matured_loans = 300
min_matured_bads = 20
"""
"""Labels mature in three months. The group `training` is the last, so that a test can add to it and go on."""
