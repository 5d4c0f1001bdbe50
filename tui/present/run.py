"""A run -> the contract's objects and the rows of a list."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tui.engine import events
from tui.engine.spec import RunSpec
from tui.engine.store import Run, RunState, RunStore
from tui.present import explain, metrics
from tui.present.benchmark import SHORT
from tui.present.result import VERDICTS as RESULT_VERDICTS
from tui.present.result import accuracy_name, short_metric
from widgets.rows import Badge, Cell, Column, Fact, Panel, Tone

STATES = {
    "queued": Tone.WAITING,
    "starting": Tone.ACTIVE,
    "running": Tone.ACTIVE,
    "stopping": Tone.ACTIVE,
    "finished": Tone.GOOD,
    "failed": Tone.BAD,
    "stopped": Tone.STOPPED,
    "lost": Tone.UNKNOWN,
}
SHORT_NAMES = {
    **{str(scenario): short for scenario, short in SHORT.items()},
    **{"full": "", "quick": "qck"},  # of a probe, in the same column
}
VERDICTS = {
    **RESULT_VERDICTS,
    **{"healthy": Tone.GOOD, "suspect": Tone.WARNING, "unhealthy": Tone.BAD},
}
"""Of results and of health probes."""
WORST_FIRST = ("INCOMPLETE", "ERRORS", "INVALID", "VALID")


def overview(run: Run) -> dict[str, Any]:
    """One row of `runs --json`."""
    spec = run.stored_spec
    state = run.current_state()
    results = (run.result or []) if state.is_final else []
    if spec.get("kind") == "probe":
        return _probe_overview(run, spec, state)
    return {
        "id": run.id,
        **{name: spec.get(name) for name in ("created", "kind", "benchmark", "scenario", "mode")},
        **{name: spec.get(name) for name in ("environment", "installation", "series", "repeat")},
        "state": state.state,
        "phase": state.phase,
        "verdict": verdict(results),
        "metric": next((one["metric"] for one in results if one["metric"]), None),
    }


PROBED = "d2d"
"""The metric that stands for a probe in a list."""


def _probe_overview(run: Run, spec: Mapping[str, Any], state: RunState) -> dict[str, Any]:
    """The same of a health probe."""
    found = (run.probe if state.is_final else None) or {"verdict": None, "metrics": []}
    shown = (one for one in found["metrics"] if one["name"] == PROBED)
    parts = ("name", "value", "unit", "better")
    return {
        "id": run.id,
        **{name: spec.get(name) for name in ("created", "kind", "benchmark", "scenario", "mode")},
        **{name: spec.get(name) for name in ("environment", "installation", "series", "repeat")},
        "state": state.state,
        "phase": state.phase,
        "verdict": found["verdict"],
        "metric": next(({name: one[name] for name in parts} for one in shown), None),
    }


def verdict(results: list[dict[str, Any]]) -> str | None:
    """The worst verdict of a run's results; None where there are none."""
    found = {one["verdict"] for one in results}
    return next((one for one in WORST_FIRST if one in found), None)


def verdict_of(run: Run) -> str | None:
    """A run's verdict, whatever its kind."""
    probed = run.probe
    return probed["verdict"] if probed is not None else verdict(run.result or [])


def detail(run: Run) -> dict[str, Any]:
    """The object of `show --json`."""
    from tui.engine import beside

    recorded, _ = events.read(run.events)
    return {
        **overview(run),
        "spec": run.stored_spec,
        "state_detail": run.current_state().to_json(),
        "phases": phases(recorded, run.stored_state),
        "results": [run.probe] if run.probe is not None else run.result or [],
        "telemetry": beside.summary(run),
    }


def phases(recorded: list[dict[str, Any]], state: RunState) -> list[dict[str, Any]]:
    """Every phase with its line in the console and its seconds; null while unknown."""
    found = [one for one in recorded if one["kind"] == events.PHASE]
    begins = [one.get("boottime_s") for one in found]
    ends = [*begins[1:], state.ended_boottime_s]
    return [
        {
            "name": one["phase"],
            "scenario": one.get("scenario"),
            "mode": one.get("mode"),
            "line": one.get("line"),
            "seconds": round(end - begin, 3) if begin is not None and end is not None else None,
        }
        for one, begin, end in zip(found, begins, ends)
    ]


def command(run: Run) -> str:
    """The command of a run, as a shell takes it."""
    return shlex.join(run.stored_spec.get("argv", ()))


def dry_run(spec: RunSpec, store: RunStore) -> list[str]:
    """What would be run now, as lines for a shell: folder, variables, command."""
    bound = spec.bound_to(store.runs / store.new_id(spec))
    return [
        shlex.join(["mkdir", "-p", bound.cwd]),
        shlex.join(["cd", bound.cwd]),
        *(f"export {name}={shlex.quote(value)}" for name, value in bound.env_vars.items()),
        shlex.join(bound.argv),
    ]


def environment(spec: Mapping[str, Any]) -> str:
    """A run's environment as it is shown: `baseline (KVM guest)` for that of a cloud VM."""
    return str(spec.get("environment_label") or spec.get("environment") or "?")


def title(spec: Mapping[str, Any]) -> str:
    """What a run is, in one line."""
    words = [str(spec.get(name) or "?") for name in ("benchmark", "scenario", "mode")]
    words.append(environment(spec))
    if spec.get("repeat"):
        words.append(f"repeat {spec['repeat']}")
    return " · ".join(words)


def state_badge(state: RunState) -> Badge:
    """The state as word and tone."""
    return Badge(state.state, STATES[state.state])


def panel(run: Run) -> Panel:
    """What a run is and how it went, without its results."""
    found = detail(run)
    state = run.current_state()
    facts = [Fact("run", run.id), Fact("folder", str(run.folder))]
    if state.duration_s is not None:
        facts.append(Fact("took", metrics.duration(state.duration_s)))
    if state.exit_code is not None:
        facts.append(Fact("exit", str(state.exit_code)))
    if state.signal is not None:
        facts.append(Fact("signal", str(state.signal)))
    timeline = [
        f"{one['name']} {metrics.duration(one['seconds'])}"
        for one in found["phases"]
        if one["seconds"] is not None
    ]
    if timeline:
        facts.append(Fact("phases", ", ".join(timeline)))
    facts += probe_before(run)
    facts.append(Fact("command", command(run)))
    cause = state.cause
    return Panel(
        title=title(found["spec"]),
        badge=state_badge(state),
        facts=tuple(facts),
        reasons=(explain.reason(cause),) if cause else (),
    )


def probe_before(run: Run) -> list[Fact]:
    """The health probe that a run on a GPU can be read beside; [] where there is none."""
    if run.stored_spec.get("device") != "cuda":
        return []
    from tui.engine.probe import history  # a list of runs needs none of it
    from tui.present import probe as present_probe

    before = history.before_run(run)
    created = run.stored_spec.get("created")
    return [present_probe.beside_run(before, created)] if before is not None else []


def outcome(found: Mapping[str, Any], results: list[dict[str, Any]]) -> str:
    """The number of a run for a list: its metric, else its accuracy."""
    if found["metric"] is None:
        for one in results:
            if one["accuracy"]:
                return f"{accuracy_name(one['accuracy']['metric'])} {one['accuracy']['value']:g}"
    return short_metric(found["metric"])


def list_row(found: Mapping[str, Any], results: list[dict[str, Any]]) -> tuple[Badge, ...]:
    """One row of the `runs` table, from an `overview` and the run's results."""
    state = Badge(found["state"], STATES[found["state"]])
    cells = (
        found["id"],
        str(found["mode"]),
        str(found["environment"]),
        found["verdict"] or metrics.NOTHING,
        outcome(found, results),
    )
    return (state, *(Badge(cell, Tone.PLAIN) for cell in cells))


HISTORY = (
    Column("state", 12),
    Column("benchmark", 12, most=28),
    Column("", 3),
    Column("result", 19, right=True),
    Column("environment", 13, most=24),
    Column("age", 7, right=True),
    Column("mode", 11, spare=1),
    Column("run", 44, spare=2),
)
"""The history in the app."""


def history_row(
    found: Mapping[str, Any],
    results: list[dict[str, Any]],
    environment: str,
    place: int | None,
    now: datetime,
) -> tuple[Cell, ...]:
    """One row of the history.

    Args:
        found: the run's `overview`.
        results: its results.
        environment: its environment as shown.
        place: its place in the queue, from 1; None where it does not wait.
        now: to tell its age.
    """
    age = metrics.seconds_since(found["created"], now)
    scenario = str(found["scenario"])
    return (
        _state_cell(found, place),
        Cell(str(found["benchmark"])),
        Cell(SHORT_NAMES.get(scenario, scenario)),
        Cell(outcome(found, results)),
        Cell(environment, quiet=True),
        Cell(_age(age), quiet=True),
        Cell(str(found["mode"]), quiet=True),
        Cell(found["id"], quiet=True),
    )


def _age(seconds: float | None) -> str:
    """In minutes at least: a list does not tick."""
    if seconds is None:
        return metrics.NOTHING
    return metrics.age(seconds) if seconds >= 60 else "now"


def _state_cell(found: Mapping[str, Any], place: int | None) -> Cell:
    """The verdict where there is one, else the state."""
    verdict, state = found["verdict"], found["state"]
    if state == "finished" and verdict:
        return Cell(verdict, VERDICTS[verdict])
    if state == "queued" and place:
        return Cell(f"queued {place}", STATES[state])
    return Cell(state, STATES[state])


RUN_COLUMNS = ("state", "run", "mode", "environment", "verdict", "result")
