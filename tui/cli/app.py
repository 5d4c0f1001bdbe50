"""No verb: the terminal app; where no terminal can show it, an overview in plain lines."""

from __future__ import annotations

import gc
import os
import sys

from tui.cli import output


def open_app() -> int:
    """The app in a terminal that can show it, else lines."""
    streams = (sys.stdout, sys.stderr)  # Textual draws on stderr
    if not (sys.stdin.isatty() and all(map(output.is_capable, streams))):
        return overview()
    # Read when Textual is imported: no motion over SSH.
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    # Nothing of what is imported and made until the first screen is seen is ever garbage.
    gc.disable()
    from tui import app

    return app.open_app(ascii_only=output.is_ascii_only(sys.stdout))


def overview() -> int:
    """What runs, what ran last, and how to go on: the app's first screen without a screen."""
    from tui.engine import home, sut
    from tui.engine.queue import live_runs
    from tui.engine.store import RunStore
    from tui.present import run as present

    store = RunStore(home.data_root())
    facts = sut.describe()
    output.line(f"mlperf-tui   {facts.host} · {facts.machine}")
    output.talk("No terminal for the app here (TERM=dumb, or not a terminal): this is in lines.")
    running, waiting = live_runs(store)
    for words, ids in (("running", running), ("queued", waiting)):
        for run_id in ids:
            output.line(f"{words}   {run_id}")
    last = [present.overview(run) for run in store.last(5)]
    if last:
        rows = (present.list_row(one, store.open(one["id"]).result or []) for one in last)
        output.table(present.RUN_COLUMNS, rows, spare=("environment", "mode", "verdict"))
    else:
        output.line("No runs yet. Start one: mlperf-tui run smoke --scenario Offline")
    output.line("Verbs: benchmarks, run, runs, show, logs, stop, results, gpu, probe; see --help")
    return 0
