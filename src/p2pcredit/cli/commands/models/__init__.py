"""`p2pcredit models`: the bank, who serves, whether a model can be made again, and what speaks for it."""
