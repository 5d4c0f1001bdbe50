"""Healthy, suspect or unhealthy, each with its reasons.

Rules and limits come from healthy H100 alone (docs/probe.md): what fails is a fault whatever the
card; what is suspect is a speed below the GPU's own baseline or far below its datasheet. A speed
whose own spread is larger than what it lacks decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui.engine.catalog import GpuModel
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
SPREADS = 2.0
"""A speed must lack more than so many of its own coefficients of variation."""


@dataclass(frozen=True)
class Baseline:
    """What this GPU had before, with the same driver in the same environment."""

    medians: Mapping[str, float]
    cvs: Mapping[str, float]
    """Over those probes; missing where there are fewer than three."""
    probes: int


@dataclass(frozen=True)
class Graded:
    """A measurement, judged."""

    verdict: str
    reasons: tuple[Why, ...]
    notes: tuple[Why, ...]
    """What a reader should know, and what decides nothing."""
    metrics: tuple[dict[str, Any], ...]


def grade(
    measured: Measured, model: GpuModel | None, baseline: Baseline | None, xids: Sequence[str] = ()
) -> Graded:
    """Judge a complete measurement.

    Args:
        measured: what the body said.
        model: the datasheet of its GPU; None: graded by its own baseline only.
        baseline: None where there is none yet.
        xids: what the kernel logged of this GPU meanwhile, in words.
    """
    rows = tuple(_rows(measured, model, baseline))
    failed = [*_check_failures(measured), *_hardware_failures(measured, xids)]
    warned = [*_hardware_warnings(measured), *_slow(rows, baseline)]
    verdict = UNHEALTHY if failed else SUSPECT if warned else HEALTHY
    notes = _notes(measured, model, baseline)
    return Graded(verdict, (*failed, *warned), tuple(notes), rows)


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
        before = baseline.medians.get(name) if baseline else None
        floor = _floor(metric, model)
        is_graded = metric.warn_pct is not None and not measured.busy
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
        }
        rows.append(row | {key: one[key] for key in ALSO if key in one})
    return rows


def _floor(metric: Metric, model: GpuModel | None) -> float | None:
    if metric.ceiling == MEMORY and metric.floor and model is not None and model.inline_ecc:
        return INLINE_ECC_FLOOR
    return metric.floor


def _link(measured: Measured, model: GpuModel | None) -> float | None:
    """GB/s one way of the fastest link that card and slot can have together."""
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


def _hardware_failures(measured: Measured, xids: Sequence[str]) -> list[Why]:
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


def _slow(rows: Sequence[Mapping[str, Any]], baseline: Baseline | None) -> list[Why]:
    found = []
    for row in rows:
        if not row["graded"]:
            continue
        metric = METRICS[row["name"]]
        own_pct = SPREADS * 100 * row["cv"]
        before, delta = row["baseline"], row["delta_pct"]
        if before is not None and metric.warn_pct is not None and baseline is not None:
            spread_pct = max(own_pct, SPREADS * 100 * baseline.cvs.get(row["name"], 0.0))
            if -delta > max(metric.warn_pct, spread_pct):
                found.append(
                    Why(
                        "below-baseline",
                        f"{metric.title}: {_number(row['value'])} {metric.unit} is {-delta:.1f} % "
                        f"below this GPU's own baseline of {_number(before)}",
                        "see what has changed: power limit, clocks, driver, cooling, other work on "
                        "host or GPU; probe again when it is quiet",
                    )
                )
                continue
        if row["floor"] is not None:
            lacks_pct = (row["floor"] - row["value"]) / row["floor"] * 100
            if lacks_pct > 0 and lacks_pct > own_pct:
                share = row["value"] / row["ceiling"] * 100
                found.append(
                    Why(
                        "below-ceiling",
                        f"{metric.title}: {_number(row['value'])} {metric.unit} is {share:.0f} % "
                        f"of what the hardware can ({_number(row['ceiling'])}); healthy cards "
                        f"reach {row['floor'] / row['ceiling'] * 100:.0f} % and more",
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


def _notes(measured: Measured, model: GpuModel | None, baseline: Baseline | None) -> list[Why]:
    found = [failures.left_out(one, measured) for one in measured.left_out]
    if measured.busy:
        held = "; ".join(failures.holder(one) for one in measured.busy[:3] if one.get("pid"))
        found.append(
            Why(
                "busy",
                f"others compute on this GPU ({held}): speeds are not graded",
                "probe again when it is free",
            )
        )
    if measured.shrunk:
        why = "others are at work" if measured.busy else "little memory is free, or time"
        found.append(
            Why("shrunk", f"done on a smaller scale ({why}): {'; '.join(measured.shrunk)}")
        )
    if len(measured.cupy) > 1:
        names = " and ".join(f"{one.get('name')} {one.get('version')}" for one in measured.cupy)
        extra = [str(one.get("name")) for one in measured.cupy[1:]]
        found.append(
            Why(
                "cupy-twice",
                f"CuPy is installed more than once ({names}); "
                f"{(measured.device or {}).get('cupy')} was used",
                f"pip uninstall {' '.join(extra)}, then pip install --force-reinstall "
                f"{measured.cupy[0].get('name')}",
            )
        )
    if (measured.device or {}).get("mig") is not None:
        found.append(Why("mig", "a MIG slice: graded by its own baseline only"))
    elif model is None:
        name = (measured.device or {}).get("name")
        found.append(
            Why("no-datasheet", f"no datasheet of {name} is known: graded by its own baseline only",
                "a file in profiles/gpus of your own may give it")
        )  # fmt: skip
    if baseline is None and not measured.busy:
        found.append(
            Why("no-baseline", "the first probe of this GPU with this driver in this environment: "
                "later ones are compared with it")
        )  # fmt: skip
    return found
