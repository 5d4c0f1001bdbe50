"""The cache folder this script runs in becomes the default results folder."""

from __future__ import annotations

import os
from typing import Any


def preprocess(i: dict[str, Any]) -> dict[str, Any]:
    """Set SMOKE_RESULTS_ROOT to a folder that lasts as long as the cache entry."""
    folder = os.path.join(os.getcwd(), "results")
    os.makedirs(folder, exist_ok=True)
    i["env"]["SMOKE_RESULTS_ROOT"] = folder
    return {"return": 0}
