"""`setup`: make the MLCFlow installation that official runs use."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tui.cli import output
from tui.engine.setup import options

if TYPE_CHECKING:
    from tui.engine.setup.steps import Plan

FAILED, INTERRUPTED = 1, 130


def add(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser("setup", help="make the MLCFlow installation that official runs use")
    options.add_to(verb)
    verb.add_argument(
        "--dry-run", action="store_true", help="print the exact commands, and start none of them"
    )
    verb.add_argument("--json", action="store_true", help="one JSON object a line")
    verb.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Set up, or say what would be done."""
    from tui.engine import home, sut
    from tui.engine.setup import steps, told, work

    has_gpu = sut.describe().nvidia_driver is not None
    plan = steps.plan(options.request(args, has_gpu=has_gpu))
    if args.dry_run:
        return _dry_run(plan, json=args.json)
    outside = work.Outside(data_root=home.data_root())
    finished = None
    # A lost terminal leaves no pip behind; a job of a shell starts with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with closing(work.run(plan, outside)) as events:
            for event in events:
                _tell(event, json=args.json)
                if isinstance(event, told.Finished):
                    finished = event
    except KeyboardInterrupt:
        _clear()
        output.talk("stopped; the next setup goes on from here")
        return INTERRUPTED
    ok = finished is not None and finished.ok
    if not args.json:
        _end(plan, ok=ok)
    return 0 if ok else FAILED


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _dry_run(plan: Plan, *, json: bool) -> int:
    from tui.present import setup as present

    if json:
        output.document(present.dry_run_json(plan))
    else:
        for line in present.dry_run(plan):
            output.line(line)
    return 0


def _tell(event: Any, *, json: bool) -> None:
    """One event: an object on stdout, or words on stderr."""
    from tui.engine.setup import told
    from tui.present import setup as present

    if json:
        output.event(told.to_json(event))
        return
    if isinstance(event, told.Printed):
        if output.is_capable(sys.stderr):
            output.status(present.cut(f"  {event.text}", output.terminal_width()))
        return
    _clear()
    if isinstance(event, told.Noted):
        output.talk(f"note: {event.text}")
    elif isinstance(event, told.StepChanged):
        badge, *more = present.step_lines(event)
        if event.state == told.RUNNING:
            if output.is_capable(sys.stderr):
                output.status(badge.text)
            return
        output.talk(output.badge(badge, sys.stderr))
        for line in more:
            output.talk(line)


def _clear() -> None:
    if output.is_capable(sys.stderr):
        output.status("")


def _end(plan: Plan, *, ok: bool) -> None:
    from tui.present import setup as present

    if ok:
        for line in present.ready(plan.place.folder):
            output.line(line)
    elif plan.place.log.exists():
        output.talk(f"The log: {plan.place.log}. What is done stays; setup goes on from there.")
