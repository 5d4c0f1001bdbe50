"""`mlperf-tui setup` for real: packages from the index, killed and interrupted at every step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, missing, need

from tui.engine import mlcflow, process
from tui.engine.setup import checks, python
from tui.engine.setup.place import Place

STOPS: dict[str, tuple[int, Callable[[dict[str, Any]], bool]]] = {
    "venv": (signal.SIGKILL, lambda one: one.get("text", "").startswith("$ ")),
    "mlcflow": (signal.SIGINT, lambda one: "Installing collected" in one.get("text", "")),
    "engines": (signal.SIGKILL, lambda one: "Installing collected" in one.get("text", "")),
    "automations": (signal.SIGKILL, lambda one: "Cloning into" in one.get("text", "")),
    "proof": (signal.SIGINT, lambda one: one.get("text", "").startswith("$ ")),
}
"""Of each step: how setup is ended in it, and at which of its events."""


def is_in(name: str, is_there: Callable[[dict[str, Any]], bool], event: dict[str, Any]) -> bool:
    return event.get("name") == name and is_there(event)


def need_prerequisites() -> None:
    lacks = checks.missing(python.host_python())
    if lacks:
        missing(f"official runs need what is missing here: {', '.join(lacks)}")


def folders(folder: Path) -> list[str]:
    return sorted(str(one) for one in folder.rglob("*"))


def test_a_dry_run_says_it_all_and_does_nothing(cli: Cli, tmp_path: Path, mirror: Path) -> None:
    folder = tmp_path / "official"
    done = cli("setup", str(folder), "--dry-run", "--from-mirror", str(mirror))
    assert done.returncode == 0, done.stderr
    for words in (
        f"-I -m venv {folder}/mlc",
        f"{folder}/mlc/bin/python -I -m pip install mlcflow",
        "pip install mlcommons-loadgen onnxruntime onnx opencv-python-headless pillow numpy",
        f"export MLC_REPOS={folder}/MLC/repos",
        f"export GIT_CONFIG_KEY_0=url.file://{mirror}/mlperf-automations.git.insteadOf",
        f"{folder}/mlc/bin/mlc pull repo mlcommons@mlperf-automations --branch=dev",
        f"{folder}/mlc/bin/mlcr detect,os --quiet",
    ):
        assert words in done.stdout, words
    assert not folder.exists()
    told = cli.json("setup", str(folder), "--dry-run")
    assert [one["name"] for one in told["steps"]] == [*STOPS]
    assert not folder.exists()


def test_a_folder_that_cannot_be_is_usage(cli: Cli, tmp_path: Path) -> None:
    done = cli("setup", str(tmp_path / "with space"))
    assert done.returncode == 2
    assert "in a path breaks mlcr" in done.stderr
    assert not (tmp_path / "with space").exists()


def test_what_the_machine_lacks_is_told_before_anything_is_made(
    cli: Cli, tmp_path: Path, mirror: Path
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("git", "make"):
        tools.joinpath(name).symlink_to(str(need(name)))
    tools.joinpath("python3").symlink_to(sys.executable)
    folder = tmp_path / "official"
    done = cli("setup", str(folder), "--from-mirror", str(mirror), env={"PATH": str(tools)})
    assert done.returncode == 1
    assert "Official runs need what is missing here: ld, gcc, g++, cmake" in done.stderr
    assert "apt-get install -y build-essential cmake" in done.stderr
    assert not folder.exists()


class Setup:
    """`setup --json`, as a process group of its own."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [*Cli.argv, "setup", *arguments, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.events: list[dict[str, Any]] = []

    def follow(self, until: Callable[[dict[str, Any]], bool] = lambda _: False) -> bool:
        """Take in its events up to that one; False: it ended before."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.events.append(json.loads(line))
            if until(self.events[-1]):
                return True
        return False

    def end(self, number: int) -> int:
        os.killpg(self._process.pid, number)
        return self.close()

    def close(self) -> int:
        self.follow()
        code = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.events if one["event"] == "step"}


def test_ended_at_every_step_it_goes_on_and_ends_well(
    root: Path, tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_prerequisites()
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = somebody\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # would lead the installation's Python astray
    monkeypatch.setenv("PIP_USER", "1")
    folder = tmp_path / "official"
    arguments = (str(folder), "--from-mirror", str(mirror))
    for name, (number, is_there) in STOPS.items():
        setup = Setup(*arguments)
        assert setup.follow(partial(is_in, name, is_there)), setup.events
        code = setup.end(number)
        assert setup.states()[name] != "done"
        if number == signal.SIGINT:
            assert code == 130
            assert not process.run_processes(Place(folder).mark, None)
        arguments = (str(folder),)  # the mirror is remembered
        if name == "venv":
            arguments = (str(folder), "--from-mirror", str(mirror))
    setup = Setup(str(folder))
    assert setup.close() == 0, setup.events
    assert set(setup.states().values()) == {"done", "skipped"}
    assert setup.states()["proof"] == "done"

    found = mlcflow.official(folder)
    assert found.env_vars["MLC_REPOS"] == f"{folder}/MLC/repos"
    assert f"url.file://{mirror}/inference.git.insteadOf" in found.env_vars.values()
    assert config.read_text() == "[user]\n\tname = somebody\n"
    log = (folder / "setup.log").read_text()
    assert log.count("=== ") == len(STOPS) + 1
    assert "Successfully installed" in log

    before, began = folders(folder), time.monotonic()
    setup = Setup(str(folder))
    assert setup.close() == 0
    assert [state for state in setup.states().values() if state != "skipped"] == ["done"]  # checks
    assert not [one for one in setup.events if one["event"] == "line"]
    assert folders(folder) == before
    assert time.monotonic() - began < 30
