"""`explain`: any mlcr console log, its phases, and for a failure the cause and the fix."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli import output
from tui.engine.errors import NotFoundError

if TYPE_CHECKING:
    from tui.engine.explain import Explanation

STDIN = "-"


def add(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "explain",
        help="what happened in an mlcr log: phases, outcome, cause and fix",
        description="Read any mlcr console log and say what happened: a run of the history, a "
        "saved log, what `script` or asciinema recorded; - reads standard input.",
    )
    verb.add_argument("log", metavar="LOG", help="a file, a run id, `latest`, or -")
    verb.add_argument("--json", action="store_true", help="print one JSON document")
    verb.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Explain."""
    from tui.present import explain as present

    found = explained(args.log)
    if args.json:
        output.document(found.to_json())
    else:
        output.panel(present.panel(found, "standard input" if args.log == STDIN else args.log))
    return 0


def explained(name: str) -> Explanation:
    """A path as it is, else the run of that name."""
    from tui.engine import explain, home
    from tui.engine.store import RunStore

    if name == STDIN:
        if sys.stdin is None:
            raise NotFoundError("standard input is closed")
        return explain.explain_stream(sys.stdin.buffer)
    if os.path.lexists(name):
        path = Path(name)
        folder = path / "run.json"
        if path.is_dir() and not folder.is_file():
            raise NotFoundError(f"{path} is a folder; name a log, or a run of the history")
        if path.is_dir():
            from tui.engine.store import Run

            return explain.explain_run(Run(path.absolute()))
        return explain.explain_log(path)
    try:
        return explain.explain_run(RunStore(home.data_root()).open(name))
    except NotFoundError as error:
        if "'" + name + "'" in str(error) or name in str(error):
            raise NotFoundError(f"'{name}' is neither a file nor a run") from None
        raise
