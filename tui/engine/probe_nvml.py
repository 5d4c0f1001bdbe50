"""What the probe's body tells of its GPU by NVML, and how it tells anything: lines of JSON."""

from __future__ import annotations

import json
from typing import Any

from tui.engine.telemetry.gpus import GpuDevice, GpuHealth
from tui.engine.telemetry.nvml import NvmlSource
from tui.engine.telemetry.reading import SourceUnavailable


def tell(kind: str, /, **about: Any) -> None:
    """One line of the protocol, at once: a step that hangs has been named before."""
    print(json.dumps({"probe": kind, **about}), flush=True)


class Nvml:
    """What NVML tells of the one GPU that is measured; nothing, where there is no NVML."""

    def __init__(self) -> None:
        self._source: NvmlSource | None = None
        self._index: int | None = None
        self.missing: str | None = None
        """Why there is no NVML."""
        try:
            self._source = NvmlSource()
        except SourceUnavailable as error:
            self.missing = str(error)

    def driver(self) -> dict[str, Any]:
        """The driver, the CUDA that it serves, and which GPUs cannot be read."""
        if self._source is None:
            return {}
        found = self._source.sample(slow=False, counters=False)
        gone = [
            {"gpu": one.index, "why": one.closed}
            for one in found.devices
            if one.lost or one.closed is not None
        ]
        return {"driver": found.driver, "driver_cuda": found.cuda, "gone": gone}

    def choose(self, pci_bus_id: str) -> int | None:
        """Find the GPU by its place on the bus; its NVML index."""
        for one in self._devices():
            if one.pci_bus_id and place_of(one.pci_bus_id) == place_of(pci_bus_id):
                self._index = one.index
        return self._index

    def _devices(self) -> tuple[GpuDevice, ...]:
        if self._source is None:
            return ()
        try:
            return self._source.sample().devices
        except SourceUnavailable as error:
            tell("gpu", when="lost", error=str(error))
            self._source = None
            return ()

    def look(self, when: str) -> GpuDevice | None:
        """Tell its state now: clocks, throttling, ECC, remapped rows, link."""
        found = next((one for one in self._devices() if one.index == self._index), None)
        if found is None or self._source is None or self._index is None:
            return None
        health, reading = self._source.health(self._index), found.reading
        tell("gpu", when=when, **_state(found, health), **_numbers(reading))
        return found

    def others(self, *, mine_only: bool = False) -> list[dict[str, Any]]:
        """Who computes on each GPU, or on the one that is measured."""
        return [
            {
                "gpu": one.index,
                "pid": process.pid,
                "user": process.user,
                "command": process.command,
                "memory_bytes": process.memory_bytes,
                "pci_bus_id": one.pci_bus_id,
            }
            for one in self._devices()
            if not mine_only or one.index == self._index
            for process in one.processes or ()
        ]

    def facts(self) -> dict[str, Any]:
        """What the card is, for the record."""
        found = next((one for one in self._devices() if one.index == self._index), None)
        if found is None or self._source is None:
            return {}
        return {
            "index": found.index,
            # of a split GPU only CUDA knows which slice it shows
            **({"uuid": found.uuid, "name": found.name} if found.mig is None else {"uuid": None}),
            "virtualization": found.virtualization,
            "mig": [part.uuid for part in found.mig] if found.mig is not None else None,
        }


def _state(found: GpuDevice, health: GpuHealth) -> dict[str, Any]:
    return {
        "lost": found.lost,
        "rows_pending": health.rows_pending,
        "rows_failed": health.rows_failed,
        "link_gen_max": health.link_gen_max,
        "link_width_max": health.link_width_max,
        "compute_mode": health.compute_mode,
        "ecc": health.ecc,
    }


def _numbers(reading: Any) -> dict[str, Any]:
    names = (
        "utilization_pct", "memory_used_bytes", "memory_total_bytes", "power_w", "power_limit_w",
        "temperature_c", "sm_clock_mhz", "memory_clock_mhz", "pcie_gen", "pcie_width",
        "throttle_bits", "energy_j", "power_throttled_s", "thermal_throttled_s", "ecc_corrected",
        "ecc_uncorrected", "remapped_rows", "pcie_replays",
    )  # fmt: skip
    return {name: getattr(reading, name) for name in names}


def place_of(pci_bus_id: str) -> tuple[int, ...]:
    """Domain, bus and device: the domain is written with four digits, or with eight."""
    return tuple(int(part, 16) for part in pci_bus_id.partition(".")[0].split(":"))
