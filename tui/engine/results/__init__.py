"""LoadGen output -> results, read and judged. `FORMATS` lists what can be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tui.engine.catalog import Catalog
from tui.engine.errors import NotFoundError
from tui.engine.results import loadgen, locate, verdict
from tui.engine.results.model import Result

FORMATS = (loadgen,)
"""Modules with `matches(path) -> bool` and `read(path) -> list[Result]`; the first match reads."""


def read_results(path: Path, catalog: Catalog) -> list[Result]:
    """Every result at or below `path`, judged, in the order of their paths.

    Args:
        path: a log file or any folder above some.
        catalog: the accuracy targets.

    Raises:
        NotFoundError: there is no such path, or no LoadGen output in it.
    """
    if not os.path.lexists(path):
        raise NotFoundError(f"{path}: no such file or folder")
    found = list(_read_all(path, catalog))
    if not found:
        raise NotFoundError(f"{path}: no LoadGen output (mlperf_log_detail.txt) here or below")
    return found


def _read_all(path: Path, catalog: Catalog) -> Iterator[Result]:
    for log in locate.logs_below(path):
        reader = next((one for one in FORMATS if one.matches(log)), None)
        if reader is None:
            continue
        try:
            found = reader.read(log)
        except OSError as error:  # said by name, never skipped in silence
            found = [unreadable(log, error.strerror or str(error))]
        for result in found:
            yield judged(replace(result, path=str(log.absolute())), log, catalog)


def unreadable(log: Path, why: str) -> Result:
    """What can be said of a log that cannot be read: that, and why."""
    return Result(
        path=str(log),
        kind="performance",
        scenario=None,
        mode=None,
        status="corrupt",
        log_values={"unreadable": why},
    )


def judged(result: Result, log: Path, catalog: Catalog) -> Result:
    """With its benchmark (from where the log lies), its accuracy target and our verdict."""
    place = locate.place_of(log)
    benchmark = catalog.benchmarks.get(place.benchmark or "")
    accuracy = result.accuracy
    targets = benchmark.rules.targets_of(result.scenario or "") if benchmark else {}
    if accuracy and len(targets) == 1:  # of several, accuracy.txt must say which it means
        (target,) = targets.values()
        accuracy = replace(accuracy, target=target, ok=accuracy.value >= target)
    result = replace(
        result,
        benchmark=place.benchmark,
        system=place.system or result.system,
        accuracy=accuracy,
        official=verdict.official(benchmark),
    )
    return verdict.judge(result)
