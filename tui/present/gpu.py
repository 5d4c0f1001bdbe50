"""GPU and host readings -> the contract's object and a panel a device."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tui.engine.telemetry.nvml import GpuDevice, GpuProcess, GpuSnapshot
from tui.engine.telemetry.reading import Reading
from tui.present import metrics
from widgets.rows import Badge, Fact, Level, Meter, Panel, Tone


def to_json(snapshot: GpuSnapshot | None, error: str | None, host: Reading) -> dict[str, Any]:
    """The object of `gpu --json`."""
    return {
        "driver": snapshot.driver if snapshot else None,
        "cuda": snapshot.cuda if snapshot else None,
        "error": error,
        "devices": [_device(one) for one in snapshot.devices] if snapshot else [],
        "host": {
            "cpu_pct": host.utilization_pct,
            "steal_pct": host.steal_pct,
            "memory_used_bytes": host.memory_used_bytes,
            "memory_total_bytes": host.memory_total_bytes,
        },
    }


def _device(device: GpuDevice) -> dict[str, Any]:
    reading = asdict(device.reading)
    del reading["device"], reading["steal_pct"]
    return {
        "index": device.index,
        "uuid": device.uuid,
        "name": device.name,
        "pci_bus_id": device.pci_bus_id,
        "mig": None,
        "virtualization": device.virtualization,
        "memory_utilization_pct": device.memory_utilization_pct,
        "power_limit_w": device.power_limit_w,
        "throttle_reasons": device.throttle_reasons,
        "age_s": 0.0,
        "lost": device.lost,
        **reading,
        "processes": (
            [asdict(one) for one in device.processes] if device.processes is not None else None
        ),
    }


def panels(snapshot: GpuSnapshot | None, error: str | None, host: Reading) -> list[Panel]:
    """One panel a GPU, and one for the host."""
    found = [_panel(one) for one in snapshot.devices] if snapshot else []
    if error:
        found.append(Panel("GPU", Badge("none", Tone.UNKNOWN), headline=error))
    memory = metrics.gigabytes(host.memory_used_bytes, host.memory_total_bytes)
    facts = (
        Fact("cpu", metrics.percent(host.utilization_pct)),
        Fact("steal", metrics.percent(host.steal_pct)),
        Fact("memory", memory),
    )
    return [*found, Panel("host", Badge("", Tone.PLAIN), facts=facts)]


def meters(snapshot: GpuSnapshot | None, error: str | None, host: Reading) -> list[Meter]:
    """One line a GPU, or why there is none; and the host."""
    found = [_meter(one) for one in snapshot.devices] if snapshot else []
    if error:
        found.append(Meter("GPU", Level(None, error)))
    memory = metrics.gigabytes(host.memory_used_bytes, host.memory_total_bytes)
    return [
        *found,
        Meter(
            "host",
            Level(_share(host.utilization_pct), metrics.percent(host.utilization_pct).rjust(5)),
            (f"steal {metrics.tenths(host.steal_pct, '%')}", memory),
        ),
    ]


def _meter(device: GpuDevice) -> Meter:
    reading, reasons = device.reading, device.throttle_reasons
    if device.lost:
        badge = Badge("lost: it has fallen off the bus", Tone.BAD)
        return Meter(f"GPU {device.index}", Level(None, ""), badge=badge)
    return Meter(
        f"GPU {device.index}",
        Level(_share(reading.utilization_pct), metrics.percent(reading.utilization_pct).rjust(5)),
        (
            metrics.gigabytes(reading.memory_used_bytes, reading.memory_total_bytes),
            metrics.of(reading.power_w, device.power_limit_w, "W"),
            metrics.whole(reading.temperature_c, "°C"),
            metrics.whole(reading.sm_clock_mhz, "MHz"),
            ", ".join(reasons or ()),
        ),
    )


def _process(one: GpuProcess) -> str:
    """Pid, user, memory and command, which may be a whole program with newlines."""
    memory = metrics.size(one.memory_bytes) if one.memory_bytes is not None else metrics.NOTHING
    whose = "  (of a run here)" if one.ours else ""
    words = metrics.one_line(one.command or "?")
    return f"{one.pid}  {one.user or '?'}  {memory}  {words}{whose}"


def _share(percent: float | None) -> float | None:
    return percent / 100 if percent is not None else None


def names(snapshot: GpuSnapshot | None) -> str:
    """The GPUs in a few words: `4 x NVIDIA H100 80GB HBM3`; empty where there is none."""
    if snapshot is None or not snapshot.devices:
        return ""
    counts: dict[str, int] = {}
    for one in snapshot.devices:
        name = (one.name or "GPU").removeprefix("NVIDIA ")
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{n} x {name}" if n > 1 else name for name, n in counts.items())


def _panel(device: GpuDevice) -> Panel:
    reading = device.reading
    reasons = device.throttle_reasons
    facts = [
        Fact("utilization", metrics.percent(reading.utilization_pct)),
        Fact("memory", metrics.gigabytes(reading.memory_used_bytes, reading.memory_total_bytes)),
        Fact("power", metrics.of(reading.power_w, device.power_limit_w, "W")),
        Fact("temperature", metrics.whole(reading.temperature_c, "°C")),
        Fact("SM clock", metrics.whole(reading.sm_clock_mhz, "MHz")),
        Fact("clocks", metrics.NOTHING if reasons is None else ", ".join(reasons) or "free"),
        Fact("access", device.virtualization or metrics.NOTHING),
    ]
    facts += [Fact("process", _process(one)) for one in device.processes or ()]
    badge = Badge("lost", Tone.BAD) if device.lost else Badge("", Tone.PLAIN)
    title = f"GPU {device.index}  {device.name or 'unnamed'}"
    return Panel(title, badge, facts=tuple(facts))
