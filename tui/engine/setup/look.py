"""What is there of a step, and what is left of it to do."""

from __future__ import annotations

from dataclasses import dataclass

from tui.engine.setup.problem import Problem

Command = tuple[str, ...]
"""An argv."""


@dataclass(frozen=True)
class Look:
    """What a look at the disk says of a step."""

    is_done: bool = False
    words: str = ""
    """What is there, or what is missing."""
    problem: Problem | None = None
    """Why no command of ours can do it."""
    commands: tuple[Command, ...] | None = None
    """What to run here in place of the step's own commands."""
