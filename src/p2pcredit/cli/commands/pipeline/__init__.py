"""`p2pcredit land`, `preprocess`, `train`, `infer`, `monitor` and `replay`: the daily and weekly work by hand."""
