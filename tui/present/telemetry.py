"""What GPUs and host did beside a run -> a panel: a line a device for each phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tui.engine.telemetry.gpus import NORMAL
from tui.engine.telemetry.summary import BOARD
from tui.present import metrics
from tui.present.charts import name_of
from tui.present.gpu import short_name
from widgets.rows import Badge, Fact, Panel, Tone


def panel(found: Mapping[str, Any]) -> Panel:
    """The `telemetry` of `show --json` as a panel."""
    answer = found["gpu_used"]
    badge = Badge(f"GPU used: {answer}" if answer else "", Tone.PLAIN)
    facts = [
        Fact(name_of(one["device"]), f"{short_name(one['name'])}  {one['uuid'] or ''}".rstrip())
        for one in found["gpus"]
    ]
    for phase in found["phases"]:
        title = f"{phase['name']} {metrics.duration(phase['seconds'])}"
        for device, one in phase["devices"].items():
            facts.append(Fact(title, f"{name_of(device)}  {'  '.join(_words(device, one))}"))
            title = ""
    note = f"Power and energy: {BOARD}. Means over each phase, the most in brackets."
    return Panel("Telemetry", badge, facts=tuple(facts), notes=(note,))


def _words(device: str, one: Mapping[str, Any]) -> Iterator[str]:
    """What a device did in a phase; what is not known is left out."""
    if device == "host":
        yield f"cpu {_mean(one, 'utilization_pct', '%')}"
        yield f"steal {metrics.tenths(one['steal_pct_mean'], '%')}"
        yield metrics.gigabytes(one["memory_used_bytes_max"], one["memory_total_bytes"])
        return
    if "/" not in device:
        yield _mean(one, "utilization_pct", "%")
        yield _mean(one, "power_w", "W")
    yield metrics.gigabytes(one["memory_used_bytes_max"], one.get("memory_total_bytes"))
    if "/" in device:
        return
    yield metrics.whole(one["temperature_c_max"], "°C")
    yield _mean(one, "sm_clock_mhz", "MHz")
    if one["energy_j"] is not None:
        yield metrics.quantity(one["energy_j"], "J")
    for reason, share in (one["throttled_pct"] or {}).items():
        if share and reason != "idle":
            yield f"{reason} {metrics.percent(share)}" + (" (normal)" if reason in NORMAL else "")
    if one["pcie_gen"] is not None and one["pcie_width"] is not None:
        yield f"Gen{one['pcie_gen']:.0f} x{one['pcie_width']:.0f}"
    for name, words in (("ecc_corrected", "ECC corrected"), ("ecc_uncorrected", "ECC uncorrected")):
        if one[f"{name}_growth"]:
            yield f"{words} {one[f'{name}_growth']:.0f}"


def _mean(one: Mapping[str, Any], name: str, unit: str) -> str:
    mean, most = one[f"{name}_mean"], one[f"{name}_max"]
    words = metrics.whole(mean, unit)
    if most is None or mean is None or round(most) == round(mean):
        return words
    return f"{words} ({most:.0f})"
