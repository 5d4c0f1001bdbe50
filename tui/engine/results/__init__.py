"""LoadGen output -> results, read and judged. `FORMATS` lists what can be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tui.engine.catalog import Catalog
from tui.engine.errors import NotFoundError
from tui.engine.results import endpoints, loadgen, locate, summary
from tui.engine.results.model import Result
from tui.engine.results.reader import Reader

FORMATS = (loadgen, summary, endpoints)
"""Modules with `matches(path) -> bool` and `read(path) -> list[Result]`; the first match reads."""


def read_results(path: Path, catalog: Catalog) -> list[Result]:
    """Every result at or below `path`, judged, in the order of their paths.

    Args:
        path: a log file or any folder above some.
        catalog: benchmarks and rounds, with their rules.

    Raises:
        NotFoundError: there is no such path, or no LoadGen output in it.
        ProfileError: a round's file is wrong.
    """
    return list(iter_results(path, catalog))


def iter_results(
    path: Path, catalog: Catalog, left_out: Callable[[Path, str], None] | None = None
) -> Iterator[Result]:
    """The same, one by one as they are found.

    Args:
        path: a log file or any folder above some.
        catalog: benchmarks and rounds, with their rules.
        left_out: told of LoadGen output that is no result, and why.

    Raises:
        NotFoundError: there is no such path, or no LoadGen output in it.
        ProfileError: a round's file is wrong.
    """
    if not os.path.lexists(path):
        raise NotFoundError(f"{path}: no such file or folder")
    reader = Reader(catalog, FORMATS)
    some, others = False, []
    for found in locate.below(path, reader.reads):
        if isinstance(found, locate.LeftOut):
            others.append(found)
            if left_out is not None:
                left_out(found.path, found.why)
            continue
        for result in reader.results(found):
            some = True
            yield result
    if not some:
        why = f" but {others[0].path}: {others[0].why}" if others else ""
        raise NotFoundError(
            f"{path}: no LoadGen output ({locate.DETAIL} or its summary) here or below{why}"
        )
