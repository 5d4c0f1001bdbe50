"""The GPUs of a machine as values: what they are, what they do, who computes on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tui.engine.telemetry.reading import Reading

REASONS = {
    0x1: "idle",
    0x2: "application clocks",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "thermal (software)",
    0x40: "thermal (hardware)",
    0x80: "power brake",
    0x100: "display clocks",
}
"""nvmlClocksEventReason bits (nvml.h)."""
NORMAL = frozenset({"idle", "application clocks", "power cap", "sync boost", "display clocks"})
"""Reasons that are no fault: a card under full load stands at its power cap."""


@dataclass(frozen=True)
class GpuProcess:
    """A process that computes on a GPU."""

    pid: int
    user: str | None
    command: str | None
    memory_bytes: int | None
    ours: bool
    """It belongs to one of our runs."""
    utilization_pct: float | None = None
    """Its share of the GPU's time; None where the card does not tell."""
    instance: int | None = None
    """The GPU instance of a split GPU."""


@dataclass(frozen=True)
class MigInstance:
    """A part of a split GPU. NVML tells no utilization of it."""

    index: int
    uuid: str | None
    name: str | None
    instance: int | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None


@dataclass(frozen=True)
class GpuHealth:
    """What tells of a GPU's health beside its readings. Unknown is None."""

    rows_pending: bool | None = None
    """Memory rows are to be remapped at the next reset."""
    rows_failed: bool | None = None
    """A row could not be remapped: there is no spare one left."""
    link_gen_max: int | None = None
    """The fastest PCIe link that card and slot can have together."""
    link_width_max: int | None = None
    compute_mode: str | None = None
    ecc: bool | None = None
    ecc_pending: bool | None = None
    """What it will be after the next reboot."""
    persistence: bool | None = None
    """The driver stays loaded while nobody computes."""


@dataclass(frozen=True)
class GpuDevice:
    """One GPU, its lasting facts and its state now."""

    index: int
    """NVML's, by PCI bus; CUDA may count otherwise."""
    uuid: str | None
    name: str | None
    pci_bus_id: str | None
    virtualization: str | None
    reading: Reading
    processes: tuple[GpuProcess, ...] | None
    mig: tuple[MigInstance, ...] | None = None
    """None: it is not split."""
    lost: bool = False
    """It has fallen off the bus: nothing more can be read."""
    lost_since: str | None = None
    """When that was first seen, UTC."""
    closed: str | None = None
    """Why this one cannot be read, where others can."""

    @property
    def lasting(self) -> dict[str, Any]:
        """What it is, for a record."""
        return {
            "device": self.reading.device,
            "uuid": self.uuid,
            "name": self.name,
            "pci_bus_id": self.pci_bus_id,
            "virtualization": self.virtualization,
        }

    def seen_by_cuda(self, visible: str | None, order: str | None, count: int) -> bool | None:
        """Whether CUDA would show it to a program; None where only CUDA can tell.

        CUDA numbers GPUs the fastest first unless told to go by PCI bus, as NVML does: a number
        then says nothing here, a UUID does (CUDA C++ Programming Guide, environment variables).

        Args:
            visible: CUDA_VISIBLE_DEVICES, None where it is not set.
            order: CUDA_DEVICE_ORDER.
            count: how many GPUs there are.
        """
        if visible is None:
            return True
        uuids = [self.uuid, *(one.uuid for one in self.mig or ())]
        by_bus = order == "PCI_BUS_ID" or count == 1
        for one in (part.strip() for part in visible.split(",")):
            if one.isdigit():
                if int(one) >= count:
                    return False  # what follows a number that is none is not seen
                if not by_bus:
                    return None
                if int(one) == self.index:
                    return True
            elif one.startswith(("GPU-", "MIG-")):
                if any(uuid and uuid.startswith(one) for uuid in uuids):
                    return True
            else:
                return False
        return False

    @property
    def throttle_reasons(self) -> tuple[str, ...] | None:
        """In words; None where the card does not tell."""
        return reasons_of(self.reading.throttle_bits)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What is recorded of it."""
        parts = (
            Reading(
                f"gpu{self.index}/mig{one.index}",
                memory_used_bytes=one.memory_used_bytes,
                memory_total_bytes=one.memory_total_bytes,
            )
            for one in self.mig or ()
        )
        return () if self.lost or self.closed else (self.reading, *parts)


@dataclass(frozen=True)
class GpuSnapshot:
    """All GPUs of this machine."""

    driver: str | None
    cuda: str | None
    devices: tuple[GpuDevice, ...]

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What is recorded of them."""
        return tuple(one for device in self.devices for one in device.readings)


def reasons_of(bits: int | None) -> tuple[str, ...] | None:
    """The words for nvmlClocksEventReason bits."""
    if bits is None:
        return None
    return tuple(name for bit, name in REASONS.items() if bits & bit)
