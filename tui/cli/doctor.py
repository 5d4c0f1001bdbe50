"""`doctor`: checks of this machine, each with its fix."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from tui.cli import output

if TYPE_CHECKING:
    from tui.engine.doctor import Check

FAILED = 1
INDENT = "    "


def add(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser("doctor", help="checks of this machine, each with its fix")
    verb.add_argument(
        "--network", action="store_true", help="also whether GitHub and pip's index can be reached"
    )
    verb.add_argument("--json", action="store_true", help="one JSON array")
    verb.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Examine, and print; 1 where a check failed."""
    from dataclasses import replace

    from tui.engine import catalog, doctor, home

    environments = catalog.load().environments.values()
    world = replace(doctor.outside(home.data_root(), environments), has_network=args.network)
    if output.is_capable(sys.stderr):
        output.status("examining …")
    try:
        found = doctor.in_order(doctor.examine(world))
    finally:
        if output.is_capable(sys.stderr):
            output.status("")
    if args.json:
        output.array(one.to_json() for one in found)
    else:
        _print(found)
    return FAILED if any(one.status is doctor.Status.FAIL for one in found) else 0


def _print(found: list[Check]) -> None:
    from tui.present import doctor as present

    output.line("  ".join(output.badge(one, sys.stdout) for one in present.summary(found)))
    width = max(len(one.title) for one in found)
    for one in found:
        if not one.applies:
            continue
        words = output.badge(present.finding(one), sys.stdout)
        output.wrapped(words, f"{one.title.ljust(width)}  ", " " * (width + 4))
        if one.status.value in ("fail", "warning"):
            _print_fix(one)
    for why, titles in present.not_here(found).items():
        output.wrapped(f"{', '.join(titles)}: {why}", "– ", "  ")


def _print_fix(one: Check) -> None:
    """Why it matters, and what to do; commands are never broken, so that they can be copied."""
    output.wrapped(one.why, INDENT)
    if one.fix is not None:
        output.wrapped(one.fix.text, f"{INDENT}Fix: ", INDENT)
        for line in (one.fix.command or "").splitlines():
            output.line(f"{INDENT}$ {line}")
