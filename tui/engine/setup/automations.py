"""The clone of MLCommons' automation scripts: asked of git itself.

`mlc pull repo` ends with code 0 where local changes keep it from pulling, takes no notice of
--branch where there is a clone, and pulls nothing on a detached HEAD: so what it says counts for
nothing, and another branch is got by git.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tui.engine import mlcflow, process
from tui.engine.setup.look import Command, Look
from tui.engine.setup.place import Place, clean_environment
from tui.engine.setup.problem import Problem

NAME = "mlcommons@mlperf-automations"
MOST_CHANGES = 3


@dataclass(frozen=True)
class Wanted:
    """Which state of the scripts."""

    branch: str
    checkout: str | None
    force: bool


def clone(here: Place, wanted: Wanted) -> tuple[Command, ...]:
    """The commands where there is nothing yet."""
    options = [f"--branch={wanted.branch}"]
    options += [f"--checkout={wanted.checkout}"] if wanted.checkout else []
    return (_mlc(here, "pull", "repo", NAME, *options),)


def _mlc(here: Place, *words: str) -> Command:
    return (str(here.venv / "bin/mlc"), *words)


def head(here: Place) -> str | None:
    """The commit that is checked out; None where there is none."""
    return _Git(here.automations, clean_environment({})).told("rev-parse", "--verify", "-q", "HEAD")


class _Git:
    """Questions to git about one clone."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder, self._env = folder, env

    def ask(self, *words: str) -> process.Output:
        return process.ask(["git", "-C", str(self._folder), *words], env=self._env)

    def told(self, *words: str) -> str | None:
        """What it says; None where it says no."""
        said = self.ask(*words)
        return said.text.rstrip() if said.code == 0 else None


def look(here: Place, wanted: Wanted, env: Mapping[str, str]) -> Look:
    """What is there of the clone.

    Args:
        here: the installation.
        wanted: which state of the scripts.
        env: git's environment.
    """
    folder = here.automations
    if not os.path.lexists(folder):
        return Look(words=f"there is no clone at {folder}")
    git = _Git(folder, env)
    top = git.ask("rev-parse", "--show-toplevel")
    if top.code != 0 or Path(top.text.strip()) != folder.resolve():
        return _no_clone(folder, top.text, clone(here, wanted))
    commit = git.told("rev-parse", "--verify", "-q", "HEAD")
    if commit is None:
        return Look(words=f"{folder} is a clone that was begun and never done")  # mlc removes it
    lock = folder / ".git/index.lock"
    if lock.exists() and here.state().get("step") == "automations":
        lock.unlink()  # of a git that was ended with the setup that began it
    return _of_clone(here, wanted, git, commit)


def _no_clone(folder: Path, said: str, commands: tuple[Command, ...]) -> Look:
    if "dubious ownership" in said:
        return Look(
            problem=Problem(
                f"{folder} belongs to another user, and git does not touch it",
                "allow it, once",
                f"git config --global --add safe.directory {folder}",
            )
        )
    if folder.is_dir() and not any(folder.iterdir()):
        return Look(words="the clone is empty", commands=(("rmdir", str(folder)), *commands))
    return Look(
        problem=Problem(
            f"{folder} is there, but it is no git clone; what is in it is left alone",
            "move it away, and run setup again",
            f"mv {folder} {folder}.old",
        )
    )


def _of_clone(here: Place, wanted: Wanted, git: _Git, commit: str) -> Look:
    branch = git.told("symbolic-ref", "-q", "--short", "HEAD")
    changes = (git.told("status", "--porcelain", "--untracked-files=no") or "").splitlines()
    where = f"{branch or 'no branch'} at {commit[:8]}"
    if not _is_right(wanted, git, commit, branch):
        name = wanted.checkout or wanted.branch
        if changes and not wanted.force:
            return Look(problem=_changed(here.automations, where, name, changes))
        return Look(words=f"{where}, not {name}", commands=_change(here, wanted, bool(changes)))
    script = here.automations / "script" / mlcflow.OFFICIAL_SCRIPT / "meta.yaml"
    if not script.is_file():
        if changes:
            return Look(problem=_changed(here.automations, where, "what is missing", changes))
        text = f"{here.automations} ({where}) has no script {mlcflow.OFFICIAL_SCRIPT}"
        return Look(problem=Problem(text, "is it the right branch? dev has it"))
    if mlcflow.registered_script(here.repos, mlcflow.OFFICIAL_SCRIPT) is None:
        register = _mlc(here, "add", "repo", str(here.automations))
        return Look(words=f"{where}, but mlc does not know it", commands=(register,))
    if changes:
        where += f", with {len(changes)} local change{'s' if len(changes) > 1 else ''}"
    return Look(is_done=True, words=where)


def _is_right(wanted: Wanted, git: _Git, commit: str, branch: str | None) -> bool:
    if not wanted.checkout:
        return branch == wanted.branch
    return git.told("rev-parse", "--verify", "-q", f"{wanted.checkout}^{{commit}}") == commit


def _changed(folder: Path, where: str, name: str, changes: list[str]) -> Problem:
    files = ", ".join(one[3:] for one in changes[:MOST_CHANGES])
    more = f" and {len(changes) - MOST_CHANGES} more" if len(changes) > MOST_CHANGES else ""
    return Problem(
        f"{folder} ({where}) has local changes ({files}{more}) that keep it from {name}",
        "put them aside, or run setup with --force: it brings them back afterwards",
        f"git -C {folder} stash",
    )


def _change(here: Place, wanted: Wanted, has_changes: bool) -> tuple[Command, ...]:
    """By git: mlc would take no notice."""
    git = ("git", "-C", str(here.automations))
    to = ("checkout", wanted.checkout) if wanted.checkout else ("switch", wanted.branch)
    fetch = "--all" if wanted.checkout else "origin"
    found: list[Command] = [(*git, "fetch", fetch), (*git, *to)]
    if has_changes:
        found = [(*git, "stash", "push", "-m", "mlperf-tui setup --force"), *found]
        found.append((*git, "stash", "pop"))
    return tuple(found)


def update(here: Place, wanted: Wanted) -> tuple[Command, ...]:
    """With force: pull what is there; mlc puts local changes aside and brings them back."""
    if not wanted.force or wanted.checkout:
        return ()
    return (_mlc(here, "pull", "repo", NAME, f"--branch={wanted.branch}", "--force"),)
