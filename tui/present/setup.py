"""A setup -> rows, lines, sentences."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tui.engine.setup import place, told
from tui.engine.setup.problem import Problem
from tui.engine.setup.steps import Plan
from tui.present import metrics
from widgets.rows import Badge, Cell, Column, Panel, Reason, Tone

TONES = {
    told.RUNNING: Tone.ACTIVE,
    told.DONE: Tone.GOOD,
    told.SKIPPED: Tone.GOOD,
    told.FAILED: Tone.BAD,
    told.STOPPED: Tone.STOPPED,
}
WORDS = {told.SKIPPED: "there already", told.STOPPED: "stopped"}
COLUMNS = (
    Column("step", 14),
    Column("time", 8, right=True),
    Column("what", 40, most=110),
)
"""The steps in the app."""


def time_words(seconds: float | None) -> str:
    """How long: `2.3 s`, `1:05`; empty where it is not known."""
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 60 else metrics.duration(seconds)


def step_lines(step: told.StepChanged) -> tuple[Any, ...]:
    """A step for the command line: a badge, then lines with what to do."""
    about = [WORDS.get(step.state, ""), step.words]
    if step.state in (told.DONE, told.FAILED, told.STOPPED):
        about.insert(0, time_words(step.seconds))
    words = "  ".join(one for one in about if one)
    badge = Badge(f"{step.name}  {words or step.title + ' …'}", TONES[step.state])
    return (badge, *(f"  {line}" for line in problem_lines(step.problems)))


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """What is wrong and what to do, in lines."""
    found = []
    for one in problems:
        found.append(sentence(one.text))
        if one.fix:
            found.append(f"  To do: {one.fix}")
        if one.command:
            found.append(f"  $ {one.command}")
    return found


def sentence(text: str) -> str:
    """With a capital, where that is no path."""
    return text[:1].upper() + text[1:] if text[:1].isalpha() else text


def row(
    name: str, title: str, step: told.StepChanged | None, seconds: float | None, far: str = ""
) -> tuple[Cell, ...]:
    """A step in the app's list.

    Args:
        name: the step's.
        title: what it makes.
        step: how it stands; None: it has not begun.
        seconds: how long it goes on, or went on.
        far: how far it is, while it goes on.
    """
    if step is None:
        return (Cell(name, Tone.WAITING), Cell(""), Cell(title, quiet=True))
    if step.state == told.SKIPPED:
        there = f"there already: {step.words}"
        return (Cell(name, Tone.GOOD), Cell(""), Cell(there, quiet=True))
    words = far if step.state == told.RUNNING else step.words  # problems stand below the list
    return (Cell(name, TONES[step.state]), Cell(time_words(seconds)), Cell(words or title))


def progress(line: str) -> str:
    """What a line of pip, git or mlc says of how far it is; "": nothing."""
    for pattern, words in PROGRESS:
        if match := re.search(pattern, line):
            return words.format(*(part or "" for part in match.groups()))
    return ""


def dry_run(plan: Plan) -> list[str]:
    """What would be run, with the variables that we set; lines for a shell, and remarks."""
    found = [f"# {note}" for note in plan.notes]
    found.append("# A step that is done already is skipped.")
    if plan.request.mirror is not None:
        found.append(f"# Runs take {plan.request.mirror} in place of GitHub, too.")
    if not plan.place.folder.is_dir():
        found.append(shlex.join(["mkdir", "-p", str(plan.place.folder)]))
    found.append(shlex.join(["cd", str(plan.place.folder)]))
    exported: set[str] = set()
    for step in plan.steps:
        found += ["", f"# {step.name}: {step.title}"]
        variables = [one for one in told.shell_variables(step.env_vars) if one not in exported]
        exported.update(variables)
        found += [f"export {one}" for one in variables]
        found += [shlex.join(one) for one in (*step.commands, *step.refresh)]
    return found


def dry_run_json(plan: Plan) -> dict[str, Any]:
    """The same as one object."""
    return {
        "installation": str(plan.place.folder),
        "notes": list(plan.notes),
        "steps": [
            {
                "name": step.name,
                "title": step.title,
                "commands": [list(one) for one in (*step.commands, *step.refresh)],
                "env_vars": dict(step.env_vars),
            }
            for step in plan.steps
        ],
    }


def ready(folder: Path) -> list[str]:
    """What comes after a setup that went well."""
    found = [f"{folder} is ready for official runs."]
    if not place.is_default(folder):
        found.append(not_default(folder))
        if place.chosen_folder() is None:
            file = settings_file()
            found.append(f"  mkdir -p {file.parent} && echo 'installation: {folder}' >> {file}")
    return [*found, f"The first run: {first_run(folder)}"]


def not_default(folder: Path) -> str:
    """Runs use another one, or none, when none is named."""
    if (other := place.chosen_folder()) is not None:
        return f"Runs use {other} unless you name it: --installation {folder}"
    return f"Runs use it where it is named, --installation {folder}, or by your settings:"


def first_run(folder: Path) -> str:
    """A command to begin with."""
    named = "" if place.is_default(folder) else f" --installation {folder}"
    return f"mlperf-tui run resnet50 --scenario Offline --variation short{named}"


def settings_file() -> Path:
    """Where the choice of an installation is kept."""
    from tui.engine import home

    return home.config_dir() / "settings.yaml"


USE_IT = "Runs do not use it by themselves yet: u makes them."
PROGRESS = (
    (r"^Collecting ([\w.-]+)", "collecting {}"),
    (r"^\s*Downloading ([\w.]+-[\w.]+?)-\S+\.whl(?:\.metadata)?( \(.*\))?", "downloading {}{}"),
    (r"^\s*Downloading ([\w.-]+)( \(.*\))?", "downloading {}{}"),
    (r"^Installing collected packages", "installing what was collected"),
    (r"^Cloning into", "cloning"),
    (r"^((?:Receiving objects|Resolving deltas): +\d+%)", "{}"),
    (r"full index rebuild", "mlc reads all scripts"),
)
"""Of the lines that pip, git and mlc print, those that tell how far they are; and that in words."""
INTRO = (
    "Makes what official runs need, in this folder alone: 0.5 to 1 GB, about a minute with a "
    "fast network. What is there already is taken as it is."
)
GOES_ON = (
    "It goes on when you leave this screen. Quitting mlperf-tui stops it; the next setup goes on "
    "from there."
)


def panel(
    steps: Iterable[told.StepChanged],
    notes: Sequence[str],
    end: told.Finished | None,
    *,
    problem: str,
    is_working: bool,
    folder: Path,
) -> Panel:
    """What one should know now: what is wrong and what to do, else what comes next."""
    nothing = Badge("", Tone.PLAIN)
    if problem:
        return Panel("", nothing, reasons=(Reason(problem, "o names another folder"),))
    problems = [one for step in steps for one in step.problems]
    if problems:
        return Panel("", nothing, reasons=tuple(_reason(one) for one in problems))
    if end is not None and end.ok:
        words = "Official runs use it now."
        if not place.is_default(folder):
            words = USE_IT if place.can_become_default(folder) else not_default(folder)
        return Panel("", nothing, notes=(words, f"The first run: {first_run(folder)}"))
    if end is not None:
        return Panel("", nothing, notes=("Stopped. Enter goes on from there.",))
    return Panel("", nothing, notes=(GOES_ON if is_working else INTRO, *notes))


def _reason(one: Problem) -> Reason:
    fix = ": ".join(part for part in (one.fix, one.command) if part)
    return Reason(sentence(one.text), fix or None)


def badge(end: told.Finished | None, seconds: float, *, is_working: bool) -> Badge:
    """How it stands, in a word."""
    if is_working:
        return Badge(metrics.duration(seconds), Tone.ACTIVE)
    if end is None:
        return Badge("", Tone.PLAIN)
    if end.ok:
        return Badge(f"ready  {time_words(end.seconds)}", Tone.GOOD)
    if end.stopped:
        return Badge("stopped", Tone.STOPPED)
    return Badge("failed", Tone.BAD)


def cut(text: str, width: int) -> str:
    """As much of a line as a terminal has room for."""
    return text if len(text) < width else text[: max(1, width - 2)] + "…"
