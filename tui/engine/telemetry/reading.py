"""One reading of one device: what every telemetry source gives."""

from __future__ import annotations

from dataclasses import dataclass

NO_DRIVER = "no NVIDIA driver here (libnvidia-ml.so.1 is missing)"


class SourceUnavailable(Exception):
    """A source has nothing to read here; the text says why, in words for a user."""


@dataclass(slots=True)
class Reading:
    """Unknown is None, never 0."""

    device: str
    """`host`, `gpu0` … by NVML index, `gpu0/mig1` for an instance of a split GPU."""
    utilization_pct: float | None = None
    """GPU: share of the last 200 ms or so with a kernel resident. Host: of all CPUs."""
    memory_utilization_pct: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_w: float | None = None
    """Of the board, now; on cards that do not tell that, a mean over a second."""
    power_limit_w: float | None = None
    temperature_c: float | None = None
    memory_temperature_c: float | None = None
    sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    pcie_gen: int | None = None
    pcie_width: int | None = None
    busiest_core_pct: float | None = None
    """Host only, like all that follow."""
    steal_pct: float | None = None
    """Time that the hypervisor took away."""
    load_1m: float | None = None
    swap_used_bytes: int | None = None
    disk_read_bytes_s: float | None = None
    disk_write_bytes_s: float | None = None
    net_received_bytes_s: float | None = None
    net_sent_bytes_s: float | None = None
    run_read_bytes: int | None = None
    """By the run's processes since its start; not looked for while LoadGen measures."""
    run_written_bytes: int | None = None
    cpu_pressure_pct: float | None = None
    """Share of the last ten seconds in which something waited for a CPU (PSI, `some avg10`)."""
    memory_pressure_pct: float | None = None
    io_pressure_pct: float | None = None
    throttle_bits: int | None = None
    """nvmlClocksEventReason bits."""
    energy_j: float | None = None
    """Counters, read now and then: only their differences mean something."""
    power_throttled_s: float | None = None
    thermal_throttled_s: float | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    remapped_rows: int | None = None
    pcie_replays: int | None = None


COUNTERS = (
    "run_read_bytes",
    "run_written_bytes",
    "energy_j",
    "power_throttled_s",
    "thermal_throttled_s",
    "ecc_corrected",
    "ecc_uncorrected",
    "remapped_rows",
    "pcie_replays",
)
MEASURES = tuple(name for name in Reading.__dataclass_fields__ if name != "device")
"""The numbers of a reading; their unit is the end of their name."""
GAUGES = tuple(name for name in MEASURES if name not in (*COUNTERS, "throttle_bits"))
"""Those of which a mean means something."""
