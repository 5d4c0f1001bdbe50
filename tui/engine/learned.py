"""How long each phase took in earlier runs of the same kind: for estimates and stall warnings."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from tui.engine import events
from tui.engine.pace import Learned, PhaseKey
from tui.engine.store import Run, RunStore

LOOKED_AT = 300
"""Ids that are looked through, newest first."""
RUNS = 5
ALIKE = ("benchmark", "scenario", "mode", "device", "installation", "target")
"""Only runs that agree in these say anything about each other."""


def durations(store: RunStore, spec: Mapping[str, Any], before: str) -> dict[PhaseKey, Learned]:
    """The phases of the newest finished runs that are like this one.

    Args:
        store: the history.
        spec: run.json of the run in question.
        before: its id; newer runs are not looked at.
    """
    name = f"-{spec.get('benchmark')}-{spec.get('scenario')}-"
    ids = [one for one in store.ids() if one < before and name in one][:LOOKED_AT]
    found: dict[PhaseKey, list[float]] = {}
    runs = 0
    for run_id in ids:
        run = Run(store.runs / run_id)
        if run.stored_state.state != "finished" or not _is_alike(run, spec):
            continue
        for key, seconds in phase_seconds(run).items():
            found.setdefault(key, []).append(seconds)
        runs += 1
        if runs == RUNS:
            break
    return {
        key: Learned(statistics.median(some), max(some), len(some)) for key, some in found.items()
    }


def _is_alike(run: Run, spec: Mapping[str, Any]) -> bool:
    from tui.engine.errors import NotFoundError

    try:
        theirs = run.stored_spec
    except NotFoundError:
        return False
    return all(theirs.get(name) == spec.get(name) for name in ALIKE) and _execution(
        theirs
    ) == _execution(spec)


def _execution(spec: Mapping[str, Any]) -> list[str]:
    """What of the command decides how long LoadGen measures."""
    keys = ("--execution_mode=", "--min_duration=", "--test_query_count=", "--min_query_count=")
    return sorted(one for one in map(str, spec.get("argv", ())) if one.startswith(keys))


def phase_seconds(run: Run) -> dict[PhaseKey, float]:
    """How long each phase of a run that is over took; of one that came twice, the longest."""
    recorded, _ = events.read(run.events)
    phases = [one for one in recorded if one["kind"] == events.PHASE]
    # Of a phase that began while nobody watched it is not known when.
    begins = [None if one.get("late") else one.get("boottime_s") for one in phases]
    ends = [*begins[1:], run.stored_state.ended_boottime_s]
    found: dict[PhaseKey, float] = {}
    for one, begin, end in zip(phases, begins, ends):
        if begin is not None and end is not None:
            key = (one["phase"], one.get("scenario"), one.get("mode"))
            found[key] = max(found.get(key, 0.0), end - begin)
    return found
