"""What a setup tells while it goes on, and its commands as one would type them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tui.engine.setup.look import Command
from tui.engine.setup.problem import Problem

RUNNING, DONE, SKIPPED, FAILED, STOPPED = "running", "done", "skipped", "failed", "stopped"


@dataclass(frozen=True)
class StepChanged:
    """A step began, or ended."""

    name: str
    title: str
    state: str
    """running, then done, skipped (it was done already), failed or stopped."""
    seconds: float | None = None
    words: str = ""
    """What is there now."""
    problems: tuple[Problem, ...] = ()
    """Of a step that failed: why, and what to do."""


@dataclass(frozen=True)
class Printed:
    """A line of a command's output, or `$` and the command itself."""

    name: str
    text: str


@dataclass(frozen=True)
class Noted:
    """Something to know, which keeps nothing from going on."""

    text: str


@dataclass(frozen=True)
class Finished:
    """It is over."""

    ok: bool
    seconds: float
    installation: str
    """The folder."""
    stopped: bool = False


Event = StepChanged | Printed | Noted | Finished
NAMES: dict[type, str] = {
    StepChanged: "step",
    Printed: "line",
    Noted: "note",
    Finished: "finished",
}


def to_json(event: Event) -> dict[str, Any]:
    """As `setup --json` prints it."""
    return {"event": NAMES[type(event)], **asdict(event)}


def shell_line(command: Command, env_vars: Mapping[str, str]) -> str:
    """A command with the variables that we set, as one would type it."""
    return " ".join([*shell_variables(env_vars), shlex.join(command)])


def shell_variables(env_vars: Mapping[str, str]) -> list[str]:
    """Variables as a shell takes them; our own PATH within ours by its name."""
    path = os.environ.get("PATH", os.defpath)
    return [
        f"{name}={shlex.quote(value.removesuffix(f':{path}'))}:$PATH"
        if name == "PATH" and value.endswith(f":{path}")
        else f"{name}={shlex.quote(value)}"
        for name, value in env_vars.items()
    ]
