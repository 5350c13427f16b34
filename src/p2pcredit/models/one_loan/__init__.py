"""One loan scored without a frame, with the bits of `score_loans`: for a server, which answers one loan at once.

A frame of one row costs a hundred times what its arithmetic does. Here the same steps are taken on plain values; what
is calculated on arrays there is calculated by the same functions here. A property test holds both to each other.
"""
