"""`gpu`: an NVML snapshot, or a stream of them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from tui.cli import output
from tui.engine.errors import SpecError

SHORTEST_S = 0.1
LONGEST_S = 86400
PATIENCE_S = 3.0
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
    from tui.engine.process import boottime
    from tui.engine.telemetry.host import HostSource
    from tui.engine.telemetry.nvml import NvmlSource
    from tui.engine.telemetry.sampler import gpu_sampler, host_sampler
    from tui.present import gpu

    if args.watch is not None and not SHORTEST_S <= args.watch <= LONGEST_S:
        raise SpecError("--watch", f"{args.watch:g} is not between {SHORTEST_S} and {LONGEST_S} s")
    period_s = min(1.0, args.watch or FIRST_LOAD_S)
    gpus, host = gpu_sampler(NvmlSource, period_s), host_sampler(HostSource, period_s)
    gpus.start()
    host.start()
    _await(lambda: bool(gpus.latest.sample or gpus.latest.error) and host.latest.sample is not None)
    time.sleep(FIRST_LOAD_S)
    _await(lambda: (host.latest.age_s(boottime()) or 0) < period_s)
    while True:
        now = boottime()
        if args.json:
            found = gpu.to_json(gpus.latest, host.latest, now)
            if args.watch is None:
                output.document(found)
            else:
                output.event({"time": home.utc_now(), **found})
        else:
            for panel in gpu.panels(gpus.latest, host.latest, now):
                output.panel(panel)
        if args.watch is None:
            return 0
        time.sleep(args.watch)


def _await(claim: Callable[[], bool]) -> None:
    """Until it is true; a driver that gives no answer is not waited for."""
    end = time.monotonic() + PATIENCE_S
    while not claim() and time.monotonic() < end:
        time.sleep(0.01)
