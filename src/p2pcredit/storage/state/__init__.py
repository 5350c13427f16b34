"""The ledger, the decision file and the model bank."""
