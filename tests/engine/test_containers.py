"""Containers of a run, by a docker that is a script: it lists and stops what a file holds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import finished, python, running, submit

from tui.engine.containers import Containers
from tui.engine.runners.local import LocalRunner
from tui.engine.store import RunStore

DOCKER = """#!{python}
import pathlib, sys
folder = pathlib.Path({folder!r})
words = sys.argv[1:]
with open(folder / "asked", "a") as file:
    file.write(" ".join(words) + "\\n")
alive = folder / "alive"
if words[0] == "ps":
    label = words[words.index("--filter") + 1]
    for line in alive.read_text().splitlines() if alive.exists() else ():
        name, _, mark = line.partition(" ")
        if "label=" + mark == label:
            print(name)
elif words[0] in ("stop", "kill"):
    left = [line for line in alive.read_text().splitlines() if line.split()[0] not in words]
    alive.write_text("".join(line + "\\n" for line in left))
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of that docker, which stands first in PATH."""
    folder = tmp_path / "docker"
    folder.mkdir()
    command = folder / "docker"
    command.write_text(DOCKER.format(python=sys.executable, folder=str(folder)))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def test_only_those_of_the_run_are_found_and_stopped(docker: Path) -> None:
    (docker / "alive").write_text("c1 mlperf-tui.run=one\nc2 mlperf-tui.run=two\n")
    mine = Containers("one", ["mlcr", "x", "--docker"])
    assert mine.ids() == ["c1"]
    mine.stop()
    assert (docker / "alive").read_text() == "c2 mlperf-tui.run=two\n"
    assert mine.ids() == []


def test_docker_is_not_asked_for_a_run_without_it(docker: Path) -> None:
    assert Containers("one", ["mlcr", "x", "--docker_it=no"]).ids() == []
    assert not (docker / "asked").exists()


def test_a_machine_without_docker_has_no_containers() -> None:
    assert Containers("one", ["mlcr", "--docker"], docker="no-such-docker").ids() == []


def test_a_stop_reaches_the_containers(store: RunStore, docker: Path) -> None:
    run = running(submit(store, [*python("import time; time.sleep(600)"), "--docker"]))
    (docker / "alive").write_text(f"c1 mlperf-tui.run={run.id}\nc2 mlperf-tui.run=other\n")
    LocalRunner().stop(run, 60)
    assert run.stored_state.state == "stopped"
    assert (docker / "alive").read_text() == "c2 mlperf-tui.run=other\n"


@pytest.mark.parametrize("kept", [False, True])
def test_what_is_left_at_the_end_is_ended_unless_it_was_to_stay(
    store: RunStore, docker: Path, kept: bool
) -> None:
    wanted = ["--docker_keep_alive=yes"] if kept else []
    code = (
        "import os, pathlib; pathlib.Path(os.environ['PATH'].split(':')[0], 'alive')"
        ".write_text('c1 mlperf-tui.run=' + os.environ['MLPERF_TUI_RUN'] + chr(10))"
    )
    run = finished(submit(store, [*python(code), "--docker", *wanted]))
    assert run.stored_state.is_final
    assert bool((docker / "alive").read_text()) is kept
