"""Drift with Evidently's preset, by PSI, and its report as HTML: drift_by_evidently.py THEN NOW OUT."""

import json
import sys
import time

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset


def main() -> None:
    then, now = (pd.read_parquet(path) for path in sys.argv[1:3])
    start = time.perf_counter()
    numbers = [name for name in then.columns if pd.api.types.is_numeric_dtype(then[name])]
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[name for name in then.columns if name not in numbers]
    )
    report = Report([DataDriftPreset(method="psi")])
    found = report.run(
        Dataset.from_pandas(now, data_definition=definition), Dataset.from_pandas(then, data_definition=definition)
    )
    found.save_html(sys.argv[3])
    print(json.dumps({"work_seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
