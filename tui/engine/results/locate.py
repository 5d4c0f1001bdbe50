"""Where LoadGen output lies, and what its place tells."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path

from tui.engine.results import compliance
from tui.engine.scenario import Scenario

DETAIL = "mlperf_log_detail.txt"
ENDPOINTS = ("result_summary.json", "accuracy_results.json")
SCENARIO_FOLDERS = {one.value.lower(): one.value for one in Scenario}
PARTS = re.compile(r"run_\d+|performance|accuracy|ranging|power|output|audit", re.IGNORECASE)
"""Folders between a scenario's folder and its logs."""
RANGING = "ranging"
NO_RESULT = "a power ranging run is no result"
MAY_BE_LOGS = ("detail.txt", "summary.txt", *ENDPOINTS)
"""How the names of what can be read end."""


@dataclass(frozen=True)
class Problem:
    """Something that cannot be read: a folder, a link whose end is missing."""

    path: Path
    why: str


@dataclass(frozen=True)
class LeftOut:
    """LoadGen output that is no result."""

    path: Path
    why: str


Found = Path | Problem | LeftOut
"""A log, or a folder of a compliance test without one; and what is none, and why."""
IsLog = Callable[[Path], bool]


def below(path: Path, is_log: IsLog) -> Iterator[Found]:
    """What lies at or below `path`, each once.

    Real folders come in the order of their names; links to folders and files after all of them,
    and only where they lead to something new. So loops end.

    Args:
        path: a file or folder.
        is_log: some format reads it.
    """
    if not path.is_dir():
        yield from _file(path, is_log)
        return
    walk = _Walk(is_log)
    yield from walk.folder(path)
    yield from walk.links()


def _file(path: Path, is_log: IsLog) -> Iterator[Found]:
    """A file: a log, or one of the files beside it."""
    if path.is_symlink() and not path.exists():
        yield Problem(path, "the link leads nowhere")
    elif not path.is_file():
        yield Problem(path, "it is no file and no folder")
    elif is_log(path):
        yield LeftOut(path, NO_RESULT) if _is_ranging(path.absolute().parent) else path
    else:
        yield from _Walk(is_log).folder(path.parent, deep=False)


class _Walk:
    def __init__(self, is_log: IsLog) -> None:
        self._is_log = is_log
        self._folders: set[tuple[int, int]] = set()
        self._logs: list[Path] = []
        self._links: list[Path] = []

    def folder(self, path: Path, *, deep: bool = True) -> Iterator[Found]:
        """A folder's own logs, then those below it."""
        waiting = [str(path)]  # texts: a submission has thousands, and a Path of each costs
        while waiting:
            here = waiting.pop()
            try:
                about = os.stat(here)
                if (about.st_dev, about.st_ino) in self._folders:
                    continue
                self._folders.add((about.st_dev, about.st_ino))
                with os.scandir(here) as listed:
                    entries = sorted(listed, key=attrgetter("name"))
            except OSError as error:
                yield Problem(Path(here), error.strerror or str(error))
                continue
            logs, folders, odd = self._sorted_out(entries)
            yield from (Problem(Path(one), "it is no file") for one in odd)
            yield from self._of_folder(here, logs, folders)
            if deep:
                waiting += reversed(folders)

    def _of_folder(self, here: str, logs: list[Path], folders: list[str]) -> Iterator[Found]:
        name = os.path.basename(here)
        ranging = bool(logs) and _is_ranging(Path(here).absolute())
        for log in logs:
            self._logs.append(log)
            yield LeftOut(log, NO_RESULT) if ranging else log
        is_bare_test = not logs and compliance.is_test(name) and not any(map(_has_log, folders))
        if is_bare_test and compliance.has_verification(Path(here)):
            yield Path(here)

    def _sorted_out(
        self, entries: list[os.DirEntry[str]]
    ) -> tuple[list[Path], list[str], list[str]]:
        """The logs, folders, and what is only named like a log; links are kept for later."""
        logs, folders, odd = [], [], []
        names: set[str] = set()
        for entry in entries:
            is_candidate = entry.name.endswith(MAY_BE_LOGS)
            if entry.is_symlink():
                if is_candidate or not os.path.isfile(entry.path):
                    self._links.append(Path(entry.path))
            elif entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
                if is_candidate:
                    odd.append(entry.path)
            elif is_candidate and not entry.is_file(follow_symlinks=False):
                odd.append(entry.path)
            elif is_candidate:
                names = names or _files(entries)
                log = Path(entry.path)
                if _is_own_run(entry.name, names) and self._is_log(log):
                    logs.append(log)
        return logs, folders, odd

    def links(self) -> Iterator[Found]:
        """What only links lead to."""
        known = {os.path.realpath(log) for log in self._logs} if self._links else set()
        while self._links:
            link = self._links.pop(0)
            try:
                mode = os.stat(link).st_mode
            except OSError as error:
                why = f"the link leads nowhere ({error.strerror})"
                is_log = link.name.endswith(MAY_BE_LOGS)
                yield Problem(link, why) if is_log else LeftOut(link, why)
                continue
            if stat.S_ISDIR(mode):
                before = len(self._logs)
                yield from self.folder(link)
                known |= {os.path.realpath(log) for log in self._logs[before:]}
            elif stat.S_ISREG(mode) and (real := os.path.realpath(link)) not in known:
                with os.scandir(link.parent) as listed:
                    names = _files(listed)
                if _is_own_run(link.name, names) and self._is_log(link):
                    known.add(real)
                    ranging = _is_ranging(link.absolute().parent)
                    yield LeftOut(link, NO_RESULT) if ranging else link
            elif not stat.S_ISREG(mode) and link.name.endswith(MAY_BE_LOGS):
                yield Problem(link, "it is no file")


def _files(entries: Iterable[os.DirEntry[str]]) -> set[str]:
    return {one.name for one in entries if one.is_file()}


def _is_ranging(folder: Path) -> bool:
    """It, or a folder of the same run above it, is named so."""
    while PARTS.fullmatch(folder.name):
        if folder.name.lower() == RANGING:
            return True
        folder = folder.parent
    return False


def _is_own_run(name: str, names: set[str]) -> bool:
    """Not the summary beside a detail log."""
    if not name.endswith("summary.txt"):
        return True
    return f"{name[: -len('summary.txt')]}detail.txt" not in names


def _has_log(folder: str) -> bool:
    """Of a compliance test: its run lies in `performance/run_1` or `accuracy`."""
    found = (name for _, _, names in os.walk(folder) for name in names)
    return any(name.endswith(MAY_BE_LOGS) for name in found)


@dataclass(frozen=True)
class Place:
    """What the folders around a log tell, as mlcr and MLCommons lay them out."""

    base: Path
    """The scenario's folder; without one, the folder that holds all parts of the run."""
    test: Path | None = None
    """The folder of the compliance test."""
    is_accuracy: bool = False
    """The log lies in a folder `accuracy`."""
    scenario: str | None = None
    """The scenario that the folder is named for."""

    @property
    def model(self) -> str | None:
        """The folder above the scenario's."""
        return self.base.parent.name or None if self.scenario else None

    @property
    def system(self) -> str | None:
        """The folder above that."""
        return self.base.parent.parent.name or None if self.scenario else None

    @cached_property
    def submitter(self) -> Path | None:
        """`<division>/<submitter>` above `results/` or `compliance/`; None outside a submission."""
        if self.scenario is None or len(self.base.parents) < 4:
            return None
        section = self.base.parents[2]
        return section.parent if section.name in ("results", "compliance") else None

    def in_section(self, section: str) -> Path | None:
        """The same system, model and scenario in another tree of the submission (to v5.1)."""
        if self.submitter is None:
            return None
        return self.submitter / section / Path(*self.base.parts[-3:])


def place_of(log: Path) -> Place:
    """Where a log, or a folder of a compliance test, lies."""
    here = log.absolute()
    folder = here if compliance.is_test(here.name) else here.parent
    test, is_accuracy, bottom = None, False, folder
    while folder.name and (PARTS.fullmatch(folder.name) or compliance.is_test(folder.name)):
        if compliance.is_test(folder.name):
            test = folder
        is_accuracy = is_accuracy or folder.name.lower() == "accuracy"
        folder = folder.parent
    scenario = SCENARIO_FOLDERS.get(folder.name.lower())
    if folder == Path(folder.anchor):  # nothing but parts up to the root
        folder = bottom
    return Place(folder, test, is_accuracy and test is None, scenario)
