"""`options` and `presets`: what mlcr takes, and choices under a name."""

from __future__ import annotations

import argparse
from typing import Any

from tui.cli import output


def add(verbs: Any) -> None:
    """Add the verbs."""
    verb = verbs.add_parser("options", help="every key and variation that mlcr takes")
    verb.add_argument("--installation", metavar="embedded|DIR", help="whose mlcr")
    verb.add_argument("--json", action="store_true", help="print one JSON document")
    verb.set_defaults(do=options)
    verb = verbs.add_parser("presets", help="whole choices under a name, for run --preset")
    verb.add_argument("--json", action="store_true", help="print one JSON document")
    verb.set_defaults(do=presets)


def options(args: argparse.Namespace) -> int:
    """Print the keys and variations."""
    from tui.engine import home, mlcflow, mlcr_options
    from tui.present import options as present
    from widgets.rows import Badge, Tone

    name, _ = mlcflow.choose(args.installation)
    if name == mlcflow.EMBEDDED and not args.installation:
        takes = mlcr_options.snapshot()
    else:
        root = home.data_root()
        takes = mlcr_options.read(mlcflow.locate(name, root), root)
    if args.json:
        output.document(takes.to_json())
        return 0
    output.talk(takes.source)
    rows = ([Badge(cell, Tone.PLAIN) for cell in row] for row in present.rows(takes))
    output.table(present.COLUMNS, rows, spare=("what it does", "default"))
    return 0


def presets(args: argparse.Namespace) -> int:
    """Print the presets."""
    from dataclasses import asdict

    from tui.engine import catalog
    from tui.present import options as present
    from widgets.rows import Badge, Tone

    found = list(catalog.load().read_presets().values())
    if args.json:
        output.document([asdict(one) for one in found])
        return 0
    rows = ([Badge(cell, Tone.PLAIN) for cell in present.preset_row(one)] for one in found)
    output.table(present.PRESET_COLUMNS, rows, spare=("what it is",))
    return 0
