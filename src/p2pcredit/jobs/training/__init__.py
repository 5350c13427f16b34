"""Train, recalibrate, judge and bank models, and obey retraining decisions exactly once."""
