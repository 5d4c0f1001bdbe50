"""Runs to measure with."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tui.engine import home
from tui.engine.runners.local import LocalRunner
from tui.engine.spec import RunSpec
from tui.engine.store import Run, RunState, RunStore


def command_run(store: RunStore, code: str) -> Run:
    """Any Python program as a run, started."""
    spec = RunSpec(
        benchmark="smoke",
        scenario="Offline",
        mode="performance",
        device="cpu",
        installation="embedded",
        environment="bare-metal",
        target="local",
        runner="local",
        argv=(sys.executable, "-c", code),
        cwd="{run}/work",
        env_vars={},
        disk_bytes=0,
    )
    run = store.create(spec, {})
    LocalRunner().submit(run)
    while not run.identity("command") and not run.stored_state.is_final:
        time.sleep(0.01)
    return run


def wait(run: Run) -> None:
    """Until it is over."""
    while not run.stored_state.is_final:
        time.sleep(0.05)


def finished_run(root: Path, second: int, log: bytes = b"done\n") -> Run:
    """A run that is over, made by hand."""
    name = (
        f"20250101T{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}Z-smoke-Offline-0000"
    )
    folder = root / "runs" / name
    folder.mkdir(parents=True)
    about = {"benchmark": "smoke", "scenario": "Offline", "mode": "performance"}
    about |= {"environment": "bare-metal", "installation": "embedded", "runner": "local"}
    created = "2025-01-01T00:00:00.000Z"
    (folder / "run.json").write_text(
        json.dumps({"id": name, "created": created, "kind": "mlperf", "argv": [], **about})
    )
    state = RunState("finished", created=created, ended=created)
    (folder / "state.json").write_text(home.to_json(state.to_json()))
    (folder / "result.json").write_text("[]")
    (folder / "console.log").write_bytes(log)
    return Run(folder)
