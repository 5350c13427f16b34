"""One scorecard with optbinning: scorecard_by_optbinning.py LOANS FEATURES. Bins of all features, then regression."""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from optbinning import BinningProcess, Scorecard
from sklearn.linear_model import LogisticRegression


def main() -> None:
    loans = pd.read_parquet(sys.argv[1])
    features = json.loads(Path(sys.argv[2]).read_text())
    x, y = loans[features].copy(), loans["label"].astype(int)
    categories = [name for name in features if not pd.api.types.is_numeric_dtype(x[name])]
    x[categories] = x[categories].astype(object).where(x[categories].notna(), None)
    start = time.perf_counter()
    process = BinningProcess(
        features,
        categorical_variables=categories,
        max_n_bins=8,
        min_bin_size=0.05,
        selection_criteria={"iv": {"min": 0.01}},
    )
    scaling = {"pdo": 20, "odds": 50, "scorecard_points": 600}
    card = Scorecard(
        binning_process=process,
        estimator=LogisticRegression(C=0.1, max_iter=200),
        scaling_method="pdo_odds",
        scaling_method_params=scaling,
    )
    card.fit(x, y)
    seconds = time.perf_counter() - start
    print(json.dumps({"work_seconds": seconds}))


if __name__ == "__main__":
    main()
