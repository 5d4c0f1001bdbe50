"""`probe`: the health check of a GPU, or of each in turn."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tui.cli import output
from tui.cli import run as run_verb

if TYPE_CHECKING:
    from tui.engine.store import Run
    from tui.engine.telemetry.gpus import GpuSnapshot

LARGEST_DEVICE = 1023


def add(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser("probe", help="the health check of each GPU, by CuPy")
    verb.add_argument("--device", type=int, metavar="N", help="one GPU, by NVML's number")
    verb.add_argument("--quick", action="store_true", help="under 5 s in place of about 10")
    verb.add_argument("--environment", metavar="E", help="default: the recognised one")
    verb.add_argument(
        "--json", action="store_true", help="one JSON object (an array, of several GPUs)"
    )
    verb.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Probe, and judge."""
    from tui.engine import catalog, home, launch, sut
    from tui.engine.errors import SpecError
    from tui.engine.store import RunStore

    if args.device is not None and not 0 <= args.device <= LARGEST_DEVICE:
        raise SpecError("--device", f"{args.device} is not between 0 and {LARGEST_DEVICE}")
    store, facts = RunStore(home.data_root()), sut.describe()
    request = launch.ProbeRequest(args.device, args.quick, args.environment)
    specs, warning = launch.prepare_probe(request, catalog.load(), facts, snapshot())
    if warning:
        output.talk(f"warning: {warning}")
    runs: list[Run] = []
    try:
        launch.begin_probe(specs, store, facts, runs)
        codes = [follow(run, json=args.json) for run in runs]
    except KeyboardInterrupt:
        output.talk("stopping …")
        for run in reversed(runs):
            run_verb.stop(run, json=False)
        return run_verb.INTERRUPTED
    if args.json:
        found = [_object(run) for run in runs]
        output.document(found[0] if len(found) == 1 else found)
    return next((one for one in (run_verb.FAILED, run_verb.NOT_VALID) if one in codes), 0)


def snapshot() -> GpuSnapshot | None:
    """What NVML shows now; None where there is none: the probe's body will say why."""
    from tui.engine.telemetry.nvml import NvmlSource
    from tui.engine.telemetry.reading import SourceUnavailable

    try:
        source = NvmlSource()
    except SourceUnavailable:
        return None
    try:
        return source.sample(counters=False)
    except SourceUnavailable:
        return None
    finally:
        source.close()


def follow(run: Run, *, json: bool) -> int:
    """Follow one probe to its end; its code."""
    if not json:
        return run_verb.follow_text(run)
    run_verb.wait(run)
    return run_verb.exit_code(run)


def _object(run: Run) -> dict[str, Any]:
    """A probe's result; of one that gave none, why."""
    if (found := run.probe) is not None:
        return found
    state = run.stored_state
    cause = state.cause
    code, text, fix = (
        (cause.code, cause.text, cause.fix)
        if cause
        else (state.state, f"it was {state.state}", None)
    )
    return {
        "verdict": None,
        "reasons": [{"code": code, "text": text, "fix": fix}],
        "notes": [],
        "device": None,
        "metrics": [],
        **{name: [] for name in ("curves", "checks", "readings")},
        "complete": False,
        "datasheet": None,
        "baseline_probes": 0,
        "quick": run.stored_spec.get("scenario") == "quick",
        "seconds": state.duration_s,
    }
