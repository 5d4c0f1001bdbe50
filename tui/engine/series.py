"""A run, or its repeats: made, queued, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tui.engine.spec import RunSpec
from tui.engine.store import Run, RunStore


def create(store: RunStore, spec: RunSpec, repeats: int, facts: Mapping[str, Any]) -> list[Run]:
    """The folders of one run, or of a series of `repeats` runs that share a series id."""
    if repeats == 1:
        return [store.create(spec, facts)]
    series = f"{store.new_id(spec)}-x{repeats}"
    return [
        store.create(replace(spec, series=series, repeat=n), facts) for n in range(1, repeats + 1)
    ]
