"""Raw file to gold with pandas: gold_by_pandas.py FILE OUT FIRST LAST.

The same columns, features, events and labels as ours, whole tables at once, one Parquet file each for bronze, silver
and gold. No quarantine beyond one file of rows without the required fields, no days, no reruns, no manifests.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from columns import (
    COLUMNS,
    DERIVED,
    LABELS,
    LOOKED_UP_WITH,
    NEVER_MONTHS,
    NOTES,
    PHRASES,
    REPORTING_LAG_DAYS,
    YEARLY_RATE,
)

REQUIRED = ["loan_id", "issue_month", "loan_amount", "term_months", "loan_status"]


def read_raw(file: Path) -> pd.DataFrame:
    names = {"id": "loan_id"} | {theirs: ours for ours, (theirs, _) in COLUMNS.items()}
    given = pd.read_csv(
        file, usecols=lambda name: name in names, dtype="str", keep_default_na=False, na_values=[""]
    )  # an employer may be called NA
    return given.rename(columns=names).reindex(columns=list(names.values()))


def typed(raw: pd.DataFrame) -> pd.DataFrame:
    silver = pd.DataFrame({"loan_id": raw["loan_id"].str.strip()})
    for name, (_, kind) in COLUMNS.items():
        text = raw[name].astype("str").str.strip()
        if kind == "category":
            silver[name] = text.str.upper()
        elif kind == "text":
            silver[name] = text
        elif kind == "month":
            silver[name] = pd.to_datetime(text, format="%b-%Y", errors="coerce")
        elif kind == "percent":
            silver[name] = pd.to_numeric(text.str.rstrip("%").str.strip(), errors="coerce") / 100
        elif kind == "term":
            silver[name] = pd.to_numeric(text.str.removesuffix("months").str.strip(), errors="coerce")
        elif kind == "years":
            years = text.str.replace(r"^<\s*1.*$", "0", regex=True).str.extract(r"^(\d+)", expand=False)
            silver[name] = pd.to_numeric(years, errors="coerce")
        else:
            silver[name] = pd.to_numeric(text, errors="coerce")
    return silver


def day_of_month(ids: pd.Series, month: np.ndarray) -> np.ndarray:
    """Spread a month's loans over its days by their ids (splitmix64): the platform publishes months only."""
    x = ids.astype("uint64").to_numpy() + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    days = ((month + 1).astype("M8[D]") - month.astype("M8[D]")).astype(np.uint64)
    return np.asarray(x % days, dtype=np.int64) + 1


def on_day(month: np.ndarray, day: np.ndarray) -> np.ndarray:
    last: np.ndarray = (month + 1).astype("M8[D]") - 1
    return np.asarray(np.minimum(month.astype("M8[D]") + (day - 1), last))


def build_events(loans: pd.DataFrame) -> pd.DataFrame:
    issued = loans["issue_month"].to_numpy().astype("M8[M]")
    day = loans["day"].to_numpy()
    paid = np.fmax(loans["last_paid_month"].fillna(loans["issue_month"]).to_numpy().astype("M8[M]"), issued)
    bad = loans["loan_status"].str.endswith("Charged Off").to_numpy()
    good = loans["loan_status"].str.endswith("Fully Paid").to_numpy()
    unpaid = (loans["funded_amount"] - loans["principal_received"]).clip(lower=0).round(2)
    paid_on, missed = on_day(paid, day), on_day(paid + 1, day)
    parts = [(good, paid_on, "FULLY_PAID", 0)]
    parts += [(bad, missed + days, name, days) for name, days in (("LATE", 30), ("DEFAULT", 90), ("CHARGED_OFF", 150))]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "loan_id": loans["loan_id"][rows],
                    "event_date": on[rows],
                    "status": status,
                    "days_past_due": days,
                    "principal_outstanding": unpaid[rows] if days else 0.0,
                    "amount_received": 0.0 if days else loans["last_paid_amount"][rows],
                }
            )
            for rows, on, status, days in parts
        ],
        ignore_index=True,
    )


def build_features(loans: pd.DataFrame) -> pd.DataFrame:
    gold = loans.copy()
    income = loans["annual_income"].where(loans["annual_income"] > 0)
    limit = loans["revolving_limit"].fillna(
        loans["revolving_balance"]
        / loans["revolving_utilisation_share"].where(loans["revolving_utilisation_share"] > 0)
    )
    rate = YEARLY_RATE / 12
    payment = loans["loan_amount"] * rate / (1 - (1 + rate) ** -loans["term_months"])
    opened, issued = loans["earliest_credit_line"].dt, loans["issue_month"].dt
    gold["loan_to_income"] = loans["loan_amount"] / income
    gold["installment_to_income"] = loans["installment"] * 12 / income
    gold["annuity_to_income"] = payment * 12 / income
    gold["debt_to_income_after_share"] = loans["debt_to_income_share"] + payment * 12 / income
    gold["revolving_to_income"] = loans["revolving_balance"] / income
    gold["revolving_limit"] = limit
    gold["loan_to_revolving_limit"] = loans["loan_amount"] / limit.where(limit > 0)
    gold["credit_age_months"] = (issued.year - opened.year) * 12 + issued.month - opened.month
    gold["fico"] = (loans["fico_low"] + loans["fico_high"]) / 2
    title, employer = loans["title"].fillna(""), loans["employment_title"].fillna("")
    text = loans["description"].fillna("").str.replace(NOTES, " ", regex=True).str.strip()
    whole = (title + " " + text).str.lower()
    gold["description_length"] = text.str.len()
    gold["description_words_count"] = text.str.count(r"\S+")
    gold["description_capitals_share"] = capitals_share(text)
    gold["title_length"] = title.str.len()
    gold["title_capitals_share"] = capitals_share(title)
    gold["employer_length"] = employer.str.len()
    gold["employer_given"] = employer.str.len() > 0
    for topic, phrases in PHRASES.items():
        gold[f"mentions_{topic}"] = whole.str.contains(f"(?:^|[^a-z])(?:{phrases})", regex=True)
    for months, beside in LOOKED_UP_WITH.items():
        gold[months] = loans[months].mask(loans[months].isna() & loans[beside].notna(), NEVER_MONTHS)
    features = gold[DERIVED].assign(known_on=loans["origination_date"])
    numeric = features.select_dtypes(["number", "bool"]).columns
    return features.astype(dict.fromkeys(numeric, "float64"))


def capitals_share(text: pd.Series) -> pd.Series:
    letters = text.str.count("[A-Za-z]")
    return text.str.count("[A-Z]") / letters.where(letters > 0)


def build_labels(loans: pd.DataFrame, events: pd.DataFrame, first: np.datetime64, last: np.datetime64) -> pd.DataFrame:
    defaults = events[events["status"].isin(["DEFAULT", "CHARGED_OFF"]) & (events["event_date"] <= last)]
    defaulted_on = loans["loan_id"].map(defaults.groupby("loan_id")["event_date"].min())
    issued, day = loans["issue_month"].to_numpy().astype("M8[M]"), loans["day"].to_numpy()
    found = []
    for definition, (months, term) in LABELS.items():
        end = pd.Series(on_day(issued + months, day), index=loans.index)
        closed = end + pd.Timedelta(days=REPORTING_LAG_DAYS)
        bad = defaulted_on <= end
        known_on = defaulted_on.where(bad, closed)
        kept = known_on.between(first, last) & ((loans["term_months"] == term) if term else True)
        labels = loans.loc[kept, ["loan_id", "origination_date"]]
        found.append(labels.assign(definition=definition, label=bad[kept].astype("int8"), known_on=known_on[kept]))
    return pd.concat(found, ignore_index=True)


def main() -> None:
    file, out = Path(sys.argv[1]), Path(sys.argv[2])
    first, last = np.datetime64(sys.argv[3]), np.datetime64(sys.argv[4])
    for layer in ("bronze", "silver", "gold"):
        (out / layer).mkdir(parents=True, exist_ok=True)
    raw = read_raw(file)
    raw.to_parquet(out / "bronze" / "loans.parquet")
    silver = typed(raw)
    sound = silver[REQUIRED].notna().all(axis=1) & (silver["loan_amount"] >= 1)
    raw[~sound].to_parquet(out / "silver" / "quarantine.parquet")
    loans = silver[sound].drop_duplicates("loan_id").reset_index(drop=True)
    month = loans["issue_month"].to_numpy().astype("M8[M]")
    loans["day"] = day_of_month(loans["loan_id"], month)
    loans["origination_date"] = on_day(month, loans["day"].to_numpy())
    loans.to_parquet(out / "silver" / "loans.parquet")
    events = build_events(loans)
    events.to_parquet(out / "silver" / "loan_performance.parquet")
    build_features(loans).to_parquet(out / "gold" / "feature_store.parquet")
    build_labels(loans, events, first, last).to_parquet(out / "gold" / "label_store.parquet")


if __name__ == "__main__":
    main()
