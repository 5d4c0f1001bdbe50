"""A run, or its repeats: made, queued, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tui.engine.spec import RunSpec
from tui.engine.store import Run, RunStore


def create(store: RunStore, spec: RunSpec, repeats: int, facts: Mapping[str, Any]) -> Iterator[Run]:
    """One run, or `repeats` runs that share a series id; each is made when it is asked for."""
    if repeats == 1:
        yield store.create(spec, facts)
        return
    series = f"{store.new_id(spec)}-x{repeats}"
    for n in range(1, repeats + 1):
        yield store.create(replace(spec, series=series, repeat=n), facts)
