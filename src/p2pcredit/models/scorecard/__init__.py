"""Points scorecards: bins, a regression on their weights of evidence, whole points."""
