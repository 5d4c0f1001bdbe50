"""`benchmarks`: the catalogue."""

from __future__ import annotations

import argparse
from typing import Any

from tui.cli import output


def add(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser("benchmarks", help="the catalogue: benchmarks, scenarios, needs")
    verb.add_argument("--json", action="store_true", help="print one JSON document")
    verb.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Print the catalogue."""
    from tui.engine import catalog
    from tui.present import benchmark
    from widgets.rows import Badge, Tone

    known = catalog.load()
    found = list(known.benchmarks.values())
    _ = known.rounds  # a wrong one is said here too
    if args.json:
        output.document([benchmark.to_json(one, known.rounds_of(one)) for one in found])
        return 0
    rows = ([Badge(cell, Tone.PLAIN) for cell in benchmark.list_row(one)] for one in found)
    output.table(benchmark.COLUMNS, rows, spare=("needs", "what it is"))
    return 0
