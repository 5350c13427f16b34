"""Raw file to gold with PySpark on local[2]: gold_by_pyspark.py FILE OUT FIRST LAST.

The same columns, features, events and labels as ours. Bronze, silver and gold are Parquet folders, and each layer reads
the one before it. Borrowers' texts hold line breaks, so the raw file can only be read by one task.
"""

import math
import sys
from functools import reduce

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
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 (its usual name)

REQUIRED = ["loan_id", "issue_month", "loan_amount", "term_months", "loan_status"]
SPLITMIX = (-7046029254386353131, -4658895280553007687, -7723592293110705685)


def stripped(column: Column) -> Column:
    text = F.regexp_replace(column, r"(?U)^\s+|\s+$", "")
    return F.when(text != "", text)


def typed(name: str, kind: str) -> Column:
    text = stripped(F.col(name))
    if kind == "text":
        return text
    if kind == "category":
        return F.upper(text)
    if kind == "month":
        return F.to_date(F.concat(F.lit("01-"), text), "dd-MMM-yyyy")
    if kind == "percent":
        return F.regexp_replace(text, r"\s*%$", "").cast("double") / 100
    if kind == "term":
        return F.regexp_replace(text, r"\s*months$", "").cast("double")
    if kind == "years":
        return F.regexp_extract(F.regexp_replace(text, r"^<\s*1.*$", "0"), r"^(\d+)", 1).cast("double")
    return text.cast("double")


def day_of_month(ids: Column, month: Column) -> Column:
    """Spread a month's loans over its days by their ids (splitmix64): the platform publishes months only."""
    x = ids.cast("long") + F.lit(SPLITMIX[0])
    for shift, factor in ((30, SPLITMIX[1]), (27, SPLITMIX[2])):
        x = x.bitwiseXOR(F.shiftrightunsigned(x, shift)) * F.lit(factor)
    x = x.bitwiseXOR(F.shiftrightunsigned(x, 31))
    days = F.dayofmonth(F.last_day(month))
    return (F.shiftrightunsigned(x, 1) % days * 2 + x.bitwiseAND(F.lit(1))) % days + 1


def on_day(month: Column, day: Column) -> Column:
    return F.least(F.date_add(month, (day - 1).cast("int")), F.last_day(month))


def build_events(loans: DataFrame) -> DataFrame:
    paid = F.greatest(F.coalesce("last_paid_month", "issue_month"), "issue_month")
    paid_on, missed = on_day(paid, F.col("day")), on_day(F.add_months(paid, 1), F.col("day"))
    unpaid = F.round(F.greatest(F.col("funded_amount") - F.col("principal_received"), F.lit(0.0)), 2)
    good = loans.filter(F.col("loan_status").endswith("Fully Paid"))
    bad = loans.filter(F.col("loan_status").endswith("Charged Off"))
    parts = [(good, paid_on, "FULLY_PAID", 0)]
    parts += [
        (bad, F.date_add(missed, days), name, days)
        for name, days in (("LATE", 30), ("DEFAULT", 90), ("CHARGED_OFF", 150))
    ]
    events = [
        rows.select(
            "loan_id",
            on.alias("event_date"),
            F.lit(status).alias("status"),
            F.lit(days).alias("days_past_due"),
            (unpaid if days else F.lit(0.0)).alias("principal_outstanding"),
            (F.lit(0.0) if days else F.col("last_paid_amount")).alias("amount_received"),
        )
        for rows, on, status, days in parts
    ]
    return reduce(DataFrame.unionByName, events)


def build_features(loans: DataFrame) -> DataFrame:
    income = F.when(F.col("annual_income") > 0, F.col("annual_income"))
    used = F.col("revolving_utilisation_share")
    limit = F.coalesce("revolving_limit", F.col("revolving_balance") / F.when(used > 0, used))
    rate = YEARLY_RATE / 12
    payment = F.col("loan_amount") * rate / (1 - F.exp(F.col("term_months") * -math.log1p(rate)))
    issued, opened = F.col("issue_month"), F.col("earliest_credit_line")
    title, employer = F.coalesce("title", F.lit("")), F.coalesce("employment_title", F.lit(""))
    text = F.coalesce(stripped(F.regexp_replace("description", NOTES, " ")), F.lit(""))
    whole = F.lower(F.concat_ws(" ", title, text))
    derived = {
        "loan_to_income": F.col("loan_amount") / income,
        "installment_to_income": F.col("installment") * 12 / income,
        "annuity_to_income": payment * 12 / income,
        "debt_to_income_after_share": F.col("debt_to_income_share") + payment * 12 / income,
        "revolving_to_income": F.col("revolving_balance") / income,
        "revolving_limit": limit,
        "loan_to_revolving_limit": F.col("loan_amount") / F.when(limit > 0, limit),
        "credit_age_months": (F.year(issued) - F.year(opened)) * 12 + F.month(issued) - F.month(opened),
        "fico": (F.col("fico_low") + F.col("fico_high")) / 2,
        "description_length": F.length(text),
        "description_words_count": F.length(F.regexp_replace(F.regexp_replace(text, r"(?U)\S+", "x"), r"(?U)\s+", "")),
        "description_capitals_share": capitals_share(text),
        "title_length": F.length(title),
        "title_capitals_share": capitals_share(title),
        "employer_length": F.length(employer),
        "employer_given": F.length(employer) > 0,
        **{
            months: F.coalesce(F.col(months), F.when(F.col(beside).isNotNull(), F.lit(NEVER_MONTHS)))
            for months, beside in LOOKED_UP_WITH.items()
        },
        **{f"mentions_{topic}": whole.rlike(f"(^|[^a-z])({phrases})") for topic, phrases in PHRASES.items()},
    }
    kinds = {name: kind for name, (_, kind) in COLUMNS.items()}
    texts = {"loan_id", *(name for name, kind in kinds.items() if kind == "category")}
    columns = [derived.get(name, F.col(name)).cast("string" if name in texts else "double") for name in DERIVED]
    named = [column.alias(name) for name, column in zip(DERIVED, columns, strict=True)]
    return loans.select(*named, F.col("origination_date").alias("known_on"))


def capitals_share(text: Column) -> Column:
    letters = F.length(F.regexp_replace(text, "[^A-Za-z]+", ""))
    return F.length(F.regexp_replace(text, "[^A-Z]+", "")) / F.when(letters > 0, letters)


def build_labels(loans: DataFrame, events: DataFrame, first: str, last: str) -> DataFrame:
    defaults = events.filter(F.col("status").isin("DEFAULT", "CHARGED_OFF") & (F.col("event_date") <= F.lit(last)))
    defaulted = defaults.groupBy("loan_id").agg(F.min("event_date").alias("defaulted_on"))
    judged = loans.select("loan_id", "origination_date", "term_months").join(defaulted, "loan_id", "left").cache()
    found = []
    for definition, (months, term) in LABELS.items():
        end = F.add_months("origination_date", months)
        bad = F.coalesce(F.col("defaulted_on") <= end, F.lit(False))
        known_on = F.when(bad, F.col("defaulted_on")).otherwise(F.date_add(end, REPORTING_LAG_DAYS))
        rows = judged if term is None else judged.filter(F.col("term_months") == term)
        rows = rows.select(
            "loan_id",
            "origination_date",
            F.lit(definition).alias("definition"),
            bad.cast("byte").alias("label"),
            known_on.alias("known_on"),
        )
        found.append(rows.filter(F.col("known_on").between(F.lit(first), F.lit(last))))
    return reduce(DataFrame.unionByName, found)


def main() -> None:
    file, out, first, last = sys.argv[1:5]
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.ansi.enabled", "false")  # a text that is no number becomes null
        .getOrCreate()
    )
    raw = spark.read.csv(file, header=True, multiLine=True, quote='"', escape='"')
    given = set(raw.columns)
    chosen = [
        (F.col(theirs) if theirs in given else F.lit(None).cast("string")).alias(ours)
        for ours, (theirs, _) in COLUMNS.items()
    ]
    raw.select(F.col("id").alias("loan_id"), *chosen).write.mode("overwrite").parquet(f"{out}/bronze/loans")
    bronze = spark.read.parquet(f"{out}/bronze/loans")
    columns = [typed(name, kind).alias(name) for name, (_, kind) in COLUMNS.items()]
    silver = bronze.select(stripped(F.col("loan_id")).alias("loan_id"), *columns)
    sound = reduce(Column.__and__, [F.col(name).isNotNull() for name in REQUIRED], F.col("loan_amount") >= 1)
    silver.filter(~F.coalesce(sound, F.lit(False))).write.mode("overwrite").parquet(f"{out}/silver/quarantine")
    loans = silver.filter(sound).dropDuplicates(["loan_id"])
    loans = loans.withColumn("day", day_of_month(F.col("loan_id"), F.col("issue_month")))
    loans = loans.withColumn("origination_date", on_day(F.col("issue_month"), F.col("day")))
    loans.write.mode("overwrite").parquet(f"{out}/silver/loans")
    loans = spark.read.parquet(f"{out}/silver/loans")
    build_events(loans).write.mode("overwrite").parquet(f"{out}/silver/loan_performance")
    events = spark.read.parquet(f"{out}/silver/loan_performance")
    build_features(loans).write.mode("overwrite").parquet(f"{out}/gold/feature_store")
    build_labels(loans, events, first, last).write.mode("overwrite").parquet(f"{out}/gold/label_store")
    spark.stop()


if __name__ == "__main__":
    main()
