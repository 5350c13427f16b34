"""The term structure of default: the probability of default by each month of a loan's contract term."""
