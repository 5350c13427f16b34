"""The rules of the retraining hand-off: what a ledger line is, what the lines add up to, and whether to train.

Pure: no file is read or written here. `storage.ledger` keeps the lines, `jobs.retraining` acts on them.
"""
