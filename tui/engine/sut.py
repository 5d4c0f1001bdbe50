"""The system under test, described: host, CPU, memory, hypervisor, driver.

Every fact is read below a root folder, so that a made-up tree can stand for any machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tui.engine.catalog import Environment


@dataclass(frozen=True)
class SystemFacts:
    """What the machine looked like when a run was made. Unknown is None."""

    host: str
    kernel: str
    architecture: str
    cpu_model: str | None
    cpus: int | None
    memory_bytes: int | None
    hypervisor: str | None
    """xen, kvm …; "none" where nothing tells of one; None where it is virtual, kind unknown."""
    product: str | None
    """DMI vendor and product, e.g. "Google Google Compute Engine"."""
    nvidia_driver: str | None

    def to_json(self) -> dict[str, Any]:
        """As run.json holds it."""
        return asdict(self)


def describe(root: Path = Path("/")) -> SystemFacts:
    """Describe the machine whose file system begins at `root`."""
    system = os.uname()
    cpu = _text(root / "proc/cpuinfo") or ""
    vendor = _text(root / "sys/class/dmi/id/sys_vendor")
    product = _text(root / "sys/class/dmi/id/product_name")
    return SystemFacts(
        host=system.nodename,
        kernel=system.release,
        architecture=system.machine,
        cpu_model=_value_of(cpu, "model name"),
        cpus=os.cpu_count(),
        memory_bytes=_memory_bytes(_text(root / "proc/meminfo") or ""),
        hypervisor=_hypervisor(root, cpu, f"{vendor or ''} {product or ''}"),
        product=" ".join(filter(None, (vendor, product))) or None,
        nvidia_driver=_driver(_text(root / "proc/driver/nvidia/version")),
    )


def recognise(facts: SystemFacts, environments: Iterable[Environment]) -> Environment | None:
    """The environment whose signs this machine shows, else the baseline, else None."""
    known = sorted(environments, key=lambda one: one.order)
    for environment in known:
        if facts.hypervisor in environment.hypervisors:
            return environment
    return next((one for one in known if one.baseline), None)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _value_of(text: str, name: str) -> str | None:
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() == name:
            return value.strip()
    return None


def _memory_bytes(meminfo: str) -> int | None:
    value = _value_of(meminfo, "MemTotal")
    number = value.split()[0] if value else ""
    return int(number) * 1024 if number.isdigit() else None


DMI_KINDS = {
    "Google": "kvm",
    "Amazon EC2": "kvm",
    "QEMU": "kvm",
    "KVM": "kvm",
    "VMware": "vmware",
    "Microsoft Corporation Virtual Machine": "hyper-v",
    "Xen": "xen",
}


def _hypervisor(root: Path, cpu: str, dmi: str) -> str | None:
    # Xen first: in dom0 nothing else tells of it, neither DMI nor the CPU flag.
    if _text(root / "sys/hypervisor/type") == "xen":
        return "xen"
    for sign, kind in DMI_KINDS.items():
        if sign in dmi:
            return kind
    flags = (_value_of(cpu, "flags") or "").split()
    return None if "hypervisor" in flags else "none"


def _driver(version: str | None) -> str | None:
    """The version in /proc/driver/nvidia/version: the first word that looks like 580.159.04."""
    for word in (version or "").split():
        parts = word.split(".")
        if len(parts) in (2, 3) and all(part.isdigit() for part in parts):
            return word
    return None
