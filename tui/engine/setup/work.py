"""Does what a plan says, step by step, and tells what happens; each command's output is logged."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from tui.engine import home, mirror, mlcflow, process
from tui.engine.errors import MlperfTuiError, StartError
from tui.engine.queue import Queue, queue_folder
from tui.engine.setup import automations, causes, checks, network
from tui.engine.setup.look import Command, Look
from tui.engine.setup.place import clean_environment
from tui.engine.setup.problem import Problem
from tui.engine.setup.step import Step
from tui.engine.setup.steps import Plan
from tui.engine.setup.told import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    STOPPED,
    Event,
    Finished,
    Noted,
    Printed,
    StepChanged,
    shell_line,
)

CHECKS = "checks"
CHECKS_TITLE = "what the machine must have"


@dataclass(frozen=True)
class Outside:
    """What is asked of the world; a parameter, so that tests need no full disk."""

    free_bytes: Callable[[Path], int] = checks.free_bytes
    is_stopped: Callable[[], bool] = lambda: False
    """Does the user want it to stop?"""
    data_root: Path | None = None
    """Where runs are, which may be using the installation."""


def run(plan: Plan, outside: Outside | None = None) -> Generator[Event, None, None]:
    """Do what is left to do; closing it stops what it has started.

    Raises:
        StartError: another setup works there now.
        OSError: the log or the state file cannot be written.
    """
    work = _Work(plan, outside or Outside())
    try:
        yield from work.events()
    finally:
        work.close()


class _Work:
    """One call of a setup."""

    def __init__(self, plan: Plan, outside: Outside) -> None:
        self._plan, self._outside = plan, outside
        self._place = plan.place
        self._lock: int | None = None
        self._began = time.monotonic()
        self._looks: dict[str, Look] = {}
        self._child: process.Child | None = None

    def close(self) -> None:
        """Stop what was started, and let others at the folder."""
        with process.interrupts_deferred():  # Ctrl-C held down must not cut this short
            if self._child is not None:
                self._log("--- stopped\n")
                self._child.stop()
                self._child.close()
                self._child = None
            if self._lock is not None:
                process.end_marked(self._place.mark)  # it may have come while one was started
                os.close(self._lock)
                self._lock = None

    def events(self) -> Iterator[Event]:
        """All that happens."""
        ok = yield from self._checks()
        if ok:
            self._open()
            for step in self._plan.steps:
                if not (ok := (yield from self._do(step))):
                    break
        self.close()
        if ok and (problem := self._refused()) is not None:
            ok = False
            yield StepChanged(CHECKS, CHECKS_TITLE, FAILED, problems=(problem,))
        stopped = not ok and self._outside.is_stopped()
        yield Finished(ok, time.monotonic() - self._began, str(self._place.folder), stopped)

    # --- before anything is changed -------------------------------------------------------------

    def _checks(self) -> Generator[Event, None, bool]:
        began = time.monotonic()
        yield StepChanged(CHECKS, CHECKS_TITLE, RUNNING)
        if self._place.log.exists() and checks.writable(self._place) is None:
            self._open()  # what an earlier call left behind may still be at work
        for step in self._plan.steps:
            self._looks[step.name] = step.look()
        problems = tuple(self._problems())
        seconds = time.monotonic() - began
        if problems:
            yield StepChanged(CHECKS, CHECKS_TITLE, FAILED, seconds, problems=problems)
            return False
        for note in self._plan.notes:
            yield Noted(note)
        if note_of_space := checks.space_note(self._place, self._outside.free_bytes):
            yield Noted(note_of_space)
        python = self._plan.python
        words = python.name if python is not None else ""
        yield StepChanged(CHECKS, CHECKS_TITLE, DONE, seconds, words)
        return True

    def _problems(self) -> Iterator[Problem]:
        """All at once; what hangs on another one is asked when that is out of the way."""
        place, python = self._place, self._plan.python
        lacks = checks.missing(python)
        found = [
            checks.prerequisites(lacks),
            checks.version(python) if not self._is_done("venv") else None,
            checks.writable(place),
            checks.space(place, self._outside.free_bytes, is_new=not self._is_done("engines")),
            self._busy(),
        ]
        yield from (one for one in found if one is not None)
        yield from (look.problem for look in self._looks.values() if look.problem is not None)
        yield from self._offline(has_git="git" not in lacks)

    def _is_done(self, name: str) -> bool:
        return self._looks[name].is_done

    def _offline(self, *, has_git: bool) -> Iterator[Problem]:
        wanted = [
            one
            for one in self._plan.steps
            if self._looks[one.name].problem is None
            and (not self._is_done(one.name) or one.refresh)
        ]
        needs = {step.needs for step in wanted}
        if "index" in needs and (problem := network.no_index(self._place)) is not None:
            yield problem
        git = next((one for one in wanted if one.needs == "git"), None)
        if git is not None and has_git and self._fetches(git):
            url = f"{mirror.URL.format(mirror.AUTOMATIONS)}.git"
            env = clean_environment(git.env_vars)
            if (problem := network.no_git_source(url, env)) is not None:
                yield problem

    def _fetches(self, step: Step) -> bool:
        """To make a clone known to mlc nothing is fetched."""
        commands = self._looks[step.name].commands
        return commands is None or len(commands) > 1 or bool(step.refresh)

    def _busy(self) -> Problem | None:
        """A run of this installation would find its packages changed under it."""
        root = self._outside.data_root
        if root is None or all(look.is_done for look in self._looks.values()):
            return None
        folder = queue_folder(root, str(self._place.folder))
        run_id = Queue(folder, root / "runs").holder()
        if run_id is None:
            return None
        return Problem(
            f"the run {run_id} uses this installation now",
            "wait for its end, or stop it",
            f"mlperf-tui stop {run_id}",
        )

    def _open(self) -> None:
        """Keep other setups out, end what an earlier one left behind."""
        if self._lock is not None:
            return
        self._place.folder.mkdir(parents=True, exist_ok=True)
        self._lock = process.try_lock(self._place.log)
        if self._lock is None:
            raise StartError(
                f"another setup works in {self._place.folder} now; {self._place.log} tells how far "
                "it is"
            )
        left = process.end_marked(self._place.mark)
        self._log(f"=== {home.utc_now()} mlperf-tui {_version()} setup, branch "
                  f"{self._plan.request.branch}\n")  # fmt: skip
        if left:
            self._log(f"--- ended {left} processes that an earlier setup left behind\n")

    # --- one step -------------------------------------------------------------------------------

    def _do(self, step: Step) -> Generator[Event, None, bool]:
        began = time.monotonic()
        yield StepChanged(step.name, step.title, RUNNING)
        look = self._looks.get(step.name) or step.look()
        if look.is_done and not step.refresh:
            yield self._ended(step, SKIPPED, began, look.words)
            return True
        problem, ran = look.problem, False
        if problem is None:
            ran = True
            self._looks.clear()  # what comes after may be another matter now
            self._remember(step)
            commands = step.refresh if look.is_done else look.commands or step.commands
            problem = yield from self._run_all(step, commands)
        if problem is None:
            look = step.look()
            problem = self._undone(step, look)
        if ran and self._outside.is_stopped():
            yield self._ended(step, STOPPED, began, "the next setup goes on from here")
            return False
        if problem is not None:
            yield self._ended(step, FAILED, began, problems=(problem,))
            return False
        self._remember(step, done=True)
        yield self._ended(step, DONE, began, look.words)
        return True

    def _run_all(
        self, step: Step, commands: Sequence[Command]
    ) -> Generator[Event, None, Problem | None]:
        """Run its commands, one after the other; returns why one failed."""
        lines: list[str] = []
        for command in commands:
            lines = []
            code = yield from self._run(step, command, lines)
            if self._outside.is_stopped():
                return None
            if code:
                return causes.explain(lines, code, _short(command))
        return step.confirm(lines)

    def _run(self, step: Step, command: Command, lines: list[str]) -> Generator[Event, None, int]:
        """Run one command; its lines come as events and into `lines`."""
        self._log(f"$ {shell_line(command, step.env_vars)}\n")
        yield Printed(step.name, f"$ {shlex.join(command)}")
        try:
            self._child = child = process.Child(
                command,
                env=clean_environment(step.env_vars),
                cwd=self._place.folder,
                mark=self._place.mark,
            )
        except OSError as error:
            lines.append(f"{command[0]}: {error.strerror}")
            return 127
        rest = ""
        for piece in child.output(self._outside.is_stopped):
            self._log(piece)
            *whole, rest = (rest + piece.decode(errors="replace")).replace("\r", "\n").split("\n")
            for line in filter(None, whole):
                lines.append(line)
                yield Printed(step.name, line)
        if rest:
            lines.append(rest)
            yield Printed(step.name, rest)
        if self._outside.is_stopped():
            child.stop()
        code = child.wait()
        child.close()
        self._child = None
        self._log(f"--- code {code}\n")
        return code

    def _undone(self, step: Step, look: Look) -> Problem | None:
        """What a look says after the commands had ended well."""
        if look.is_done:
            return None
        if look.problem is not None:
            return look.problem
        return Problem(
            f"its commands ended well, but {look.words or 'nothing is there'}",
            f"see {self._place.log}; setup --force pulls the scripts again"
            if step.needs == "git"
            else f"see {self._place.log}",
        )

    def _ended(
        self,
        step: Step,
        state: str,
        began: float,
        words: str = "",
        problems: tuple[Problem, ...] = (),
    ) -> StepChanged:
        seconds = time.monotonic() - began
        said = "; ".join(one.text for one in problems) or words
        self._log(f"--- {step.name} {state} after {seconds:.1f} s: {said}\n")
        return StepChanged(step.name, step.title, state, seconds, words, problems)

    # --- what stays -----------------------------------------------------------------------------

    def _log(self, text: str | bytes) -> None:
        data = text if isinstance(text, bytes) else text.encode(errors="replace")
        with open(self._place.log, "ab") as file:
            file.write(data)

    def _remember(self, step: Step, *, done: bool = False) -> None:
        request, state = self._plan.request, self._place.state()
        times = state.get("done")
        about: dict[str, Any] = {"step": None if done else step.name, "version": _version()}
        if request.mirror is not None:
            about["mirror"] = str(request.mirror)
        if done:
            about["done"] = {
                **(times if isinstance(times, dict) else {}),
                step.name: home.utc_now(),
            }
            about["commit"] = automations.head(self._place)
        self._place.remember(time=home.utc_now(), **about)

    def _refused(self) -> Problem | None:
        """The installation must be one that runs take."""
        try:
            mlcflow.official(self._place.folder)
        except MlperfTuiError as error:
            return Problem(str(error))
        return None


def _short(command: Command) -> str:
    words = [os.path.basename(command[0]), *(one for one in command[1:] if one[:2] != "-I")]
    return " ".join(words[:4])


def _version() -> str:
    try:
        return installed("mlperf-tui")
    except PackageNotFoundError:
        return "without metadata"
