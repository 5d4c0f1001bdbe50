"""What happened in a run, as a panel: how it ended, why, what to change, its timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.present import metrics
from widgets.rows import Badge, Fact, Panel, Reason, Tone

if TYPE_CHECKING:  # the app's first screen needs none of it
    from tui.engine.explain import Explanation, PhaseTime
    from tui.engine.pace import Silence
    from tui.engine.store import Cause

TONES = {
    "finished": Tone.GOOD,
    "failed": Tone.BAD,
    "killed": Tone.BAD,
    "interrupted": Tone.STOPPED,
    "skipped": Tone.WARNING,
    "running": Tone.ACTIVE,
    "unknown": Tone.UNKNOWN,
}
HEADLINES = {
    "finished": "The command ended well. Whether its result counts, say `results` and `show`.",
    "skipped": "Not all was measured: a number that it shows is from an earlier run.",
    "running": "It is not over yet.",
    "unknown": "The log does not say how it ended: it may be cut off, or go on. What is named "
    "below may have been got over.",
}


def panel(found: Explanation, title: str) -> Panel:
    """All that an explanation says.

    Args:
        found: the explanation.
        title: what was explained: a file, a run.
    """
    facts = [Fact("phases", timeline(found.phases))] if found.phases else []
    if found.dependencies:
        scripts = metrics.count(found.dependencies, "script", "scripts")
        facts.append(Fact("dependencies", f"{scripts}, up to {found.deepest} deep"))
    if found.silence is not None and found.silence.seconds >= 1:
        facts.append(Fact("longest silence", silence(found.silence)))
    if found.cause is not None and found.cause.line is not None:
        facts.append(Fact("line", metrics.grouped(found.cause.line)))
    if found.cause is not None and found.cause.rerun_with:
        facts.append(Fact("rerun with", " ".join(found.cause.rerun_with)))
    return Panel(
        title,
        Badge(found.outcome, TONES[found.outcome]),
        headline=HEADLINES.get(found.outcome, ""),
        reasons=(reason(found.cause),) if found.cause else (),
        facts=tuple(facts),
    )


def reason(cause: Cause) -> Reason:
    """A cause, with the line that names it."""
    where = f" (line {metrics.grouped(cause.line)})" if cause.line is not None else ""
    return Reason(f"{cause.text}{where}", cause.fix)


def timeline(phases: tuple[PhaseTime, ...]) -> str:
    """Each phase with its time; the parts of a run in several modes told apart."""
    several = len({(one.scenario, one.mode) for one in phases if one.mode}) > 1
    words = []
    for one in phases:
        part = f" {one.scenario} {one.mode}" if several and one.name == "scenario" else ""
        words.append(f"{one.name}{part} {metrics.duration(one.seconds)}")
    return ", ".join(words)


def silence(found: Silence) -> str:
    """How long, and where."""
    return f"{metrics.duration(found.seconds)} after line {metrics.grouped(found.line)}"
