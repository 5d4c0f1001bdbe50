"""Runs that go wrong through the real mlcr: each is told by its cause, and nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import finished, missing, nothing_left, python, running, spec_of, submit, wait_for

from tui.engine import events, explain, mlcflow
from tui.engine.runners.local import LocalRunner
from tui.engine.store import Run, RunStore

REPOSITORY = Path(__file__).parents[1] / "mlcrepo_faults"


def start(store: RunStore, fault: str, *options: str) -> Run:
    """A run of that fault."""
    embedded = mlcflow.embedded(store.root)
    repos = store.root / "faults/repos"
    (repos / "local").mkdir(parents=True, exist_ok=True)
    (repos / "repos.json").write_text(json.dumps([str(repos / "local"), str(REPOSITORY)]))
    return submit(
        store,
        [str(embedded.mlcr), f"run-mlperf,inference,_{fault}", "--quiet", *options],
        env_vars={**embedded.env_vars, "MLC_REPOS": str(repos)},
    )


@pytest.mark.parametrize(
    ("fault", "code", "outcome"),
    [
        ("fail", "unknown", "failed"),
        ("ask", "question", "failed"),
        ("memory", "out-of-memory", "failed"),
        ("killed", "killed", "killed"),
        ("crash", "segfault", "failed"),
        ("network", "network", "failed"),
        ("missing", "command-missing", "failed"),
    ],
)
def test_a_fault_is_told_by_its_cause(store: RunStore, fault: str, code: str, outcome: str) -> None:
    run = finished(start(store, fault))
    cause = run.stored_state.cause
    assert cause is not None, run.console.read_text()
    assert (cause.code, run.stored_state.state) == (code, "failed"), cause
    found = explain.explain_run(run)
    assert found.outcome == outcome
    assert cause.line is not None
    line = run.console.read_text(errors="replace").splitlines()[cause.line - 1]
    assert line.strip()
    if code == "unknown":
        assert "no such layer" in cause.text
        assert "no such layer" in line
    # The same from the log alone, as somebody else would read it.
    alone = explain.explain_log(run.console)
    assert (alone.outcome, alone.cause and alone.cause.code) == (outcome, code)
    assert nothing_left(run)


def test_a_full_disk_is_the_cause(store: RunStore, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        if os.geteuid():
            pytest.skip("only root may mount a small file system")
        missing(f"no small file system could be mounted: {mounted.stderr.decode()}")
    try:
        cause = finished(start(store, "full", f"--folder={small}")).stored_state.cause
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert cause is not None
    assert cause.code == "disk-full"
    assert cause.line is not None


def test_what_a_run_leaves_behind_is_ended(store: RunStore) -> None:
    run = finished(start(store, "daemon"))
    assert nothing_left(run)
    alerts = [one["text"] for one in events.read(run.events)[0] if one["kind"] == events.ALERT]
    assert any("left 1 process" in text for text in alerts)


def test_a_bar_that_is_drawn_over_itself_tells_how_far_it_is(store: RunStore) -> None:
    run = start(store, "bar", "--seconds=12")

    def drawn() -> list[float]:
        recorded, _ = events.read(run.events)
        return [one["percent"] for one in recorded if one.get("activity") == "download"
                and one["percent"]]  # fmt: skip

    wait_for(lambda: len(drawn()) > 1)
    assert drawn() == sorted(drawn())
    assert 0 < drawn()[0] < 100
    LocalRunner().stop(run, 30)
    assert explain.explain_run(run).outcome == "interrupted"


def test_bytes_and_silence_of_a_run_are_recorded(store: RunStore) -> None:
    run = running(start(store, "sleep", "--seconds=7"))
    assert explain.explain_run(run).outcome == "running"
    finished(run)
    rows = (run.folder / "telemetry.csv").read_text().splitlines()
    at = rows[0].split(",").index("run_read_bytes")
    read = [int(row.split(",")[at]) for row in rows[1:] if row.split(",")[at]]
    assert read
    assert read == sorted(read)
    assert read[-1] > 100_000  # mlcr has read its own modules
    told = [one for one in events.read(run.events)[0] if one["kind"] == events.SILENCE]
    assert [one["phase"] for one in told] == ["loadgen"]
    assert 5 < told[0]["seconds"] < 20
    lines = run.console.read_text().splitlines()
    assert "starting TestScenario" in lines[told[0]["line"] - 1]


def test_a_run_that_waits_and_a_probe_can_be_explained(store: RunStore) -> None:
    waiting = store.create(spec_of(["mlcr"]), {})
    assert explain.explain_run(waiting).phases == ()
    lines = [{"probe": "step", "name": "alloc", "nth": 1, "of": 2}]
    code = f"print({json.dumps(json.dumps(lines[0]))})"
    probed = finished(submit(store, python(code), kind="probe"))
    assert [one.name for one in explain.explain_run(probed).phases] == ["alloc"]
