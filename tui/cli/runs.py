"""`runs`, `show`, `logs`, `stop`, `delete`: the history, and what can be done to a run of it."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tui.cli import output
from tui.engine.errors import MlperfTuiError, NotFoundError, UsageError

if TYPE_CHECKING:
    from tui.engine.store import Run, RunStore

STOP_TIMEOUT_S = 60.0


def add(verbs: Any) -> None:
    """Add the verbs."""
    verb = verbs.add_parser("runs", help="history, newest first")
    verb.add_argument("--json", action="store_true", help="print one JSON document")
    verb.set_defaults(do=do_runs)

    verb = verbs.add_parser("show", help="one run: spec, state, phases, result, telemetry")
    _add_run(verb)
    verb.add_argument("--json", action="store_true", help="print one JSON document")
    verb.set_defaults(do=do_show)

    verb = verbs.add_parser("logs", help="the raw console of a run")
    _add_run(verb)
    verb.add_argument("-f", "--follow", action="store_true", help="go on until the run is over")
    verb.set_defaults(do=do_logs)

    verb = verbs.add_parser("stop", help="stop a run, gently and then hard")
    _add_run(verb)
    verb.set_defaults(do=do_stop)

    verb = verbs.add_parser("delete", help="remove finished runs from the history")
    verb.add_argument("run", nargs="+", metavar="RUN", help="id, prefix or `latest`")
    verb.add_argument("--yes", action="store_true", help="do not ask")
    verb.set_defaults(do=do_delete)


def _add_run(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", metavar="RUN", help="id, unambiguous prefix, or `latest`")


def _store() -> RunStore:
    from tui.engine import home
    from tui.engine.store import RunStore

    return RunStore(home.data_root())


def _attended(name: str) -> Run:
    """The run, with a supervisor again where one was missing."""
    from tui.engine.runners import runner_of

    run = _store().open(name)
    runner_of(run).attend(run)
    return run


def do_runs(args: argparse.Namespace) -> int:
    """List the history."""
    from tui.present import run as present

    found, store = [], _store()
    for run in store:
        try:
            found.append(present.overview(run))
        except NotFoundError as error:
            output.complain(f"left out: {error}")
    if args.json:
        output.document(found)
    elif not found:
        output.talk("No runs yet. Start one: mlperf-tui run smoke --scenario Offline")
    else:
        rows = (present.list_row(one, store.open(one["id"]).result or []) for one in found)
        output.table(present.RUN_COLUMNS, rows, spare=("environment", "mode", "verdict"))
    return 0


def do_show(args: argparse.Namespace) -> int:
    """Show one run."""
    from tui.engine import beside
    from tui.present import probe, result, telemetry
    from tui.present import run as present

    run = _attended(args.run)
    if args.json:
        output.document(present.detail(run))
        return 0
    output.panel(present.panel(run))
    for found in run.result or ():
        output.line()
        output.panel(result.panel(found))
    if (probed := run.probe) is not None and probed["metrics"]:
        output.line()
        output.panel(probe.panel(probed, str(run.stored_spec.get("scenario"))))
    if recorded := beside.summary(run):
        output.line()
        output.panel(telemetry.panel(recorded))
    return 0


def do_logs(args: argparse.Namespace) -> int:
    """Print the console, and follow it."""
    from tui.engine import follow
    from tui.engine.runners import runner_of

    if not args.follow:
        for part in follow.log_lines(_store().open(args.run)):
            output.raw(part.data)
        return 0
    run = _attended(args.run)
    for event in follow.follow(run):
        if isinstance(event, follow.LogLines):
            output.raw(event.data)
        elif isinstance(event, follow.Tick):
            runner_of(run).attend(run)
    return 0


def do_stop(args: argparse.Namespace) -> int:
    """Stop one run and wait until nothing of it is left."""
    from tui.engine.runners import runner_of

    run = _store().open(args.run)
    if (now := run.current_state()).is_final:
        output.talk(f"{run.id} is over already: {now.state}")
        return 0
    if not runner_of(run).stop(run, STOP_TIMEOUT_S):
        raise MlperfTuiError(f"{run.id} is not over after {STOP_TIMEOUT_S:.0f} s; see `show`")
    output.talk(f"{run.id}: {run.stored_state.state}")
    return 0


def do_delete(args: argparse.Namespace) -> int:
    """Delete runs that are over, after a yes."""
    store = _store()
    runs = list(dict.fromkeys(store.open(name) for name in args.run))
    for run in runs:
        if not run.current_state().is_final:
            raise UsageError(f"{run.id} is not over; stop it first: mlperf-tui stop {run.id}")
    if not args.yes and not _agreed(len(runs)):
        raise UsageError("nothing was deleted; say --yes to delete without a question")
    from tui.engine.queue import queue_of

    for run in runs:
        with suppress(NotFoundError):  # a damaged run.json does not tell the queue
            queue_of(run).leave(run)
        store.delete(run)
        output.talk(f"deleted {run.id}")
    return 0


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"Delete {count} run(s) with logs and results? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
