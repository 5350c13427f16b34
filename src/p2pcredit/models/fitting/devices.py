"""Check that trees can be grown on the device that is asked for. Scores are always calculated on the processor."""

from __future__ import annotations

import json
import warnings

import numpy as np
import xgboost as xgb

from p2pcredit.errors import SettingsError

CPU = "cpu"


def require_device(device: str, asker: str) -> None:
    """Require that there is such a device, and an XGBoost that can use it. Silent where there is.

    XGBoost itself would go on on the processor and only warn; a model must not say that it was made where it was not.

    Args:
        device: `cpu` or `cuda`.
        asker: Who asks for it, as the start of the message.

    Raises:
        SettingsError: If it cannot be used; says whether the library or the GPU is what is missing.
    """
    if device == CPU or used_device(device).startswith(device):
        return
    if not xgb.build_info().get("USE_CUDA"):
        raise SettingsError(
            f"{asker} asks for '{device}', and the XGBoost installed here is built without GPUs; put the package "
            "xgboost in the place of xgboost-cpu (pip uninstall xgboost-cpu, then pip install xgboost), or set "
            "training.device to 'cpu'"
        )
    raise SettingsError(
        f"{asker} asks for '{device}', and no GPU can be used here; run it where nvidia-smi shows one, or set "
        "training.device to 'cpu'"
    )


def used_device(device: str) -> str:
    """Return the device that XGBoost really uses where this one is asked for: it grows one tree of two rows.

    Examples:
        >>> used_device("cpu")
        'cpu'
    """
    rows = xgb.DMatrix(np.zeros((2, 1), dtype=np.float32), label=[0.0, 1.0], nthread=1)
    params = {"device": device, "tree_method": "hist", "nthread": 1, "verbosity": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            booster = xgb.train(params, rows, num_boost_round=1)
        except xgb.core.XGBoostError:
            return "none"
    return str(json.loads(booster.save_config())["learner"]["generic_param"]["device"])
