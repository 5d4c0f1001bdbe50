"""`results`: LoadGen output, wherever it lies."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from tui.cli import output
from tui.engine.errors import NotFoundError


def add(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser("results", help="read LoadGen output: a run, a log, any folder")
    verb.add_argument("path", nargs="+", metavar="PATH", help="run id, log file or folder")
    form = verb.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document")
    form.add_argument("--csv", action="store_true", help="print CSV")
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")
    verb.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Read and print."""
    from tui.engine import catalog
    from tui.engine.results import read_results
    from tui.present import result

    known = catalog.load()
    found = [one.to_json() for name in args.path for one in read_results(path_of(name), known)]
    if args.json:
        output.document(found)
    elif args.csv:
        output.comma_separated(result.COLUMNS, map(result.table_row, found))
    elif args.markdown:
        output.markdown(result.COLUMNS, map(result.table_row, found))
    else:
        for n, one in enumerate(found):
            if n:
                output.line()
            output.panel(result.panel(one))
    return 0


def path_of(name: str) -> Path:
    """A path as it is, else the results of the run of that name."""
    if os.path.lexists(name):
        return Path(name)
    from tui.engine import home
    from tui.engine.store import RunStore

    try:
        return RunStore(home.data_root()).open(name).results
    except NotFoundError:
        raise NotFoundError(f"'{name}' is neither a path nor a run") from None
