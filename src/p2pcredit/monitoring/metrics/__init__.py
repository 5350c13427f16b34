"""What is measured of a champion each week: performance, drift, quality, estimates, early delinquency."""
