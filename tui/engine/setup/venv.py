"""The environment of an installation: made, adopted, or made anew where only half is there."""

from __future__ import annotations

from functools import partial

from tui.engine.setup.look import Command, Look
from tui.engine.setup.place import Place
from tui.engine.setup.problem import Problem
from tui.engine.setup.python import NEWEST, OLDEST, HostPython, packages, venv_python
from tui.engine.setup.step import PIP_VARIABLES, TITLES, Step

BARE = {"bin", "include", "lib", "lib64", "share", "pyvenv.cfg", ".gitignore"}
"""What a new venv has at its top."""


def step(here: Place, python: HostPython | None) -> Step:
    """The venv, made by that Python."""
    return Step(
        "venv",
        TITLES["venv"],
        make(here, python),
        PIP_VARIABLES,
        partial(_look, here, python),
        needs="" if python is None or python.has_ensurepip else "index",
    )


def make(here: Place, python: HostPython | None, *options: str) -> tuple[Command, ...]:
    """The commands; where Python has no ensurepip, its own pip brings one."""
    command = python.command if python is not None else "python3"
    if python is None or python.has_ensurepip:
        return ((command, "-I", "-m", "venv", *options, str(here.venv)),)
    return (
        (command, "-I", "-m", "venv", "--without-pip", *options, str(here.venv)),
        (command, "-I", "-m", "pip", "--python", str(here.python), "install", "pip"),
    )


def _look(here: Place, python: HostPython | None) -> Look:
    if not (here.venv / "pyvenv.cfg").is_file():
        return Look()
    is_bare = not here.packages() and {one.name for one in here.venv.iterdir()} <= BARE
    again = Look(commands=make(here, python, "--clear"))
    version, words = venv_python(here.python)
    if version is None:
        # Half of a venv, and nothing in it that one could miss: it is made anew.
        return again if is_bare else Look(problem=_broken(here, f"does not work: {words}"))
    if not OLDEST <= version <= NEWEST:
        oldest, newest = (".".join(map(str, one)) for one in (OLDEST, NEWEST))
        why = f"has Python {words}, and LoadGen has wheels for {oldest} to {newest}"
        return Look(problem=_broken(here, why))
    if packages(here.python, {"pip": "pip"})["pip"][1] is not None:
        own = (str(here.python), "-I", "-m", "ensurepip", "--default-pip")
        return again if is_bare else Look(commands=(own,))
    return Look(is_done=True, words=f"Python {words}")


def _broken(here: Place, why: str) -> Problem:
    return Problem(
        f"the venv {here.venv} {why}",
        "move it away, and run setup again",
        f"mv {here.venv} {here.venv}.old",
    )
