"""What host and GPUs did beside a run: its telemetry by phase, and beside its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui.engine import events
from tui.engine.process import boottime
from tui.engine.store import Run
from tui.engine.telemetry.summary import Span, of_window, summarize

LOADGEN = "loadgen"
MODES = {"PerformanceOnly": "performance", "AccuracyOnly": "accuracy"}
"""LoadGen's word -> mlcr's."""


@dataclass(frozen=True)
class PhaseSpan:
    """When the run was in which phase, on CLOCK_BOOTTIME."""

    name: str
    scenario: str | None
    mode: str | None
    begin_s: float
    end_s: float


def summary(run: Run) -> dict[str, Any] | None:
    """What the run's telemetry tells: over the whole run, and by phase.

    Returns:
        {"readings", "gpu_used", "devices_used", "devices": {device: facts}, "phases": [{"name",
        "scenario", "mode", "seconds", "devices"}]}; None where nothing was recorded. See
        `summarize` for the facts.
    """
    recorded, _ = events.read(run.events)
    known = _phases(recorded, _end_s(run))
    spans = [Span(one.begin_s, one.end_s) for one in known]
    found = summarize(run.folder / "telemetry.csv", spans)
    if found is None:
        return None
    answer, used = _use(recorded)
    return {
        "readings": found["readings"],
        "gpu_used": answer,
        "devices_used": used,
        "devices": found["devices"],
        "phases": [
            {
                "name": one.name,
                "scenario": one.scenario,
                "mode": one.mode,
                "seconds": round(one.end_s - one.begin_s, 3),
                "devices": facts,
            }
            for one, facts in zip(known, found["spans"])
        ],
    }


def phases(run: Run) -> list[PhaseSpan]:
    """Each phase of the run, until the next begins; what goes on lasts until now."""
    recorded, _ = events.read(run.events)
    return _phases(recorded, _end_s(run))


def with_telemetry(run: Run, results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The run's results, each with what the GPUs did inside its LoadGen window."""
    found = summary(run)
    if found is None:
        return list(results)
    windows = [one for one in found["phases"] if one["name"] == LOADGEN]
    return [{**one, "telemetry": _of(one, windows, found)} for one in results]


def _of(
    result: Mapping[str, Any], windows: Sequence[Mapping[str, Any]], found: Mapping[str, Any]
) -> dict[str, Any] | None:
    """By scenario and mode; None where it cannot be told which window was the result's."""
    mode = MODES.get(str(result["mode"]))
    mine = [
        one
        for one in windows
        if one["scenario"] in (None, result["scenario"]) and one["mode"] in (None, mode)
    ]
    if len(mine) != 1:
        return None
    return of_window(
        mine[0]["devices"], found["devices_used"], found["gpu_used"], result["samples"]
    )


def _use(recorded: Sequence[Mapping[str, Any]]) -> tuple[str | None, list[str]]:
    """The last answer whether a GPU was used, and which; one that was used stays so."""
    told = [one for one in recorded if one["kind"] == events.GPU_USED]
    if not told:
        return None, []
    last = next((one for one in reversed(told) if one["answer"] == "yes"), told[-1])
    return last["answer"], [str(one) for one in last.get("devices") or ()]


def _end_s(run: Run) -> float:
    """When the command ended; now, where it goes on."""
    ended = run.stored_state.ended_boottime_s or (run.exit or {}).get("ended_boottime_s")
    return float(ended) if ended is not None else boottime()


def _phases(recorded: Sequence[Mapping[str, Any]], ended_s: float) -> list[PhaseSpan]:
    """Those whose begin is known, each until the next begins."""
    found = [
        one for one in recorded if one["kind"] == events.PHASE and one.get("boottime_s") is not None
    ]
    ends = [one["boottime_s"] for one in found[1:]]
    return [
        PhaseSpan(one["phase"], one.get("scenario"), one.get("mode"), one["boottime_s"], end)
        for one, end in zip(found, [*ends, ended_s])
        if end > one["boottime_s"]
    ]
