"""The weekly review: measure, report, decide, alert."""
