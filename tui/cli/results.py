"""`results`: LoadGen output, wherever it lies."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli import output
from tui.engine.errors import NotFoundError

if TYPE_CHECKING:
    from tui.engine.catalog import Catalog


def add(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "results",
        help="read LoadGen output: a run, a log, any folder, a whole submission",
        description="Read LoadGen output wherever it lies, judge it, and say what to change. "
        "Every run below a folder is listed once.",
    )
    verb.add_argument("path", nargs="+", metavar="PATH", help="run id, log file or folder")
    form = verb.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document")
    form.add_argument("--csv", action="store_true", help="print CSV")
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")
    verb.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Read and print, each result as soon as it is read."""
    from tui.engine import catalog
    from tui.present import result

    known = catalog.load()
    found = _found([path_of(name) for name in args.path], known)
    if args.json:
        output.array(found)
    elif args.csv:
        output.comma_separated(result.COLUMNS, map(result.table_row, found))
    elif args.markdown:
        output.markdown(result.COLUMNS, map(result.table_row, found))
    else:
        _print_panels(found, known)
    return 0


def _found(paths: list[Path], known: Catalog) -> Iterator[dict[str, Any]]:
    from tui.engine.results import iter_results

    for path in paths:
        for one in iter_results(path, known, _tell_left_out):
            yield one.to_json()


def _tell_left_out(path: Path, why: str) -> None:
    output.talk(f"left out: {path}: {why}")


def _print_panels(found: Iterator[dict[str, Any]], known: Catalog) -> None:
    from tui.engine.published import Published
    from tui.present import result

    published = Published(known)
    for n, one in enumerate(found):
        if n:
            output.line()
        output.panel(result.panel(one, published.beside(one)))


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
