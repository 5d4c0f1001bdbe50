"""What is shown, as values: a screen gives them to widgets, the command line prints them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Tone(Enum):
    """How something stands. Colour is never the only sign: each has a sign and its ASCII."""

    GOOD = ("✔", "+")
    BAD = ("✖", "x")
    WARNING = ("▲", "!")
    ACTIVE = ("●", "*")
    WAITING = ("○", "o")
    STOPPED = ("■", "#")
    UNKNOWN = ("?", "?")
    PLAIN = (" ", " ")

    def sign(self, *, ascii_only: bool) -> str:
        """One character."""
        return self.value[ascii_only]


@dataclass(frozen=True)
class Badge:
    """One word with a tone."""

    text: str
    tone: Tone


@dataclass(frozen=True)
class Fact:
    """A labelled value."""

    label: str
    value: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Reason:
    """Why, and what to change."""

    text: str
    fix: str | None = None


@dataclass(frozen=True)
class Panel:
    """A heading with a badge, a headline, notes, facts and reasons: one result, one device."""

    title: str
    badge: Badge
    headline: str = ""
    notes: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    reasons: tuple[Reason, ...] = ()
