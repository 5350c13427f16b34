"""The rules of the retraining hand-off: what a ledger line is, what the lines add up to, and whether to train.

Pure: no file is read or written here. `storage.state.ledger` keeps the lines; `jobs.decisions` and
`jobs.training.retrain` act on them.
"""
