"""Training with scikit-learn pipelines as most projects write it: train_by_sklearn.py LOANS FEATURES.

Imputation, scaling and one-hot columns into logistic regression and into gradient boosting, each with a grid search of
three settings in three folds on the older three quarters, judged on the newest quarter.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def main() -> None:
    loans = pd.read_parquet(sys.argv[1]).sort_values("origination_date")
    features = json.loads(Path(sys.argv[2]).read_text())
    cut = len(loans) * 3 // 4
    x, y = loans[features], loans["label"].astype(int)
    prepare = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                make_column_selector(dtype_include="number"),
            ),
            (
                "categories",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="missing"),
                    OneHotEncoder(min_frequency=0.02, handle_unknown="infrequent_if_exist", sparse_output=False),
                ),
                make_column_selector(dtype_exclude="number"),
            ),
        ]
    )
    candidates = [
        (LogisticRegression(max_iter=1000), {"logisticregression__C": [0.01, 0.1, 1.0]}),
        (
            HistGradientBoostingClassifier(max_iter=200, learning_rate=0.05, early_stopping=False, random_state=20),
            {"histgradientboostingclassifier__max_depth": [2, 3, 4]},
        ),
    ]
    for model, grid in candidates:
        search = GridSearchCV(make_pipeline(prepare, model), grid, scoring="roc_auc", cv=3)
        search.fit(x[:cut], y[:cut])
        auc = roc_auc_score(y[cut:], search.predict_proba(x[cut:])[:, 1])
        print(type(model).__name__, search.best_params_, f"AUC {auc:.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
