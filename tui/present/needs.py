"""What a run needs, as rows: said before it starts."""

from __future__ import annotations

from tui.engine.launch import Plan
from tui.present import metrics
from widgets.rows import Fact, Tone


def facts(plan: Plan) -> list[Fact]:
    """Disk, time and licence of a plan, then what may go wrong with it."""
    needed, found = plan.needs, []
    words = []
    if needed.disk_bytes:
        words.append(f"{metrics.size(needed.disk_bytes)} disk for model and dataset")
        if needed.free_bytes is not None:
            words[-1] += f" ({metrics.size(needed.free_bytes)} free)"
    if needed.gpu_memory_bytes:
        words.append(f"{metrics.size(needed.gpu_memory_bytes)} GPU memory")
    if words:
        tone = Tone.WARNING if needed.is_short_of_disk else Tone.PLAIN
        found.append(Fact("needs", "  ".join(words), tone))
    if needed.least_s:
        minutes = metrics.duration(needed.least_s)
        parts = f" in {needed.parts} parts" if needed.parts > 1 else ""
        found.append(Fact("takes", f"at least {minutes} of LoadGen{parts}"))
    if needed.licence:
        found.append(Fact("licence", needed.licence))
    warnings = [plan.warning] if plan.warning else []
    return [*found, *(Fact("note", one, Tone.WARNING) for one in (*warnings, *plan.concerns))]


def lines(plan: Plan) -> list[str]:
    """The same in plain lines."""
    return [
        f"{'warning' if one.label == 'note' else one.label}: {one.value}" for one in facts(plan)
    ]
