"""How a number and its unit are written. Nobody else formats numbers."""

from __future__ import annotations

from datetime import datetime, timezone

NOTHING = "–"
DIRECTIONS = {"higher": "higher is better", "lower": "lower is better"}


def number(value: float | None) -> str:
    """Five significant digits or all before the point, thousands grouped: 13 157.8, 0.0942."""
    if value is None:
        return NOTHING
    size = abs(value)
    places = 0 if size >= 100_000 else 1 if size >= 100 else 3 if size >= 1 else 4
    return f"{value:,.{places}f}".replace(",", " ")


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit."""
    return NOTHING if value is None else f"{number(value)} {unit}"


def whole(value: float | None, unit: str) -> str:
    """For what is not known more exactly: watts, degrees, megahertz."""
    return NOTHING if value is None else f"{value:,.0f} {unit}".replace(",", " ")


def of(value: float | None, limit: float | None, unit: str) -> str:
    """A value and its limit: 575/700 W; without a limit the value alone."""
    if value is None or limit is None:
        return whole(value, unit)
    return f"{value:,.0f}/{limit:,.0f} {unit}".replace(",", " ")


def grouped(value: int) -> str:
    """A whole number, thousands grouped."""
    return f"{value:,}".replace(",", " ")


def count(value: int, one: str, many: str) -> str:
    """A whole number with its noun: 1 query, 13 157 samples."""
    return f"{value:,} {one if value == 1 else many}".replace(",", " ")


def milliseconds(value_ns: int | None) -> str:
    """Nanoseconds as ms, without the unit, short: 0.329, 4.26, 31.2, 4 845."""
    if value_ns is None:
        return NOTHING
    value = value_ns / 1e6
    places = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{places}f}".replace(",", " ")


def duration(seconds: float | None) -> str:
    """h:mm:ss, or m:ss below an hour."""
    if seconds is None:
        return NOTHING
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def gigabytes(used: int | None, total: int | None) -> str:
    """Used of total, in GB."""
    if used is None or total is None:
        return NOTHING
    return f"{used / 1e9:.1f}/{total / 1e9:.0f} GB"


def percent(value: float | None) -> str:
    """Whole percent."""
    return whole(value, "%")


def tenths(value: float | None, unit: str) -> str:
    """One place: percentages that matter when they are small."""
    return NOTHING if value is None else f"{value:.1f} {unit}"


def age(seconds: float) -> str:
    """How long ago, in the unit that counts: 8 s, 5 min, 3 h, 2 days."""
    for unit, scale in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= scale * (2 if unit == "days" else 1):
            return f"{seconds // scale:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def seconds_since(utc: str | None, now: datetime) -> float | None:
    """Seconds from a time of our files (UTC, RFC 3339) to `now`; None where it is none."""
    then = parsed(utc)
    return (now - then).total_seconds() if then else None


def local_time(utc: str | None) -> str:
    """Hours and minutes here of a time of our files; empty where it is none."""
    then = parsed(utc)
    return then.astimezone().strftime("%H:%M") if then else ""


def parsed(utc: str | None) -> datetime | None:
    """A time of our files; None where it is none."""
    try:
        found = datetime.fromisoformat((utc or "").replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def one_line(text: str, most: int = 120) -> str:
    """Words from outside in one line, without control characters, shortened."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= most else words[: most - 2].rstrip() + " …"


def size(value: int) -> str:
    """Bytes in the unit that gives one to three digits: 50 MB, 2.3 TB."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value} B"
