"""What host and GPUs did beside a run: its telemetry by phase, and beside its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui.engine import events, home
from tui.engine.process import boottime
from tui.engine.store import Run
from tui.engine.telemetry.record import Record
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
    is_exact: bool = True
    """Its ends were seen when they were, not found afterwards in the console."""


SUMMARY = "telemetry.json"


def summary(run: Run) -> dict[str, Any] | None:
    """What the run's telemetry tells: over the whole run, and by phase.

    Of a run that is over it is kept in `telemetry.json`: to read hours of readings takes seconds.

    Returns:
        {"readings", "gpus": what the GPUs are, "gpu_used", "devices_used", "devices": {device:
        facts}, "phases": [{"name", "scenario", "mode", "seconds", "devices"}]}; None where nothing
        was recorded. See `summarize` for the facts.
    """
    if run.stored_state.is_final:
        kept = home.read_json(run.folder / SUMMARY)
        if isinstance(kept, dict) and "phases" in kept:
            return kept
    return _summed_up(run)


def keep_summary(run: Run) -> dict[str, Any] | None:
    """Sum up a run whose command is over, and keep that.

    Raises:
        OSError: the disk is full or not writable.
    """
    found = _summed_up(run)
    if found is not None:
        home.write_atomic(run.folder / SUMMARY, home.to_json(found))
    return found


def _summed_up(run: Run) -> dict[str, Any] | None:
    recorded, _ = events.read(run.events)
    known = _phases(recorded, _end_s(run, boottime()))
    spans = [Span(one.begin_s, one.end_s) for one in known]
    found = summarize(run.folder / "telemetry.csv", spans)
    if found is None:
        return None
    answer, used = _use(recorded)
    return {
        "readings": found["readings"],
        "gpus": _gpus(recorded),
        "gpu_used": answer,
        "devices_used": used,
        "devices": found["devices"],
        "phases": [
            {
                "name": one.name,
                "scenario": one.scenario,
                "mode": one.mode,
                "seconds": round(one.end_s - one.begin_s, 3),
                "devices": facts if one.is_exact else _without_energy(facts),
            }
            for one, facts in zip(known, found["spans"])
        ],
    }


def phases(run: Run, now_s: float) -> list[PhaseSpan]:
    """Each phase of the run, until the next begins; what goes on lasts until now."""
    recorded, _ = events.read(run.events)
    return _phases(recorded, _end_s(run, now_s))


def with_telemetry(
    found: Mapping[str, Any] | None, results: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """A run's results, each with what the GPUs did inside its LoadGen window.

    Args:
        found: the run's `summary`.
        results: as `read_results` tells them.
    """
    if found is None:
        return list(results)
    windows = [one for one in found["phases"] if one["name"] == LOADGEN]
    return [
        {
            **one,
            "telemetry": _of(one, windows, found),
            "accelerator": one.get("accelerator") or _accelerator(found),
        }
        for one in results
    ]


def _accelerator(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The GPUs that were used, where they are of one kind: what published figures are found by."""
    names = {one["device"]: one["name"] for one in found["gpus"]}
    used = {names.get(device) for device in found["devices_used"]}
    if found["gpu_used"] != "yes" or len(used) != 1 or None in used:
        return None
    return {"name": used.pop(), "count": len(found["devices_used"])}


def _gpus(recorded: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What GPUs there were, as last told."""
    told = [one["devices"] for one in recorded if one["kind"] == events.GPUS]
    return list(told[-1]) if told else []


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
    used = {str(device) for one in told if one["answer"] == "yes" for device in one["devices"]}
    return ("yes", sorted(used)) if used else (told[-1]["answer"], [])


def _end_s(run: Run, now_s: float) -> float:
    """When the command ended; now, where it goes on."""
    ended = run.stored_state.ended_boottime_s or (run.exit or {}).get("ended_boottime_s")
    if ended is not None:
        return float(ended)
    if run.is_command_alive():
        return now_s
    span = Record(run.folder).span  # nobody saw it end: as far as is recorded
    return span[1] if span is not None else now_s


def _phases(recorded: Sequence[Mapping[str, Any]], ended_s: float) -> list[PhaseSpan]:
    """Those whose begin is known, each until the next begins."""
    found = [
        one for one in recorded if one["kind"] == events.PHASE and one.get("boottime_s") is not None
    ]
    ends = [(one["boottime_s"], bool(one.get("late"))) for one in found[1:]]
    return [
        PhaseSpan(
            one["phase"],
            one.get("scenario"),
            one.get("mode"),
            one["boottime_s"],
            end,
            is_exact=not (one.get("late") or is_late),
        )
        for one, (end, is_late) in zip(found, [*ends, (ended_s, False)])
        if end > one["boottime_s"]
    ]


def _without_energy(facts: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of a phase whose ends are not known it cannot be told what it took."""
    return {
        device: one | {"energy_j": None} if "energy_j" in one else one
        for device, one in facts.items()
    }
