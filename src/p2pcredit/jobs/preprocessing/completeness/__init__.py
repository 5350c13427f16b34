"""Which days are complete: what landed and what the tables hold is counted, kept, and held against each other."""
