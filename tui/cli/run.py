"""`run`: start a run or a series, and follow it to its end."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from tui.cli import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.engine.catalog import Catalog
    from tui.engine.doctor import Check
    from tui.engine.launch import Plan, Request
    from tui.engine.spec import RunSpec
    from tui.engine.store import Run, RunStore
    from tui.engine.sut import SystemFacts

VALID, FAILED, NOT_VALID, INTERRUPTED = 0, 1, 3, 130
PROBED = {"healthy": VALID, "suspect": NOT_VALID}
"""The code of a probe by its verdict; else FAILED."""
STOP_TIMEOUT_S = 60.0


def add(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser("run", help="start a run (a series with --repeat) and follow it")
    verb.add_argument(
        "benchmark", metavar="BENCHMARK", nargs="?", help="a name of `mlperf-tui benchmarks`"
    )
    verb.add_argument("--preset", metavar="NAME", help="in place of BENCHMARK: a whole choice")
    verb.add_argument(
        "--command",
        metavar="'mlcr …'",
        dest="mlcr_command",
        help="in place of BENCHMARK: an mlcr command as it is pasted; - reads it from stdin",
    )
    verb.add_argument("--scenario", metavar="S", help="e.g. Offline")
    verb.add_argument(
        "--mode",
        metavar="MODE",
        help="performance (the default), accuracy, both, find-performance or submission",
    )
    verb.add_argument("--installation", metavar="embedded|DIR", help="which mlcr runs it")
    verb.add_argument("--environment", metavar="E", help="default: the recognised one")
    verb.add_argument("--device", metavar="cpu|cuda", help="default: the benchmark's first")
    verb.add_argument("--repeat", type=int, metavar="N", help="a series of N runs")
    verb.add_argument("--on", default="local", metavar="TARGET", help="where it runs")
    verb.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="a key of `mlperf-tui options`, e.g. batch_size=8",
    )
    verb.add_argument(
        "--variation",
        action="append",
        default=[],
        metavar="NAME",
        dest="variations",
        help="a variation of mlcr, e.g. short, full, r5.1-dev",
    )
    verb.add_argument("--detach", action="store_true", help="start it, print its id, go")
    verb.add_argument("--dry-run", action="store_true", help="print the command, start nothing")
    verb.add_argument("--json", action="store_true", help="one JSON object a line")
    verb.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Plan, start, follow."""
    from tui.engine import catalog, home, launch, sut
    from tui.engine.store import RunStore
    from tui.present import needs

    store = RunStore(home.data_root())
    facts = sut.describe()
    known = catalog.load()
    plan = launch.prepare(request_of(args, known, store), known, store, facts)
    for said in (*([plan.note] if plan.note else []), *needs.lines(plan)):
        output.talk(said)
    if not args.dry_run:
        say_checks(launch.checked(plan, known, store))
    if plan.spec.device == "cuda" and facts.nvidia_driver is not None:
        say_probe(store, facts)
    if args.dry_run:
        return dry_run(plan.spec, store, json=args.json)
    return start(args, plan, store, facts)


def request_of(args: argparse.Namespace, known: Catalog, store: RunStore) -> Request:
    """What is asked for: by name, by preset or by command, and what is named beside it."""
    from dataclasses import replace

    from tui.engine import spec

    found = _begun(args, known, store)
    changes = {
        "scenario": args.scenario,
        "mode": args.mode or spec.mode_of(args.variations),
        "device": args.device,
        "installation": args.installation,
        "environment": args.environment,
        "target": args.on,
        "repeats": args.repeat,
    }
    return replace(
        found,
        settings={**found.settings, **spec.parse_settings(args.settings)},
        variations=spec.varied(found.variations, *args.variations),
        **{name: value for name, value in changes.items() if value is not None},
    )


def _begun(args: argparse.Namespace, known: Catalog, store: RunStore) -> Request:
    """The choice before anything that is named beside it."""
    from tui.engine import command, launch, presets
    from tui.engine.errors import UsageError

    ways = (args.benchmark, args.preset, args.mlcr_command)
    if sum(one is not None for one in ways) > 1:
        raise UsageError("give one of BENCHMARK, --preset and --command (see: mlperf-tui run -h)")
    if args.preset is not None:
        return presets.request_of(known.preset(args.preset))
    if args.mlcr_command is not None:
        text = sys.stdin.read() if args.mlcr_command == "-" else args.mlcr_command
        pasted = command.parse(text, known, store.root, installation=args.installation)
        for note in pasted.notes:
            output.talk(note)
        return pasted.request
    missing = [
        name
        for name, value in (("BENCHMARK", args.benchmark), ("--scenario", args.scenario))
        if value is None
    ]
    if missing:
        raise UsageError(
            f"the following arguments are required: {', '.join(missing)} "
            "(see: mlperf-tui run --help)"
        )
    return launch.Request(args.benchmark, args.scenario)


def say_checks(found: Sequence[Check]) -> None:
    """What the doctor found wrong with this machine for this run."""
    for one in found:
        output.talk(f"{one.status.value}: {one.title}: {one.found}")
        if one.fix is not None:
            output.talk(f"  {one.fix.command or one.fix.text}")


def say_probe(store: RunStore, facts: SystemFacts) -> None:
    """How the GPU's last health check went, before hours are spent on it."""
    from datetime import datetime, timezone

    from tui.engine.probe import history
    from tui.present import probe

    found = history.last(store, facts.host)
    if found is None:
        output.talk("the GPU was never probed here; mlperf-tui probe does it in 10 seconds")
        return
    ago = probe.last_words(found, datetime.now(timezone.utc))
    output.talk(f"last probe of the GPU: {found.result['verdict']}, {ago}")


def start(args: argparse.Namespace, plan: Plan, store: RunStore, facts: SystemFacts) -> int:
    """Make the runs, hand them over, and follow them unless told not to."""
    from tui.engine import launch

    runs: list[Run] = []
    try:
        for run in launch.begin(plan, store, facts, runs):
            if args.detach:
                started(run, json=args.json)
        return VALID if args.detach else follow_all(runs, json=args.json)
    except KeyboardInterrupt:
        output.talk("stopping …")
        for run in reversed(runs):  # the waiting ones first, so that none starts meanwhile
            stop(run, json=args.json)
        return INTERRUPTED


def started(run: Run, *, json: bool) -> None:
    """Say that a run is on its way."""
    if json:
        output.event({"event": "started", "id": run.id})
    else:
        output.line(run.id)


def stop(run: Run, *, json: bool) -> None:
    """Stop a run that was followed, and say what became of it."""
    from tui.engine.runners import runner_of
    from tui.present import run as present

    runner_of(run).stop(run, STOP_TIMEOUT_S)
    output.talk(f"{run.id}: {run.stored_state.state}")
    if json:
        output.event({"event": "finished", **present.detail(run)})


def dry_run(spec: RunSpec, store: RunStore, *, json: bool) -> int:
    """Print the exact command and variables of a run that would start now."""
    from tui.present import run as present

    if json:
        output.document(spec.bound_to(store.runs / store.new_id(spec)).to_json())
        return 0
    for line in present.dry_run(spec, store):
        output.line(line)
    return 0


def follow_all(runs: list[Run], *, json: bool) -> int:
    """Follow each run in its turn; the code of the worst of them."""
    codes = [follow_json(run) if json else follow_text(run) for run in runs]
    return next((code for code in (FAILED, NOT_VALID) if code in codes), VALID)


def exit_code(run: Run) -> int:
    """The contract's code for a run that is over."""
    from tui.present.run import verdict

    if run.stored_state.state != "finished":
        return FAILED
    if (probed := run.probe) is not None:
        return PROBED.get(str(probed["verdict"]), FAILED)
    return VALID if verdict(run.result or []) == "VALID" else NOT_VALID


def follow_json(run: Run) -> int:
    """One JSON object an event."""
    from tui.engine import follow
    from tui.engine.runners import runner_of
    from tui.present import run as present

    started(run, json=True)
    for event in follow.follow(run, log=False):
        if isinstance(event, follow.PhaseChanged):
            output.event(
                {
                    "event": "phase",
                    "name": event.phase,
                    "scenario": event.scenario,
                    "mode": event.mode,
                    "line": event.line,
                }
            )
        elif isinstance(event, follow.Alert):
            output.event({"event": "alert", "text": event.text})
        elif isinstance(event, follow.Reading):
            output.event({"event": "reading", **event.values})
        elif isinstance(event, follow.Tick):
            runner_of(run).attend(run)
    output.event({"event": "finished", **present.detail(run)})
    return exit_code(run)


def follow_text(run: Run) -> int:
    """Phases as they come, a status line in a terminal, then the result as a block."""
    output.talk(f"{run.id}\nIt goes on without this terminal; Ctrl-C stops it.")
    wait(run)
    if run.stored_state.state != "finished" or run.stored_state.cause:
        show_state(run)
    show_results(run)
    return exit_code(run)


def wait(run: Run) -> None:
    """Until the run is over, without a word on stdout; a status line in a terminal."""
    from tui.engine import follow
    from tui.engine.runners import runner_of

    status = StatusLine(run)
    try:
        for event in follow.follow(run, log=False):
            if isinstance(event, follow.PhaseChanged):
                status.enter(event)
            elif isinstance(event, follow.Limits):
                status.min_duration_s = event.min_duration_s
            elif isinstance(event, follow.StateChanged):
                status.state = event.state.state
            elif isinstance(event, follow.Alert):
                status.say(f"alert: {event.text}")
            elif isinstance(event, follow.Tick):
                runner_of(run).attend(run)
                status.draw()
    finally:
        status.clear()


def show_results(run: Run) -> None:
    """What it measured."""
    from tui.present import probe, result

    for found in run.result or ():
        output.panel(result.panel(found))
    if (probed := run.probe) is not None and probed["metrics"]:
        output.panel(probe.panel(probed, str(run.stored_spec.get("scenario"))))


def show_state(run: Run) -> None:
    """The run itself: what became of it, and why."""
    from tui.present import run as present

    output.panel(present.panel(run))


class StatusLine:
    """One line on stderr that says what runs and for how long; lines only, where no terminal is."""

    def __init__(self, run: Run) -> None:
        from tui.present.run import title

        self._title = title(run.stored_spec)
        self._several = run.stored_spec["mode"] == "both"
        self._live = sys.stderr.isatty() and output.is_capable(sys.stderr)
        self._drawn = False
        self._phase: str | None = None
        self._since = time.monotonic()
        self.state = "queued"
        self.min_duration_s: float | None = None

    def enter(self, phase: Any) -> None:
        """A phase has begun."""
        from tui.engine.process import boottime

        where = f" ({phase.mode})" if self._several and phase.mode else ""
        self._phase = f"{phase.phase}{where}"
        begun = phase.boottime_s
        self._since = time.monotonic() - (boottime() - begun if begun is not None else 0)
        self.min_duration_s = None
        if self._live:
            self.draw()
        else:
            self.say(self._phase)

    def say(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        output.talk(text)

    def draw(self) -> None:
        """Bring the line up to date."""
        if not self._live:
            return
        from shutil import get_terminal_size

        from tui.present import metrics

        elapsed = metrics.duration(time.monotonic() - self._since)
        least = (
            f" of at least {metrics.duration(self.min_duration_s)}" if self.min_duration_s else ""
        )
        phase = f"   {self._phase} {elapsed}{least}" if self._phase else ""
        text = f"{self.state}{phase}   {self._title}"
        output.status(text[: get_terminal_size().columns - 1])
        self._drawn = True

    def clear(self) -> None:
        """Remove the line."""
        if self._drawn:
            output.status("")
            self._drawn = False
