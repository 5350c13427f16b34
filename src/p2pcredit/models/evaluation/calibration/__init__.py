"""How near probabilities lie to what came: ratios, slope, bands, segments."""
