"""What is shown, as values: a screen gives them to widgets, the command line prints them."""

from __future__ import annotations

from collections.abc import Sequence
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
class Spread:
    """How values are distributed: some of them with the share that lies below, and a limit."""

    label: str
    points: tuple[tuple[float, float], ...]
    """Value and share below it, both rising, from the least value (0) to the greatest (1)."""
    text: str
    """The values in words."""
    limit: float | None = None
    limit_text: str = ""
    tone: Tone = Tone.PLAIN
    """How it stands to its limit."""


@dataclass(frozen=True)
class Gauge:
    """A value against the least, and the most, that it may be."""

    label: str
    value: float
    text: str
    least: float | None = None
    most: float | None = None
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Panel:
    """A heading with a badge, a headline, notes, facts and reasons: one result, one device."""

    title: str
    badge: Badge
    headline: str = ""
    notes: tuple[str, ...] = ()
    spreads: tuple[Spread, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    facts: tuple[Fact, ...] = ()
    reasons: tuple[Reason, ...] = ()
    stale: bool = False
    """The facts are old: they are shown faintly."""


@dataclass(frozen=True)
class Column:
    """A column of a list."""

    title: str
    width: int
    """In characters."""
    right: bool = False
    """Numbers line up at their right."""
    most: int = 0
    """Grows up to this where there is room."""
    spare: int = 0
    """0: never left out; else left out where the list is narrow, the greatest first."""


@dataclass(frozen=True)
class Cell:
    """One place of a list's row."""

    text: str
    tone: Tone = Tone.PLAIN
    """With a tone, its sign stands before the text."""
    quiet: bool = False
    """Less important than the rest of the row."""
    share: float | None = None
    """Drawn as a bar before the text."""
    spans: bool = False
    """It takes all the room that is left in the row."""


@dataclass(frozen=True)
class Option:
    """One value that can be chosen."""

    value: str
    off: str | None = None
    """Why it cannot be chosen now; None: it can."""
    label: str = ""
    """How it is shown, where not as it is."""


@dataclass(frozen=True)
class Choice:
    """A labelled choice of one value."""

    name: str
    value: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Field:
    """A value that can be chosen or typed, with all there is to say about it."""

    name: str
    value: str
    """Empty: nothing is chosen."""
    options: tuple[Option, ...] = ()
    """Empty: any text."""
    default: str = ""
    """What is taken where nothing is chosen; empty: not known."""
    is_changed: bool = False
    """It is not the default."""
    about: str = ""
    kind: str = ""
    """What can be typed, in words."""
    problem: str = ""
    """Why it cannot be so."""


@dataclass(frozen=True)
class Group:
    """Fields under a heading."""

    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Level:
    """A share of a whole, with the number in words; `share` is None where it is not known."""

    share: float | None
    text: str


@dataclass(frozen=True)
class Meter:
    """One line of a device: its name, a bar, then facts."""

    name: str
    """Of several of a kind only the last word differs."""
    level: Level
    facts: tuple[str, ...] = ()
    badge: Badge | None = None


@dataclass(frozen=True)
class Curve:
    """Values over time, drawn against `top`."""

    name: str
    points: Sequence[tuple[float, float | None, float | None]]
    """Time, mean and most; rising in time, gaps as None."""
    top: float | None
    text: str
    """The latest value, or that at the cursor, in words."""


@dataclass(frozen=True)
class Mark:
    """A stretch of time with a name."""

    name: str
    begin_s: float
    end_s: float
    strong: bool = False
    """The one that counts."""


@dataclass(frozen=True)
class Chart:
    """Curves over the same time."""

    begin_s: float
    end_s: float
    curves: tuple[Curve, ...] = ()
    marks: tuple[Mark, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()
    """Times to be named."""
    gap_s: float = 3.0
    """A value holds until the next one, but not for longer."""
    cursor_s: float | None = None


@dataclass(frozen=True)
class LineLook:
    """How a line of a log is shown."""

    tone: Tone = Tone.PLAIN
    cut: int = 0
    """So many characters at its start are left out …"""
    instead: str = ""
    """… and this is shown in their place."""


@dataclass(frozen=True)
class Step:
    """A step of something long."""

    name: str
    time: str
    tone: Tone
    here: bool = False
    """It goes on now."""
