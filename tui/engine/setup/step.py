"""What is asked of a setup, and what a step of it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui.engine.setup.look import Command, Look
from tui.engine.setup.options import BRANCH
from tui.engine.setup.problem import Problem

PIP_VARIABLES = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""So that pip asks nothing."""
TITLES = {
    "venv": "a Python environment of its own",
    "mlcflow": "MLCFlow, the automation of MLCommons",
    "engines": "LoadGen, ONNX Runtime and what they need",
    "automations": "MLPerf's automation scripts",
    "proof": "mlcr runs a first script",
}
"""The steps, in their order."""


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    folder: Path
    mirror: Path | None = None
    """A folder with clones of mlperf-automations and inference, in place of GitHub."""
    branch: str = BRANCH
    checkout: str | None = None
    """A commit or tag of the automations, in place of the branch's newest."""
    force: bool = False
    """Pull the automations where they are there already; put local changes aside meanwhile."""
    has_gpu: bool = False
    """The machine has an NVIDIA driver."""


@dataclass(frozen=True)
class Step:
    """One step: what it would run on an empty folder, and how to see what is left of it to do."""

    name: str
    title: str
    commands: tuple[Command, ...]
    env_vars: Mapping[str, str]
    """What we set in its commands' environment."""
    look: Callable[[], Look]
    """What is there? Asked before, and again after."""
    needs: str = ""
    """What its commands fetch from: index, git; "": nothing."""
    refresh: tuple[Command, ...] = ()
    """What is run although it is done, because the user asked for that."""
    confirm: Callable[[Sequence[str]], Problem | None] = field(default=lambda _: None)
    """Does what the commands printed show that they did their work?"""
