"""Make our data assets known to Airflow, so that OpenLineage's provider draws what tasks read and write.

Airflow asks each package with an entry point in `apache_airflow_provider` what it brings, in every component. So
nothing is imported here before a dataset is asked for, and OpenLineage's provider need not be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.sdk import Asset


def provider_info() -> dict[str, Any]:
    """Describe the package to Airflow: the scheme of its assets, and what converts them for OpenLineage."""
    return {
        "package-name": "p2p-credit-score",
        "name": "P2PCreditScore",
        "description": "Data assets of the scoring of peer-to-peer loans.",
        "asset-uris": [
            {
                "schemes": ["p2pcredit"],
                "handler": None,
                "to_openlineage_converter": f"{__name__}.dataset_of",
            }
        ],
    }


def dataset_of(asset: Asset, _: object) -> Dataset:
    """Convert an asset to a dataset of OpenLineage: the scheme is its namespace, the rest its name.

    Args:
        asset: Such as `p2pcredit://gold/feature_store`, whose dataset is `gold/feature_store` in `p2pcredit`.
        _: Airflow's lineage context, which is not needed.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset

    parsed = urlsplit(asset.uri)
    return Dataset(namespace=parsed.scheme, name=f"{parsed.netloc}{parsed.path}")


__all__ = ["dataset_of", "provider_info"]
