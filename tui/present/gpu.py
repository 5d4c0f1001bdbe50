"""GPU and host readings -> the contract's object and a panel a device."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tui.engine.telemetry.gpus import NORMAL, GpuDevice, GpuProcess, GpuSnapshot, MigInstance
from tui.engine.telemetry.host import HostSample
from tui.engine.telemetry.reading import Reading
from tui.engine.telemetry.sampler import Latest
from tui.present import metrics
from widgets.rows import Badge, Cell, Column, Fact, Level, Meter, Panel, Tone

OF_GPU = (
    "utilization_pct", "memory_utilization_pct", "memory_used_bytes", "memory_total_bytes",
    "power_w", "power_limit_w", "temperature_c", "memory_temperature_c", "sm_clock_mhz",
    "memory_clock_mhz", "pcie_gen", "pcie_width", "energy_j", "power_throttled_s",
    "thermal_throttled_s", "ecc_corrected", "ecc_uncorrected", "remapped_rows", "pcie_replays",
)  # fmt: skip
"""What `gpu --json` tells of a reading of a GPU."""
OF_HOST = (
    "busiest_core_pct", "steal_pct", "load_1m", "memory_used_bytes", "memory_total_bytes",
    "swap_used_bytes", "disk_read_bytes_s", "disk_write_bytes_s", "net_received_bytes_s",
    "net_sent_bytes_s", "cpu_pressure_pct", "memory_pressure_pct", "io_pressure_pct",
)  # fmt: skip
ACCESS = {
    "none": "this machine's own (no virtualization)",
    "passthrough": "passed through to this virtual machine",
    "vgpu": "a vGPU of a shared card",
    "host-vgpu": "shared out as vGPUs",
    "host-vsga": "shared out (vSGA)",
}
NO_UTILIZATION = "utilization: not told by NVML under MIG"


def to_json(gpus: Latest[GpuSnapshot], host: Latest[HostSample], now: float) -> dict[str, Any]:
    """The object of `gpu --json`.

    Args:
        gpus: what is known of the GPUs.
        host: of the host.
        now: CLOCK_BOOTTIME, to tell ages.
    """
    snapshot = gpus.sample
    age = gpus.age_s(now)
    return {
        "driver": snapshot.driver if snapshot else None,
        "cuda": snapshot.cuda if snapshot else None,
        "error": trouble(gpus, now),
        "devices": [_device(one, age) for one in snapshot.devices] if snapshot else [],
        "host": _host_json(host.sample),
    }


def trouble(gpus: Latest[GpuSnapshot], now: float) -> str | None:
    """Why there is nothing (new) to show: no driver, or one that gives no answer."""
    silent = gpus.silent_s(now)
    if gpus.error is None and silent is not None:
        return f"no answer from the NVIDIA driver for {silent:.0f} s"
    return gpus.error


def _device(device: GpuDevice, age_s: float | None) -> dict[str, Any]:
    reading = asdict(device.reading)
    return {
        "index": device.index,
        "uuid": device.uuid,
        "name": device.name,
        "pci_bus_id": device.pci_bus_id,
        "mig": [asdict(one) for one in device.mig] if device.mig is not None else None,
        "virtualization": device.virtualization,
        **{name: reading[name] for name in OF_GPU},
        "throttle_reasons": device.throttle_reasons,
        "age_s": round(age_s, 3) if age_s is not None else None,
        "lost": device.lost,
        "lost_since": device.lost_since,
        "closed": device.closed,
        "processes": (
            [asdict(one) for one in device.processes] if device.processes is not None else None
        ),
    }


def _host_json(sample: HostSample | None) -> dict[str, Any]:
    reading = asdict(sample.reading) if sample else dict.fromkeys(("utilization_pct", *OF_HOST))
    return {
        "cpu_pct": reading["utilization_pct"],
        "cores_pct": list(sample.cores_pct) if sample else [],
        **{name: reading.get(name) for name in OF_HOST},
    }


def panels(gpus: Latest[GpuSnapshot], host: Latest[HostSample], now: float) -> list[Panel]:
    """One panel a GPU, and one for the host."""
    problem = trouble(gpus, now)
    devices = gpus.sample.devices if gpus.sample else ()
    found = [_panel(one, problem, len(devices)) for one in devices]
    if problem and not found:
        found.append(Panel("GPU", Badge("none", Tone.UNKNOWN), headline=problem))
    return [*found, _host_panel(host.sample)]


def meters(gpus: Latest[GpuSnapshot], host: Latest[HostSample], now: float) -> list[Meter]:
    """One line a GPU, or why there is none; and the host."""
    return [*gpu_meters(gpus, now), *host_meters(host)]


def gpu_meters(gpus: Latest[GpuSnapshot], now: float) -> list[Meter]:
    """One line a GPU, or why there is none."""
    problem = trouble(gpus, now)
    if gpus.sample is None:
        return [Meter("GPU", Level(None, problem))] if problem else []
    if problem and len(gpus.sample.devices) > 1:
        return [Meter("GPUs", Level(None, ""), badge=Badge(problem, Tone.WARNING))]
    return [_meter(one, problem) for one in gpus.sample.devices]


def host_meters(host: Latest[HostSample]) -> list[Meter]:
    """The host's line."""
    if host.sample is None:
        return []
    reading = host.sample.reading
    return [
        Meter(
            "host",
            Level(
                _share(reading.utilization_pct), metrics.percent(reading.utilization_pct).rjust(5)
            ),
            (
                f"steal {metrics.tenths(reading.steal_pct, '%')}",
                metrics.gigabytes(reading.memory_used_bytes, reading.memory_total_bytes),
                f"load {metrics.tenths(reading.load_1m, '').rstrip()}",
            ),
        )
    ]


def _meter(device: GpuDevice, problem: str | None) -> Meter:
    reading, name = device.reading, f"GPU {device.index}"
    if device.lost:
        badge = Badge(_lost(device), Tone.BAD)
        return Meter(name, Level(None, ""), badge=badge)
    if device.closed:
        badge = Badge(f"closed: {device.closed}", Tone.WARNING)
        return Meter(name, Level(None, ""), badge=badge)
    if problem:
        return Meter(name, Level(None, ""), badge=Badge(problem, Tone.WARNING))
    split = "MIG" if device.mig is not None else metrics.percent(reading.utilization_pct)
    return Meter(
        name,
        Level(_share(reading.utilization_pct), split.rjust(5)),
        (
            metrics.gigabytes(reading.memory_used_bytes, reading.memory_total_bytes),
            metrics.of(reading.power_w, reading.power_limit_w, "W"),
            metrics.whole(reading.temperature_c, "°C"),
            metrics.whole(reading.sm_clock_mhz, "MHz"),
            ", ".join(device.throttle_reasons or ()),
        ),
    )


LISTED = (
    Column("#", 2, right=True),
    Column("model", 10, most=22),
    Column("utilization", 11),
    Column("memory", 11, right=True, most=14),
    Column("power", 9, right=True, most=12),
    Column("temp", 5, right=True),
    Column("MHz", 5, right=True),
    Column("why", 9, most=40),
)
"""The GPUs in the app."""
SORTS = ("index", "utilization", "memory", "power", "temperature")
"""How the list can be sorted; all but the first with the most at the top."""


def sorted_by(devices: Sequence[GpuDevice], how: str) -> list[GpuDevice]:
    """The devices in another order; those that do not tell come last."""
    names = {
        "utilization": "utilization_pct",
        "memory": "memory_used_bytes",
        "power": "power_w",
        "temperature": "temperature_c",
    }
    if how not in names:
        return list(devices)

    def told(device: GpuDevice) -> float:
        value: float | None = getattr(device.reading, names[how])
        return -1.0 if value is None else value

    return sorted(devices, key=told, reverse=True)


def listed_row(device: GpuDevice, problem: str | None) -> tuple[Cell, ...]:
    """One row of that list."""
    reading = device.reading
    head = (Cell(str(device.index)), Cell(short_name(device.name), quiet=True))
    if device.lost:
        return (*head, Cell(_lost(device), Tone.BAD, spans=True))
    if device.closed:
        return (*head, Cell(f"closed: {device.closed}", Tone.WARNING, spans=True))
    if problem:
        return (*head, Cell(problem, Tone.WARNING, spans=True))
    used = metrics.percent(reading.utilization_pct).rjust(5)
    reasons = device.throttle_reasons
    return (
        *head,
        Cell("MIG: n/a")
        if device.mig is not None
        else Cell(used, share=_share(reading.utilization_pct)),
        Cell(metrics.gigabytes(reading.memory_used_bytes, reading.memory_total_bytes)),
        Cell(metrics.of(reading.power_w, reading.power_limit_w, "W")),
        Cell(metrics.whole(reading.temperature_c, "°C")),
        Cell(metrics.whole(reading.sm_clock_mhz, "").rstrip()),
        Cell(", ".join(reasons or ()), _clock_tone(reasons)),
    )


def short_name(name: str | None) -> str:
    """Without the maker's name."""
    return (name or "GPU").removeprefix("NVIDIA ").removeprefix("Tesla ")


def device_panel(device: GpuDevice, gpus: Latest[GpuSnapshot], now: float) -> Panel:
    """Everything that is known of one GPU."""
    count = len(gpus.sample.devices) if gpus.sample else 1
    return _panel(device, trouble(gpus, now), count)


def host_panel(host: Latest[HostSample]) -> Panel:
    """Everything that is known of the host."""
    return _host_panel(host.sample)


def _process(one: GpuProcess) -> str:
    """Pid, user, memory and command, which may be a whole program with newlines."""
    memory = metrics.size(one.memory_bytes) if one.memory_bytes is not None else metrics.NOTHING
    whose = "  (of a run here)" if one.ours else ""
    words = metrics.one_line(one.command or "?")
    share = "" if one.utilization_pct is None else f"  {metrics.percent(one.utilization_pct)}"
    return f"{one.pid}  {one.user or '?'}  {memory}{share}  {words}{whose}"


def _share(percent: float | None) -> float | None:
    return percent / 100 if percent is not None else None


def names(snapshot: GpuSnapshot | None) -> str:
    """The GPUs in a few words: `4 x NVIDIA H100 80GB HBM3`; empty where there is none."""
    if snapshot is None or not snapshot.devices:
        return ""
    counts: dict[str, int] = {}
    for one in snapshot.devices:
        name = short_name(one.name)
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{n} x {name}" if n > 1 else name for name, n in counts.items())


def _panel(device: GpuDevice, problem: str | None, count: int) -> Panel:
    reading, reasons = device.reading, device.throttle_reasons
    title = f"GPU {device.index}  {device.name or 'unnamed'}"
    if device.lost:
        text = "Nothing can be read of it any more; a reset or a reboot may bring it back."
        facts = [Fact("uuid", device.uuid or metrics.NOTHING)]
        return Panel(title, Badge(_lost(device), Tone.BAD), headline=text, facts=tuple(facts))
    if device.closed:
        return Panel(title, Badge(f"closed: {device.closed}", Tone.WARNING))
    facts = [
        Fact("utilization", _utilization(device)),
        Fact("memory", _memory(reading)),
        Fact("power", metrics.of(reading.power_w, reading.power_limit_w, "W")),
        Fact("temperature", _temperatures(device)),
        Fact("SM clock", metrics.whole(reading.sm_clock_mhz, "MHz")),
        Fact("clocks", _clocks(reasons), _clock_tone(reasons)),
        Fact("PCIe", _link(reading.pcie_gen, reading.pcie_width)),
        Fact("access", ACCESS.get(device.virtualization or "", metrics.NOTHING)),
        Fact("uuid", device.uuid or metrics.NOTHING),
        Fact("bus", device.pci_bus_id or metrics.NOTHING),
    ]
    if seen := _seen_by_cuda(device, count):
        facts.append(Fact("CUDA", seen))
    facts += [Fact("instance", _instance(one)) for one in device.mig or ()]
    if device.mig is not None:
        facts.append(Fact("instances", NO_UTILIZATION))
    facts += [Fact("process", _process(one)) for one in device.processes or ()]
    badge = Badge(problem, Tone.WARNING) if problem else Badge("", Tone.PLAIN)
    return Panel(title, badge, facts=tuple(facts), stale=problem is not None)


def _lost(device: GpuDevice) -> str:
    since = f" since {device.lost_since[11:19]} UTC" if device.lost_since else ""
    return f"lost{since}: it has fallen off the bus"


def _memory(reading: Reading) -> str:
    if reading.memory_total_bytes is None:
        return f"{metrics.NOTHING} (NVML tells none; an integrated GPU uses the host's)"
    return metrics.gigabytes(reading.memory_used_bytes, reading.memory_total_bytes)


def _seen_by_cuda(device: GpuDevice, count: int) -> str:
    """Nothing to say where nothing is hidden."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return ""
    said = f"CUDA_VISIBLE_DEVICES={visible}"
    seen = device.seen_by_cuda(visible, os.environ.get("CUDA_DEVICE_ORDER"), count)
    if seen is None:
        return f"{said} counts in CUDA's order, which need not be this one (by PCI bus)"
    return f"{'seen' if seen else 'hidden'} by {said}"


def _utilization(device: GpuDevice) -> str:
    if device.mig is not None:
        return "not told by NVML under MIG"
    reading = device.reading
    memory = metrics.percent(reading.memory_utilization_pct)
    return f"{metrics.percent(reading.utilization_pct)}, memory {memory} of the time"


def _temperatures(device: GpuDevice) -> str:
    memory = device.reading.memory_temperature_c
    text = metrics.whole(device.reading.temperature_c, "°C")
    return f"{text}, memory {metrics.whole(memory, '°C')}" if memory is not None else text


def _clocks(reasons: tuple[str, ...] | None) -> str:
    if reasons is None:
        return metrics.NOTHING
    words = ", ".join(reasons)
    return f"{words} (normal under load)" if reasons == ("power cap",) else words or "free"


def _clock_tone(reasons: tuple[str, ...] | None) -> Tone:
    return Tone.WARNING if set(reasons or ()) - NORMAL else Tone.PLAIN


def _link(gen: int | None, width: int | None) -> str:
    return f"Gen{gen} x{width}" if gen is not None and width is not None else metrics.NOTHING


def _instance(one: MigInstance) -> str:
    memory = metrics.gigabytes(one.memory_used_bytes, one.memory_total_bytes)
    return f"{one.index}  {one.name or metrics.NOTHING}  {memory}"


def _host_panel(sample: HostSample | None) -> Panel:
    badge = Badge("", Tone.PLAIN)
    if sample is None:
        return Panel("host", badge)
    reading, cores = sample.reading, sample.cores_pct
    facts = (
        Fact("cpu", metrics.percent(reading.utilization_pct)),
        Fact("cores", " ".join("–" if one is None else f"{one:.0f}" for one in cores) + " %"),
        Fact("steal", metrics.tenths(reading.steal_pct, "%")),
        Fact("load", metrics.tenths(reading.load_1m, "")),
        Fact("memory", metrics.gigabytes(reading.memory_used_bytes, reading.memory_total_bytes)),
        Fact("swap", _bytes(reading.swap_used_bytes)),
        Fact(
            "disk", _rates("read", reading.disk_read_bytes_s, "write", reading.disk_write_bytes_s)
        ),
        Fact(
            "network", _rates("in", reading.net_received_bytes_s, "out", reading.net_sent_bytes_s)
        ),
        Fact(
            "waiting",
            f"for CPU {metrics.tenths(reading.cpu_pressure_pct, '%')}, "
            f"memory {metrics.tenths(reading.memory_pressure_pct, '%')}, "
            f"disk {metrics.tenths(reading.io_pressure_pct, '%')} of the last 10 s",
        ),
    )
    return Panel("host", badge, facts=facts)


def _rates(one: str, first: float | None, other: str, second: float | None) -> str:
    words = ((one, first), (other, second))
    return ", ".join(f"{name} {_bytes(value)}" + ("/s" if value is not None else "")
                     for name, value in words)  # fmt: skip


def _bytes(value: float | None) -> str:
    return metrics.size(int(value)) if value is not None else metrics.NOTHING
