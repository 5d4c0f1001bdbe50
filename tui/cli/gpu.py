"""`gpu`: an NVML snapshot, or a stream of them."""

from __future__ import annotations

import argparse
import time
from typing import Any

from tui.cli import output
from tui.engine.errors import SpecError

SHORTEST_S = 0.1
LONGEST_S = 86400
FIRST_LOAD_S = 0.1
"""CPU load is a difference: the first one needs a moment."""


def add(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser("gpu", help="GPUs and host now, by NVML")
    verb.add_argument("--watch", type=float, metavar="SECONDS", help="go on, one reading each")
    verb.add_argument("--json", action="store_true", help="one JSON object (a line, with --watch)")
    verb.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Read and print."""
    from tui.engine import home
    from tui.engine.telemetry.host import HostSource
    from tui.engine.telemetry.nvml import NvmlSource
    from tui.engine.telemetry.reading import SourceUnavailable
    from tui.present import gpu

    if args.watch is not None and not SHORTEST_S <= args.watch <= LONGEST_S:
        raise SpecError("--watch", f"{args.watch:g} is not between {SHORTEST_S} and {LONGEST_S} s")
    source, error = None, None
    try:
        source = NvmlSource()
    except SourceUnavailable as problem:
        error = str(problem)
    host = HostSource()
    time.sleep(FIRST_LOAD_S)
    while True:
        snapshot = source.snapshot() if source else None
        (load,) = host.read()
        if args.json:
            found = gpu.to_json(snapshot, error, load)
            if args.watch is None:
                output.document(found)
            else:
                output.event({"time": home.utc_now(), **found})
        else:
            for panel in gpu.panels(snapshot, error, load):
                output.panel(panel)
        if args.watch is None:
            return 0
        time.sleep(args.watch)
