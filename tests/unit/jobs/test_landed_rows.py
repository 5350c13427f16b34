"""Rows given with the columns of landing files: what they lack is named."""

from __future__ import annotations

import polars as pl
import pytest

from p2pcredit.errors import UsageError
from p2pcredit.jobs.answering.landed_rows import features_of_landed


def test_of_several_required_columns_that_are_lacking_the_first_is_named_with_the_one_meant() -> None:
    rows = pl.DataFrame({"loan_id": ["a"], "origination_date": ["2020-01-01"], "loan_amnt": ["1"], "terms": ["36"]})
    with pytest.raises(UsageError, match="lacks the column 'loan_amount', perhaps 'loan_amnt' was meant"):
        features_of_landed(rows)
