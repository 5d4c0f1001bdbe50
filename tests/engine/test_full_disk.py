"""A full disk may kill the command, but loses no byte written before, no exit code, no state."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import end_all, finished, missing, python, running, submit, wait_for

from tui.engine import events
from tui.engine.errors import StartError
from tui.engine.runners.local import LocalRunner
from tui.engine.store import RunStore, free_bytes

SIZE = 4_000_000


@pytest.fixture
def small_disk(root: Path, tmp_path: Path) -> Iterator[RunStore]:
    """A data root on a file system of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], capture_output=True
    )
    if mounted.returncode:
        missing(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield RunStore(disk)
    end_all(RunStore(disk))
    wait_for(lambda: subprocess.run(["umount", disk], capture_output=True).returncode == 0)


def fill(path: Path) -> None:
    """Until not even a byte fits."""
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 1):
            with suppress(OSError):
                while True:
                    os.write(file.fileno(), b"x" * size)


def test_a_command_that_fills_the_disk(small_disk: RunStore) -> None:
    code = (
        "import sys\n"
        "for n in range(1_000_000): sys.stdout.write('line %08d\\n' % n); sys.stdout.flush()"
    )
    run = finished(submit(small_disk, python(code)))
    state = run.stored_state
    assert state.state == "failed"
    assert state.cause is not None
    assert state.cause.code == "disk-full"
    assert run.exit is not None
    assert run.exit["exit_code"] == state.exit_code != 0
    whole = run.console.read_bytes().rpartition(b"\n")[0].splitlines()
    kept = [line for line in whole if line.startswith(b"line")]
    assert len(kept) > 100_000
    assert kept == [b"line %08d" % n for n in range(len(kept))]
    alerts = [one["text"] for one in events.read(run.events)[0] if one["kind"] == "alert"]
    assert any("MB are free where" in text for text in alerts)


def test_a_run_on_a_disk_filled_by_others_ends_well(small_disk: RunStore) -> None:
    run = running(submit(small_disk, python("import time; time.sleep(2); raise SystemExit(0)")))
    hog = small_disk.root / "hog"
    fill(hog)
    finished(run)
    assert run.stored_state.exit_code == 0
    assert run.exit is not None
    hog.unlink()


def test_a_run_can_be_stopped_on_a_full_disk(small_disk: RunStore) -> None:
    code = "import time\nprint('up', flush=True)\ntime.sleep(1000)"
    run = running(submit(small_disk, python(code)))
    wait_for(lambda: run.console.read_text() == "up\n")
    hog = small_disk.root / "hog"
    fill(hog)
    assert LocalRunner().stop(run, 30)
    state = run.stored_state
    assert state.state == "stopped", (state, (run.folder / "supervisor.log").read_text())
    hog.unlink()


def test_too_little_space_is_said_before_the_start(small_disk: RunStore) -> None:
    needed = free_bytes(small_disk.root) + 1
    with pytest.raises(StartError, match=r"has \d+ MB free, this run needs \d+ MB"):
        submit(small_disk, python("pass"), disk_bytes=needed)
    assert small_disk.ids() == []
