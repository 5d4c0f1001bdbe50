"""Checks of what earlier runs left behind: files that change the next one in silence."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from tui.engine.doctor.check import (
    Finding,
    by_hand,
    check,
    fail,
    listed,
    not_here,
    ok,
    ours,
    warning,
)
from tui.engine.doctor.here import Here
from tui.engine.process import RUN_MARK

AUDIT = "audit.config"
SEARCH_S, BRIEF_S = 1.2, 0.15
DEPTH = 9
KEPT = ("compliance", "TEST", "script", ".git", "node_modules", "site-packages")
"""Folders where it belongs, or never is: the tests' own configurations, scripts, venvs."""
SUMMARY = "mlperf_log_summary.txt"


@check(
    "audit-config",
    "audit.config",
    "LoadGen obeys an audit.config that lies where it runs: seeds and modes are then those of a "
    "compliance test, and the number counts for nothing.",
    before=(),
)
def audit_config(here: Here) -> Finding:
    """Left over by a compliance test that was interrupted."""
    search = _Search(SEARCH_S if here.outside.device is None else BRIEF_S)
    found = list(dict.fromkeys(search.below(_places(here))))
    if found:
        names = listed([here.shown(one) for one in found], 2)
        line = f"rm -- {shlex.quote(here.shown(found[0]))}"
        if here.installation is not None and here.installation.mlc_repos in found[0].parents:
            # in the cache of mlcr, which makes it anew for the next compliance test
            return fail(names, ours("Delete it.", line, ("rm", "--", str(found[0])), {}))
        return fail(names, by_hand("Delete it, if you have not put it there for a test.", line))
    cut = "" if search.is_complete else f" in {search.seen} folders, the rest not looked at"
    return ok(f"none{cut}")


def _places(here: Here) -> Iterator[tuple[Path, int]]:
    """Where LoadGen would find one, and how deep to look there."""
    yield here.outside.cwd, 0
    if here.official is not None:
        yield here.official.folder, 1
    cache = here.cache
    if cache is not None and cache.is_dir():
        first = [one for one in cache.iterdir() if one.name.startswith("get-mlperf-inference-src")]
        for one in (*first, *sorted(set(cache.iterdir()) - set(first))):
            yield one, DEPTH


class _Search:
    """Looks through folders for a while."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.is_complete, self.seen = True, 0

    def below(self, places: Iterator[tuple[Path, int]]) -> Iterator[Path]:
        """Every audit.config that should not be there."""
        for place, depth in places:
            waiting = [(str(place), depth)]
            while waiting:
                if time.monotonic() > self._end:
                    self.is_complete = False
                    return
                folder, left = waiting.pop()
                self.seen += 1
                try:
                    with os.scandir(folder) as entries:
                        for one in entries:
                            if one.name == AUDIT:
                                yield Path(one.path)
                            elif (
                                left
                                and not one.name.startswith(KEPT)
                                and one.is_dir(follow_symlinks=False)
                            ):
                                waiting.append((one.path, left - 1))
                except OSError:
                    continue  # gone meanwhile, or another user's


@check(
    "old-results",
    "results of earlier runs",
    "mlcr does not measure again what lies in its results folder: it prints the old number. Runs "
    "of mlperf-tui have a fresh folder each; an mlcr that you type yourself has not.",
)
def old_results(here: Here) -> Finding:
    """What lies in mlcr's default results folder, or the one named in the environment."""
    if here.installation is None:
        return not_here("no official installation to look at")
    places = here.cached("get-mlperf-inference-results-dir")
    named = here.outside.variables.get("MLC_MLPERF_INFERENCE_RESULTS_DIR")
    if named:
        places.append(here.path(named))
    count = sum(len(list(_summaries(one))) for one in places)
    if not count:
        return ok("none in mlcr's own results folder")
    fix = by_hand(
        "Where you type mlcr yourself, give each run --rerun or a folder of its own.",
        'mlcr run-mlperf,inference --results_dir="$(mktemp -d)" --quiet',
        "it is for commands that you type yourself",
    )
    results = "1 result" if count == 1 else f"{count} results"
    return warning(f"{results} in mlcr's own results folder", fix)


def _summaries(place: Path) -> Iterator[Path]:
    """mlcr's tree: {test|fast|valid}_results/SUT/model/scenario/performance/run_1."""
    for inner in (place, place / "results"):
        yield from inner.glob(f"*_results/*/*/*/performance/run_1/{SUMMARY}")


@check(
    "other-mlcr",
    "another mlcr",
    "Two mlcr on one installation share its cache and its learned targets: both results suffer.",
    before=("official",),
)
def other_mlcr(here: Here) -> Finding:
    """One that was started by hand, beside our queue."""
    if here.official is None or not here.official.is_begun:
        return not_here("no official installation to look at")
    ours_too, others = 0, []
    own = {str(here.official.folder / "mlc/bin/mlcr"), str(here.official.folder / "mlc/bin/mlc")}
    for pid, _, line in here.processes():
        if not own & set(line[:2]):
            continue
        if f"{RUN_MARK}=" in (here.text(f"proc/{pid}/environ") or ""):
            ours_too += 1
        else:
            others.append((pid, " ".join(line[1:]).strip()))
    if others:
        words = listed([f"pid {pid}: {here.shown(line)[:60]}" for pid, line in others])
        fix = by_hand("Wait for its end, or end it, with all that it started.",
                      f"ps -o pid,user,etime,args -p {others[0][0]}",
                      "whether it may be ended is not ours to say")  # fmt: skip
        return warning(words, fix)
    return ok("a run of ours goes on" if ours_too else "none")
