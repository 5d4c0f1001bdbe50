"""What the kernel logged, where we may read it; and of that the Xid errors of NVIDIA's driver."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass

KMSG = "/dev/kmsg"
XID = re.compile(r"NVRM: Xid \(PCI:([0-9A-Fa-f:.]+)\): (\d+)(.*)")
MEANINGS = {
    13: "graphics engine exception",
    31: "memory page fault",
    43: "stopped processing",
    45: "preemptive cleanup",
    48: "double-bit ECC error",
    61: "internal micro-controller breakpoint",
    62: "internal micro-controller halt",
    63: "row remapping recorded",
    64: "row remapping failed",
    74: "NVLink error",
    79: "GPU has fallen off the bus",
    92: "high rate of single-bit ECC errors",
    94: "contained ECC error",
    95: "uncontained ECC error",
    119: "GSP does not answer",
    120: "GSP error",
}
"""NVIDIA, XID Errors (docs.nvidia.com/deploy/xid-errors)."""
HARDWARE = frozenset({48, 61, 62, 64, 74, 79, 92, 94, 95, 119, 120})
LONGEST = 8192
CLOCK_GRAIN_S = 0.5
"""The kernel's own clock differs a little from both."""


@dataclass(frozen=True)
class Xid:
    """An error that the driver logged."""

    number: int

    @property
    def is_hardware(self) -> bool:
        """The card or its link is at fault; the others are as a rule a program's."""
        return self.number in HARDWARE

    def __str__(self) -> str:
        meaning = MEANINGS.get(self.number)
        return f"Xid {self.number}" + (f" ({meaning})" if meaning else "")


def xids(pci_bus_id: str, since_s: float, path: str = KMSG) -> list[Xid]:
    """Xid errors of one GPU since a moment, each once; [] where we may not read them.

    Args:
        pci_bus_id: e.g. 0000:00:06.0; the domain may have four digits or eight.
        since_s: CLOCK_BOOTTIME in seconds.
        path: the kernel's log.
    """
    found: dict[Xid, None] = {}
    for text in records_since(since_s, path):
        match = XID.search(text)
        if match and _place(match[1]) == _place(pci_bus_id):
            found[Xid(int(match[2]))] = None
    return list(found)


def records_since(since_s: float, path: str = KMSG) -> list[str]:
    """The lines since a moment (CLOCK_BOOTTIME, seconds); [] where we may not read them."""
    # The log counts without suspended time.
    since_s -= time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic() + CLOCK_GRAIN_S
    return [text for stamp_s, text in _records(path) if stamp_s >= since_s]


def _place(bus_id: str) -> tuple[int, ...] | None:
    """Domain, bus and device; the function is not always written. None where it is none."""
    try:
        return tuple(int(part, 16) for part in bus_id.partition(".")[0].split(":"))
    except ValueError:
        return None


def _records(path: str) -> list[tuple[float, str]]:
    """Time (s since boot) and text of what the log holds now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []  # most systems show it to root alone
    records = []
    try:
        while True:
            try:
                raw = os.read(handle, LONGEST)
            except BlockingIOError:
                break
            except BrokenPipeError:
                continue  # overwritten while we read
            except OSError:
                break
            if not raw:
                break
            for line in raw.decode(errors="replace").splitlines():
                head, semicolon, text = line.partition(";")
                parts = head.split(",")
                if semicolon and len(parts) > 2 and parts[2].isdigit():
                    records.append((int(parts[2]) / 1e6, text))
    finally:
        os.close(handle)
    return records
