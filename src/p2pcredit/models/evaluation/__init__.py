"""How well a model ranks and how right its probabilities are, each with an interval."""
