"""Score rows with a PMML file by PMML4S: model, rows as JSON, names as JSON; prints names and rows as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    from pypmml import Model

    model = Model.fromString(Path(sys.argv[1]).read_text())
    names = json.loads(sys.argv[3])
    places = [names.index(name) for name in model.inputNames]
    rows = json.loads(Path(sys.argv[2]).read_text())
    found = model.predict([[row[place] for place in places] for row in rows])
    print(json.dumps({"names": model.outputNames, "rows": found}))


if __name__ == "__main__":
    main()
