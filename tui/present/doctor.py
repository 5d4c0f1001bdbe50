"""Checks of this machine -> rows, a panel, lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tui.engine.doctor import Check, Status
from tui.present import metrics
from widgets.rows import Badge, Cell, Column, Fact, Panel, Tone

TONES = {
    Status.FAIL: Tone.BAD,
    Status.WARNING: Tone.WARNING,
    Status.UNKNOWN: Tone.UNKNOWN,
    Status.OK: Tone.GOOD,
}
NOT_HERE = "– "
"""The sign of what does not apply here."""
COLUMNS = (Column("check", 26, most=30), Column("found", 20, most=200))


def row(check: Check) -> Sequence[Cell]:
    """One line of the list."""
    if not check.applies:
        return (Cell(f"{NOT_HERE}{check.title}", quiet=True), Cell(check.found, quiet=True))
    return (Cell(check.title, TONES[check.status]), Cell(check.found))


def badge(check: Check) -> Badge:
    """How it came out, in a word."""
    if not check.applies:
        return Badge("not here", Tone.UNKNOWN)
    return Badge(check.status.value, TONES[check.status])


def summary(found: Sequence[Check]) -> list[Badge]:
    """How many came out how."""
    counts = Counter(one.status for one in found if one.applies)
    words = {
        Status.FAIL: metrics.count(counts[Status.FAIL], "failed", "failed"),
        Status.WARNING: metrics.count(counts[Status.WARNING], "warning", "warnings"),
        Status.UNKNOWN: metrics.count(counts[Status.UNKNOWN], "unknown", "unknown"),
        Status.OK: metrics.count(counts[Status.OK], "ok", "ok"),
    }
    badges = [Badge(text, TONES[status]) for status, text in words.items() if counts[status]]
    rest = sum(not one.applies for one in found)
    return [*badges, *([Badge(f"{rest} not here", Tone.PLAIN)] if rest else [])]


def against(found: Sequence[Check]) -> str:
    """What speaks against starting a run now, and what to do; empty where nothing does."""
    return "\n".join(
        f"{one.title}: {one.found}." + (f" {one.fix.text}" if one.fix else "")
        for one in found
        if one.status is Status.FAIL
    )


def panel(check: Check, *, with_key: bool = True) -> Panel:
    """One check: what was found, why it matters, the fix as a command, and whose it is to run."""
    return Panel(
        check.title,
        badge(check),
        headline=check.found,
        notes=(check.why,),
        facts=_fix(check, with_key),
    )


def _fix(check: Check, with_key: bool) -> tuple[Fact, ...]:
    fix = check.fix
    if fix is None:
        return ()
    facts = [Fact("fix", fix.text)]
    for nth, line in enumerate((fix.command or "").splitlines()):
        facts.append(Fact("$" if not nth else "", line))
    if fix.is_safe and with_key:
        facts.append(Fact("F", "runs it from here, after a yes"))
    elif fix.command:
        facts.append(Fact("by hand", fix.by_hand))
    return tuple(facts)


def finding(check: Check) -> Badge:
    """What was found, for plain text."""
    return Badge(check.found, TONES[check.status])


def not_here(found: Sequence[Check]) -> dict[str, list[str]]:
    """The titles of what there is nothing to look at of, by the reason."""
    reasons: dict[str, list[str]] = {}
    for one in found:
        if not one.applies:
            reasons.setdefault(one.found, []).append(one.title)
    return reasons
