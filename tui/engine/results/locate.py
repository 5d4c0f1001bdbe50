"""Where LoadGen logs lie, and what their place tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tui.engine.scenario import Scenario

DETAIL = "mlperf_log_detail.txt"
SCENARIO_FOLDERS = {one.value.lower() for one in Scenario}


@dataclass(frozen=True)
class Place:
    """What a log's folder names tell; None where they do not."""

    benchmark: str | None = None
    system: str | None = None


def logs_below(path: Path) -> Iterator[Path]:
    """Every detail log at or below `path`, each once, sorted; links are not followed."""
    if not os.path.isdir(path):
        log = path if path.name == DETAIL else path.with_name(DETAIL)
        if is_log(log):
            yield log
        return
    for folder, below, names in os.walk(path):
        below.sort()
        if DETAIL in names and is_log(Path(folder, DETAIL)):
            yield Path(folder, DETAIL)


def is_log(path: Path) -> bool:
    """A file, or a link whose end is missing (to be reported); no pipe that would hang us."""
    return os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path))


def place_of(log: Path) -> Place:
    """From `…/<system>/<benchmark>/<scenario>/…`, as mlcr and MLCommons lay it out."""
    folders = log.absolute().parent.parts
    for n in range(len(folders) - 1, 1, -1):
        if folders[n].lower() in SCENARIO_FOLDERS:
            return Place(benchmark=folders[n - 1], system=folders[n - 2])
    return Place()
