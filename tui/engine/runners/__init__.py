"""Where runs can go. `RUNNERS` lists the kinds, by the word that a target's profile uses."""

from __future__ import annotations

from tui.engine.errors import NotFoundError
from tui.engine.runners.base import Job, Runner
from tui.engine.runners.local import LocalRunner
from tui.engine.store import Run

RUNNERS: dict[str, Runner] = {"local": LocalRunner()}

__all__ = ["RUNNERS", "Job", "Runner", "runner_of"]


def runner_of(run: Run) -> Runner:
    """The runner that has this run.

    Raises:
        NotFoundError: this version has no such runner.
    """
    name = run.stored_spec.get("runner", "local")
    if name not in RUNNERS:
        raise NotFoundError(f"{run.id} went to the runner '{name}', which this version has not")
    return RUNNERS[name]
