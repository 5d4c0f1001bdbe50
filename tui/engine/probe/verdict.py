"""Healthy, suspect or unhealthy, each with its reasons.

Rules and limits come from healthy H100 alone (docs/probe.md): what fails is a fault whatever the
card; what is suspect is a speed below the GPU's own baseline or far below its datasheet. A speed
whose own spread is larger than what it lacks decides nothing: the middle half of its repeats, or
what its baseline scatters by.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui.engine.catalog import GpuModel
from tui.engine.kernel_log import Xid
from tui.engine.probe import failures
from tui.engine.probe.failures import Why
from tui.engine.probe.metrics import (
    INLINE_ECC_FLOOR,
    MEMORY,
    METRICS,
    Metric,
    ceiling_of,
    link_gb_s,
)
from tui.engine.probe.record import Measured
from tui.engine.telemetry.gpus import reasons_of

HEALTHY, SUSPECT, UNHEALTHY = "healthy", "suspect", "unhealthy"
HARDWARE_THROTTLE = 0x8 | 0x40 | 0x80
"""Hardware slowdown, hardware thermal, power brake: nvmlClocksEventReason bits (nvml.h)."""
SOFTWARE_THERMAL = 0x20
ALSO = ("bytes", "size", "precision", "alloc_us", "free_us")
"""What a metric may tell beside its value."""


Scale = tuple[Any, ...]
"""How large what was measured is: only equals are compared."""
ENOUGH = 3


def scale_of(row: Mapping[str, Any]) -> Scale:
    """Of a metric; a pattern test takes what is free, and is as fast with a little more."""
    if str(row["name"]).startswith("pattern"):
        return ()
    return (row.get("bytes"), row.get("size"), row.get("precision"))


@dataclass(frozen=True)
class Baseline:
    """What this GPU had before, with the same driver in the same environment."""

    values: Mapping[str, Mapping[Scale, tuple[float, ...]]]
    """By metric and scale, of those probes."""
    probes: int

    def median(self, name: str, scale: Scale) -> float | None:
        """None where it has no such metric of that scale."""
        found = self.values.get(name, {}).get(scale)
        return statistics.median(found) if found else None

    def spread(self, name: str, scale: Scale) -> float:
        """The typical distance from the median, as a share of it; one odd probe does not count.

        1.4826 times the median absolute deviation, which for normal scatter is the standard
        deviation (Rousseeuw and Croux, 1993). 0 where there are fewer than three.
        """
        found = self.values.get(name, {}).get(scale, ())
        middle = self.median(name, scale)
        if len(found) < ENOUGH or not middle:
            return 0.0
        return 1.4826 * statistics.median(abs(one - middle) for one in found) / middle


@dataclass(frozen=True)
class Graded:
    """A measurement, judged."""

    verdict: str | None
    """None: nothing is wrong as far as could be measured, but that is not all."""
    reasons: tuple[Why, ...]
    notes: tuple[Why, ...]
    """What a reader should know, and what decides nothing."""
    metrics: tuple[dict[str, Any], ...]


def grade(
    measured: Measured, model: GpuModel | None, baseline: Baseline | None, xids: Sequence[Xid] = ()
) -> Graded:
    """Judge a measurement; of one that broke off, what was measured until then.

    Args:
        measured: what the body said.
        model: the datasheet of its GPU; None: graded by its own baseline only.
        baseline: None where there is none yet.
        xids: what the kernel logged of this GPU meanwhile.
    """
    rows = tuple(_rows(measured, model, baseline))
    failed = [*_check_failures(measured), *_hardware_failures(measured, xids)]
    warned = [*_hardware_warnings(measured), *_slow(rows)]
    missing = [] if _is_verified(measured) else _missing(measured)
    notes = _notes(measured, model, baseline, rows, xids)
    if missing and not failed:
        return Graded(None, (*missing, *warned), tuple(notes), rows)
    verdict = UNHEALTHY if failed else SUSPECT if warned else HEALTHY
    return Graded(verdict, (*failed, *missing, *warned), tuple(notes), rows)


def _is_verified(measured: Measured) -> bool:
    """Memory was tested, and arithmetic: without that nothing is called healthy."""
    checked = {
        one["name"]
        for one in measured.checks
        if isinstance(one.get("mismatches"), int) or isinstance(one.get("limit"), (int, float))
    }
    return "pattern" in checked and any(name.startswith("gemm") for name in checked)


def _missing(measured: Measured) -> list[Why]:
    """Why not all that a verdict needs was done."""
    found = [failures.left_out(one, measured) for one in measured.left_out]
    return found or [Why("not-verified", "memory or arithmetic were not tested", "probe again")]


def _rows(
    measured: Measured, model: GpuModel | None, baseline: Baseline | None
) -> list[dict[str, Any]]:
    """Every metric that was measured, as the contract has it."""
    link = _link(measured, model)
    found = {one["name"]: one for one in measured.metrics}
    rows = []
    for name, metric in METRICS.items():
        if name not in found:
            continue
        one = found[name]
        ceiling = ceiling_of(metric, model, link, one.get("precision"))
        scale = scale_of(one)
        before = baseline.median(name, scale) if baseline else None
        is_graded = metric.warn_pct is not None and not measured.is_busy
        floor = _floor(metric, model) if one.get("bytes", 0) >= metric.least_bytes else None
        spread = max(one.get("iqr", one["cv"]), baseline.spread(name, scale) if baseline else 0.0)
        row = {
            "name": name,
            "title": metric.title,
            "value": one["value"],
            "unit": metric.unit,
            "better": metric.better,
            "cv": one["cv"],
            "min": one["min"],
            "max": one["max"],
            "ceiling": ceiling,
            "floor": floor * ceiling if floor and ceiling and is_graded else None,
            "baseline": before,
            "delta_pct": _delta_pct(metric, one["value"], before),
            "smallest_pct": metric.smallest_pct,
            "graded": is_graded and (before is not None or bool(floor and ceiling)),
            "spread_pct": 100 * spread,
        }
        slow, lacks_pct = _lacks(metric, row)
        row |= {"slow": slow if lacks_pct > row["spread_pct"] else None}
        row |= {"unsettled": slow if lacks_pct <= row["spread_pct"] else None}
        rows.append(row | {key: one[key] for key in ALSO if key in one})
    return rows


def _lacks(metric: Metric, row: Mapping[str, Any]) -> tuple[str | None, float]:
    """Against what it is too slow, and how many percent it lacks."""
    delta = row["delta_pct"]
    if not row["graded"] or metric.warn_pct is None:
        return None, 0.0
    if delta is not None and -delta > max(metric.warn_pct, metric.smallest_pct):
        return "baseline", -delta
    if row["floor"] is not None and row["value"] < row["floor"]:
        return "ceiling", (row["floor"] - row["value"]) / row["floor"] * 100
    return None, 0.0


def _floor(metric: Metric, model: GpuModel | None) -> float | None:
    if metric.ceiling == MEMORY and metric.floor and model is not None and model.inline_ecc:
        return INLINE_ECC_FLOOR
    return metric.floor


def _link(measured: Measured, model: GpuModel | None) -> float | None:
    """GB/s one way of the fastest link that card and slot can have together."""
    if model is not None and model.link_gen is None:
        return None  # it has no PCIe of its own, or the datasheet does not say which
    gens, widths = (measured.readings(f"link_{name}_max") for name in ("gen", "width"))
    if gens and widths:
        return link_gb_s(max(gens), max(widths))
    return link_gb_s(model.link_gen, model.link_width) if model is not None else None


def _delta_pct(metric: Metric, value: float, before: float | None) -> float | None:
    """Against the baseline; positive is better."""
    if not before:
        return None
    change = (value - before) / before * 100
    return change if metric.better == "higher" else -change


# --- what fails ---------------------------------------------------------------------------------


def _check_failures(measured: Measured) -> list[Why]:
    found = []
    for one in measured.checks:
        name = one["name"]
        if one.get("mismatches"):
            found.append(_mismatch(one))
        elif name.startswith("gemm") and not _is_within(one.get("error"), one.get("limit")):
            error = one.get("error")
            said = "is not a number" if error is None else f"is off by {error:.2g}"
            found.append(
                Why(
                    "wrong-arithmetic",
                    f"GEMM {name.removeprefix('gemm_').upper()} {said} against float64 on the CPU; "
                    f"{one.get('limit')} is the most that rounding explains",
                    "the GPU computes wrongly: take it out of service, probe it again alone, "
                    "have it replaced if that repeats",
                )
            )
    return found


def _is_within(error: Any, limit: Any) -> bool:
    numbers = isinstance(error, (int, float)) and isinstance(limit, (int, float))
    return numbers and error <= limit


def _mismatch(check: Mapping[str, Any]) -> Why:
    count, told = check["mismatches"], check.get("first") or []
    where = f": {flip_words(told[0])}" if told else ""
    words = f"{count} word{' differs' if count == 1 else 's differ'}"
    if check["name"] == "transfer":
        return Why(
            "transfer-mismatch",
            f"data came back changed from the GPU: {words}{where}",
            "probe again; look at PCIe errors (nvidia-smi -q, dmesg), reseat the card",
        )
    return Why(
        "memory-mismatch",
        f"GPU memory does not keep what is written: {words} of {check['bytes'] / 1e9:.1f} GB"
        f"{where}",
        "do not trust results of this GPU: run `dcgmi diag -r 3`, have it replaced if that fails",
    )


def flip_words(one: Mapping[str, Any]) -> str:
    """A changed word: its address, and the one bit or how many."""
    try:
        changed = int(one["written"], 16) ^ int(one["read"], 16)
    except (KeyError, TypeError, ValueError):
        return "where, is not known"
    count = bin(changed).count("1")
    bits = f"bit {changed.bit_length() - 1}" if count == 1 else f"{count} bits"
    return f"{bits} at address {one['address']}"


def _hardware_failures(measured: Measured, xids: Sequence[Xid]) -> list[Why]:
    found = []
    if any(measured.readings("lost")):
        found.append(Why("gpu-lost", "the GPU has fallen off the bus", "reboot; reseat the card"))
    risen = _risen(measured, "ecc_uncorrected")
    if risen:
        ecc = failures.KNOWN["cudaErrorECCUncorrectable"]
        found.append(Why("ecc", f"{risen} uncorrectable memory error(s) during the probe", ecc.fix))
    if any(measured.readings("rows_failed")):
        found.append(
            Why(
                "remap-failed",
                "a faulty memory row could not be remapped: no spare row is left",
                "have the card replaced",
            )
        )
    if any(measured.readings("rows_pending")):
        found.append(
            Why(
                "remap-pending",
                "faulty memory rows wait to be remapped",
                "reset the GPU (sudo nvidia-smi --gpu-reset) or reboot, and probe again",
            )
        )
    bits = _throttle(measured)
    if bits & HARDWARE_THROTTLE:
        words = " and ".join(reasons_of(bits & HARDWARE_THROTTLE) or ())
        found.append(
            Why(
                "hardware-throttle",
                f"the hardware slows the GPU down: {words}",
                "check power supply, power cables and cooling of the machine",
            )
        )
    found += [
        Why("xid", f"the driver logged {one}", "look it up under docs.nvidia.com/deploy/xid-errors")
        for one in xids
        if one.is_hardware
    ]
    return found


def _risen(measured: Measured, counter: str) -> int:
    values = measured.readings(counter)
    return max(0, int(values[-1] - values[0])) if len(values) > 1 else 0


def _throttle(measured: Measured) -> int:
    bits = 0
    for one in measured.readings("throttle_bits"):
        bits |= int(one)
    return bits


# --- what is suspect ----------------------------------------------------------------------------


def _hardware_warnings(measured: Measured) -> list[Why]:
    found = []
    risen = _risen(measured, "ecc_corrected")
    if risen:
        found.append(
            Why(
                "ecc-corrected",
                f"{risen} memory error(s) were corrected during the probe",
                "results are right; probe again, and have the card checked if it goes on",
            )
        )
    if _throttle(measured) & SOFTWARE_THERMAL:
        found.append(
            Why(
                "hot",
                f"the driver slows the GPU down because it is hot{_hottest(measured)}",
                "check fans and air flow; let it cool down before measuring",
            )
        )
    for name, best, words in (
        ("pcie_gen", "link_gen_max", "Gen"),
        ("pcie_width", "link_width_max", "x"),
    ):
        used = measured.readings(name, "transfer", "load")
        most = measured.readings(best)
        if used and most and max(used) < max(most):
            found.append(
                Why(
                    "link",
                    f"the PCIe link runs at {words}{max(used)} under load, "
                    f"{words}{max(most)} is possible",
                    "reseat the card, check riser and BIOS; look for PCIe errors in dmesg",
                )
            )
    return found


def _hottest(measured: Measured) -> str:
    values = measured.readings("temperature_c")
    return f" ({max(values):.0f} °C)" if values else ""


def _slow(rows: Sequence[Mapping[str, Any]]) -> list[Why]:
    found = []
    for row in rows:
        said = f"{row['title']}: {_number(row['value'])} {row['unit']} is "
        if row["slow"] == "baseline":
            found.append(
                Why(
                    "below-baseline",
                    f"{said}{-row['delta_pct']:.1f} % below this GPU's own baseline of "
                    f"{_number(row['baseline'])}",
                    "see what has changed: power limit, clocks, driver, cooling, other work on "
                    "host or GPU; probe again when it is quiet",
                )
            )
        elif row["slow"] == "ceiling":
            found.append(
                Why(
                    "below-ceiling",
                    f"{said}{row['value'] / row['ceiling'] * 100:.0f} % of what the hardware can "
                    f"({_number(row['ceiling'])}); healthy cards reach "
                    f"{row['floor'] / row['ceiling'] * 100:.0f} % and more",
                    "see that nothing else runs on host and GPU, and where the GPU is attached "
                    "(nvidia-smi topo -m); probe again",
                )
            )
    return found


def _number(value: float) -> str:
    """Four digits, grouped, never as a power of ten."""
    places = 0 if value >= 1000 else 1 if value >= 100 else 2
    return f"{value:,.{places}f}".replace(",", " ")


# --- what is worth knowing ----------------------------------------------------------------------


def _notes(
    measured: Measured,
    model: GpuModel | None,
    baseline: Baseline | None,
    rows: Sequence[Mapping[str, Any]],
    xids: Sequence[Xid],
) -> list[Why]:
    found = []
    if measured.is_busy:
        held = "; ".join(failures.holder(one) for one in measured.busy[:3] if one.get("pid"))
        who = f" ({held})" if held else ", though their processes are not seen from here"
        said = f"others compute on this GPU{who}: speeds are not graded"
        found.append(Why("busy", said, "probe again when it is free"))
    found += [
        Why(
            "unsettled",
            f"{row['title']} is below its {row['unsettled']}, but scatters by "
            f"{row['spread_pct']:.0f} %: that decides nothing",
            "probe again when host and GPU are quiet",
        )
        for row in rows
        if row["unsettled"]
    ]
    found += [
        Why("xid", f"the driver logged {one}, as a rule a program's fault")
        for one in xids
        if not one.is_hardware
    ]
    if measured.shrunk:
        why = "others are at work" if measured.is_busy else "little memory is free, or time"
        said = f"done on a smaller scale ({why}): {'; '.join(measured.shrunk)}"
        found.append(Why("shrunk", said))
    if len(measured.cupy) > 1:
        found.append(_twice(measured))
    device = measured.device or {}
    if device.get("mig") is not None:
        found.append(Why("mig", "a MIG slice: graded by its own baseline only"))
    elif model is None:
        said = f"no datasheet of {device.get('name')} is known: graded by its own baseline only"
        found.append(Why("no-datasheet", said, "a file in profiles/gpus of your own may give it"))
    if baseline is None and not measured.is_busy:
        said = "the first probe of this GPU with this driver in this environment: later ones are"
        found.append(Why("no-baseline", f"{said} compared with it"))
    return found


def _twice(measured: Measured) -> Why:
    """Two packages of CuPy lie over each other; which was used, its CUDA runtime tells."""
    names = " and ".join(f"{one.get('name')} {one.get('version')}" for one in measured.cupy)
    runtime = (measured.device or {}).get("cuda_runtime")
    used = f"that for CUDA {runtime // 1000}" if isinstance(runtime, int) else "one of them"
    fitting = f"cupy-cuda{max(failures.OLDEST_MAJOR, failures.major_of(measured) or 0)}x"
    others = [str(one.get("name")) for one in measured.cupy if one.get("name") != fitting]
    return Why(
        "cupy-twice",
        f"CuPy is installed more than once ({names}); {used} was used",
        f"pip uninstall -y {' '.join(others)}; pip install --force-reinstall '{fitting}'",
    )
