"""A run's telemetry, summed up over the whole run, its phases, and beside a result."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui.engine.telemetry.gpus import NORMAL, REASONS

MEANT = {
    "gpu": (
        "utilization_pct", "memory_utilization_pct", "memory_used_bytes", "power_w",
        "temperature_c", "memory_temperature_c", "sm_clock_mhz", "memory_clock_mhz",
    ),
    "host": (
        "utilization_pct", "busiest_core_pct", "steal_pct", "memory_used_bytes", "swap_used_bytes",
        "load_1m", "disk_read_bytes_s", "disk_write_bytes_s", "net_received_bytes_s",
        "net_sent_bytes_s", "cpu_pressure_pct", "memory_pressure_pct", "io_pressure_pct",
    ),
}  # fmt: skip
"""Of these mean and most are told."""
LASTING = ("memory_total_bytes", "power_limit_w", "pcie_gen", "pcie_width")
"""Of these the last value."""
COUNTED = (
    "power_throttled_s", "thermal_throttled_s", "ecc_corrected", "ecc_uncorrected",
    "remapped_rows", "pcie_replays",
)  # fmt: skip
"""Of these the growth."""
LONGEST_GAP_S = 2.0
"""A reading stands for the time since the one before, but for no longer than this."""
FARTHEST_COUNTER_S = 11.0
"""A span's energy is unknown where no counter was read so near to its ends."""
BOARD = "GPU boards by NVML, not MLPerf power"


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None  # empty: the card does not tell


@dataclass(frozen=True)
class Span:
    """A stretch of a run, on CLOCK_BOOTTIME."""

    begin_s: float
    end_s: float


@dataclass
class _Mean:
    """Mean over time and most."""

    seconds: float = 0.0
    total: float = 0.0
    most: float | None = None

    def add(self, value: float, seconds: float) -> None:
        self.seconds += seconds
        self.total += value * seconds
        self.most = value if self.most is None else max(self.most, value)


@dataclass
class _Tally:
    """One device over one span."""

    span: Span | None
    readings: int = 0
    seconds: float = 0.0
    means: dict[str, _Mean] = field(default_factory=dict)
    lasting: dict[str, float] = field(default_factory=dict)
    throttled_s: dict[str, float] = field(default_factory=dict)
    tells_reasons: bool = False

    def add(self, row: Mapping[str, float | None], seconds: float, names: Sequence[str]) -> None:
        self.readings += 1
        self.seconds += seconds
        for name in names:
            value = row.get(name)
            if value is not None:
                self.means.setdefault(name, _Mean()).add(value, seconds)
        for name in LASTING:
            value = row.get(name)
            if value is not None:
                self.lasting[name] = value
        bits = row.get("throttle_bits")
        if bits is not None:
            self.tells_reasons = True
            for bit, reason in REASONS.items():
                if int(bits) & bit:
                    self.throttled_s[reason] = self.throttled_s.get(reason, 0.0) + seconds


@dataclass
class _Device:
    """What is gathered of one device."""

    spans: list[_Tally]
    whole: _Tally = field(default_factory=lambda: _Tally(None))
    last_s: float | None = None
    counters: list[tuple[float, dict[str, float | None]]] = field(default_factory=list)


def summarize(path: Path, spans: Sequence[Span] = ()) -> dict[str, Any] | None:
    """What a run's telemetry.csv tells of each device: over the whole run, and over each span.

    Means are over time: a reading stands for the time since the one before.

    Returns:
        {"readings": n, "devices": {device: facts}, "spans": [{device: facts}, …]}, or None where
        nothing was recorded. Facts of a GPU: `NAME_mean`, `NAME_max`, `energy_j` by the counter,
        `throttled_pct` by reason, growth of the error counters.
    """
    found: dict[str, _Device] = {}
    for device, at_s, row in _rows(path):
        one = found.get(device)
        if one is None:
            one = found[device] = _Device([_Tally(span) for span in spans])
        before = one.last_s if one.last_s is not None else at_s - 0.1
        before = max(before, at_s - LONGEST_GAP_S)
        one.last_s = at_s
        names = MEANT["host" if device == "host" else "gpu"]
        one.whole.add(row, max(at_s - before, 1e-3), names)
        for tally in one.spans:
            if tally.span is not None and tally.span.begin_s <= at_s < tally.span.end_s:
                since = max(before, tally.span.begin_s)  # of another phase is what was before
                tally.add(row, max(at_s - since, 1e-3), names)
        if any(row.get(name) is not None for name in ("energy_j", *COUNTED)):
            one.counters.append((at_s, row))
    if not found:
        return None
    return {
        "readings": sum(one.whole.readings for one in found.values()),
        "devices": {name: _facts(name, one, one.whole) for name, one in found.items()},
        "spans": [
            {
                name: _facts(name, one, one.spans[nth])
                for name, one in found.items()
                if one.spans[nth].readings
            }
            for nth in range(len(spans))
        ],
    }


def _rows(path: Path) -> Iterator[tuple[str, float, dict[str, float | None]]]:
    """Device, time and numbers of every whole row."""
    try:
        file = open(path, encoding="utf-8", errors="replace", newline="")  # noqa: SIM115
    except FileNotFoundError:
        return
    with file:
        columns = file.readline().rstrip("\n").split(",")
        if "device" not in columns or "boottime_s" not in columns:
            return
        which, when = columns.index("device"), columns.index("boottime_s")
        numbers = [(n, name) for n, name in enumerate(columns) if name not in ("time", "device")]
        for line in file:
            cells = line.rstrip("\n").split(",")
            if len(cells) != len(columns) or (at_s := _number(cells[when])) is None:
                continue
            yield (
                cells[which],
                at_s,
                {name: _number(cells[n]) if cells[n] else None for n, name in numbers},
            )


def _facts(name: str, device: _Device, tally: _Tally) -> dict[str, Any]:
    is_host = name == "host"
    facts: dict[str, Any] = {"readings": tally.readings, "seconds": round(tally.seconds, 3)}
    for measure in MEANT["host" if is_host else "gpu"]:
        mean = tally.means.get(measure)
        facts[f"{measure}_mean"] = round(mean.total / mean.seconds, 3) if mean else None
        facts[f"{measure}_max"] = mean.most if mean else None
    for measure in LASTING[: 1 if is_host else None]:
        facts[measure] = tally.lasting.get(measure)
    if is_host or "/" in name:
        return facts
    facts["throttled_pct"] = (
        {
            reason: round(100 * seconds / tally.seconds, 1)
            for reason, seconds in tally.throttled_s.items()
        }
        if tally.tells_reasons
        else None
    )
    return facts | _counted(device.counters, tally.span)


def _counted(
    counters: Sequence[tuple[float, Mapping[str, float | None]]], span: Span | None
) -> dict[str, Any]:
    """Energy, and how much the other counters grew."""
    facts: dict[str, Any] = {"energy_j": _energy_j(counters, span)}
    for name in COUNTED:
        values = [
            value
            for at_s, row in counters
            if (value := row.get(name)) is not None
            and (span is None or span.begin_s - 1 <= at_s <= span.end_s + 1)
        ]
        grown = values[-1] - values[0] if len(values) > 1 else None
        # a counter that went back began anew with the driver: nothing is known then
        facts[f"{name}_growth"] = grown if grown is not None and grown >= 0 else None
    return facts


def _energy_j(
    counters: Sequence[tuple[float, Mapping[str, float | None]]], span: Span | None
) -> float | None:
    """By the counter; from its nearest reading to an end of the span the power of then is taken."""
    told = [
        (at_s, energy, row.get("power_w"))
        for at_s, row in counters
        if (energy := row.get("energy_j")) is not None
    ]
    if len(told) < 2:
        return None
    if span is None:
        span = Span(told[0][0], told[-1][0])
    ends = []
    for moment in (span.begin_s, span.end_s):
        at_s, energy, power_w = min(told, key=lambda one: abs(one[0] - moment))
        if abs(at_s - moment) > FARTHEST_COUNTER_S or (power_w is None and at_s != moment):
            return None
        ends.append((at_s, energy + (power_w or 0.0) * (moment - at_s)))
    inside = [energy for at_s, energy, _ in told if ends[0][0] <= at_s <= ends[1][0]]
    if ends[0][0] == ends[1][0] or any(b < a for a, b in itertools.pairwise(inside)):
        return None  # too short, or the driver began anew
    return round(ends[1][1] - ends[0][1], 2)


def of_window(
    facts: Mapping[str, Mapping[str, Any]],
    used: Sequence[str],
    gpu_used: str | None,
    samples: int | None,
) -> dict[str, Any] | None:
    """The `telemetry` of a result: what the GPUs did inside its LoadGen window.

    Args:
        facts: of each device over that window, as `summarize` gives them.
        used: the devices that the run used; without any, all are meant.
        gpu_used: the detector's answer.
        samples: how many were processed.
    """
    if not facts:
        return None
    gpus = {name: one for name, one in facts.items() if name != "host" and "/" not in name}
    # Of a run that used none, the GPUs' watts and joules are another's; which ones it used may
    # not be known: then all are meant, but what a sample took cannot be told.
    mine = [gpus[name] for name in used if name in gpus]
    if not mine and gpu_used != "no":
        mine = list(gpus.values())
    energy = _sum([one["energy_j"] for one in mine])
    throttled = [one["throttled_pct"] or {} for one in mine if one["throttled_pct"] is not None]
    return {
        "gpu_used": gpu_used,
        "devices_used": list(used),
        "window_s": max((one["seconds"] for one in facts.values()), default=None),
        "utilization_pct_mean": _mean([one["utilization_pct_mean"] for one in mine]),
        "utilization_pct_max": _most([one["utilization_pct_max"] for one in mine]),
        "memory_used_bytes_max": _most([one["memory_used_bytes_max"] for one in mine]),
        "temperature_c_max": _most([one["temperature_c_max"] for one in mine]),
        "power_w_mean": _sum([one["power_w_mean"] for one in mine]),
        "energy_j": energy,
        "energy_source": BOARD,
        "joules_per_sample": round(energy / samples, 6) if energy and samples and used else None,
        "power_cap_pct": _most([one.get("power cap", 0.0) for one in throttled]),
        "throttled_pct": _most(
            [
                max((pct for reason, pct in one.items() if reason not in NORMAL), default=0.0)
                for one in throttled
            ]
        ),
        "devices": dict(facts),
    }


def _sum(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return round(sum(known), 3) if known and len(known) == len(values) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return round(sum(known) / len(known), 3) if known else None


def _most(values: Sequence[float | None]) -> float | None:
    return max((one for one in values if one is not None), default=None)
