"""A check of this machine: what was found, why it matters, what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui.engine.doctor.here import Here

LIMIT_S = 2.0
NEEDS_ROOT = "it needs root's rights, and mlperf-tui never takes them by itself"
NOT_OURS = "it changes what is not mlperf-tui's own"
IT_SHOWS = "it only shows more: type it into a shell"
YOUR_SHELL = "it is for your shell: set it there before mlperf-tui starts"
OUR_VENV = "it changes the environment that runs mlperf-tui"


class Status(str, Enum):
    """How a check came out, the worst first. The words are the contract's.

    fail: something that is here, or that you chose, does not work, or a number that is measured
    now would be wrong. warning: runs work, but less well, or something is missing that some of
    them need. unknown: it could not be told, or there is nothing here to look at.
    """

    FAIL = "fail"
    WARNING = "warning"
    UNKNOWN = "unknown"
    OK = "ok"


@dataclass(frozen=True)
class Fix:
    """What to do about it."""

    text: str
    """In words; a sentence."""
    command: str | None = None
    """Lines for a shell, to be copied; None: no command would do it."""
    argv: tuple[str, ...] = ()
    """The same, to be run from here after a yes; empty: only by hand."""
    env_vars: Mapping[str, str] = field(default_factory=dict)
    by_hand: str = ""
    """Why it is not run from here."""

    @property
    def is_safe(self) -> bool:
        """It may be run from here: it touches only what is ours, and loses nothing."""
        return bool(self.argv)


def by_hand(text: str, command: str | None = None, why: str = "") -> Fix:
    """A fix that the user carries out, and why we do not."""
    if not why:
        why = NEEDS_ROOT if command and "sudo " in command else NOT_OURS
    return Fix(text, command, by_hand=why if command else "there is no command for it")


def ours(text: str, command: str, argv: tuple[str, ...], env_vars: Mapping[str, str]) -> Fix:
    """A fix that may be run from here.

    Args:
        text: what it does.
        command: what a user would type.
        argv: the same, to be run.
        env_vars: all that it needs in its environment.
    """
    return Fix(text, command, argv, env_vars)


@dataclass(frozen=True)
class Finding:
    """What one look gave."""

    status: Status
    found: str
    fix: Fix | None = None
    why: str = ""
    """Why it matters here; empty: as the check says in general."""
    applies: bool = True
    """There is something here to look at."""


def ok(found: str, why: str = "") -> Finding:
    """All is well."""
    return Finding(Status.OK, found, why=why)


def warning(found: str, fix: Fix | None = None, why: str = "") -> Finding:
    """It works, but …"""
    return Finding(Status.WARNING, found, fix, why)


def fail(found: str, fix: Fix | None = None, why: str = "") -> Finding:
    """It does not work, or what it measures is wrong."""
    return Finding(Status.FAIL, found, fix, why)


def unknown(found: str, fix: Fix | None = None) -> Finding:
    """It could not be told."""
    return Finding(Status.UNKNOWN, found, fix)


def not_here(found: str) -> Finding:
    """There is nothing here to look at."""
    return Finding(Status.UNKNOWN, found, applies=False)


@dataclass(frozen=True)
class Check:
    """One check of this machine, done."""

    id: str
    title: str
    status: Status
    found: str
    why: str
    fix: Fix | None = None
    applies: bool = True

    def to_json(self) -> dict[str, Any]:
        """As the contract has it."""
        fix = {"text": self.fix.text, "command": self.fix.command} if self.fix else None
        return {
            "id": self.id,
            "title": self.title,
            "status": self.status.value,
            "found": self.found,
            "why": self.why,
            "fix": fix,
        }


@dataclass(frozen=True)
class Checker:
    """A check that can be made."""

    id: str
    title: str
    why: str
    look: Callable[[Here], Finding]
    before: frozenset[str] | None
    """Of which runs it is asked beforehand: those with all these words; None: of none."""
    limit_s: float

    def done(self, finding: Finding) -> Check:
        """What a look gave, as a check."""
        why = finding.why or self.why
        return Check(
            self.id, self.title, finding.status, finding.found, why, finding.fix, finding.applies
        )


def check(
    id: str,
    title: str,
    why: str,
    *,
    before: tuple[str, ...] | None = None,
    limit_s: float = LIMIT_S,
) -> Callable[[Callable[[Here], Finding]], Checker]:
    """Make a check of a function.

    Args:
        id: its name in JSON.
        title: what is looked at, in a few words.
        why: why it matters, in a sentence.
        before: it is also asked before runs that are all of this: official, embedded, cuda; ()
            before every run. Such a check takes a few ms.
        limit_s: an answer that takes longer is not waited for.
    """

    def made(look: Callable[[Here], Finding]) -> Checker:
        words = None if before is None else frozenset(before)
        return Checker(id, title, why, look, words, limit_s)

    return made


def gb(size: float) -> str:
    """A size in words."""
    return f"{size / 1e9:.1f} GB" if size < 100e9 else f"{size / 1e9:.0f} GB"


def listed(words: list[str], most: int = 4) -> str:
    """Some of many, in words."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + more
