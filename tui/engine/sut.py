"""The system under test, described: host, CPU, memory, hypervisor, driver.

Every fact is read below a root folder, so that a made-up tree can stand for any machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tui.engine.catalog import Environment, Signs


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
    xen_role: str | None
    """dom0 or domU; None where it is not Xen or cannot be told."""
    xen_mode: str | None
    """PV, PVH or HVM, as the kernel tells."""
    product: str | None
    """DMI vendor and product, e.g. "Google Google Compute Engine"."""
    nvidia_driver: str | None

    @property
    def machine(self) -> str:
        """What it is, in two or three words: `KVM guest`, `Xen domU (PVH)`, `bare metal`."""
        if self.hypervisor == "none":
            return "bare metal"
        if self.hypervisor == "xen":
            mode = f" ({self.xen_mode})" if self.xen_mode else ""
            return f"Xen {self.xen_role or 'guest'}{mode}"
        if self.hypervisor is None:
            return "virtual machine"
        return f"{HYPERVISORS.get(self.hypervisor, self.hypervisor)} guest"

    def to_json(self) -> dict[str, Any]:
        """As run.json holds it."""
        return {**asdict(self), "machine": self.machine}


def describe(root: Path = Path("/")) -> SystemFacts:
    """Describe the machine whose file system begins at `root`."""
    system = os.uname()
    cpu = _text(root / "proc/cpuinfo") or ""
    vendor = _text(root / "sys/class/dmi/id/sys_vendor")
    product = _text(root / "sys/class/dmi/id/product_name")
    dmi = f"{vendor or ''} {product or ''}"
    hypervisor = _hypervisor(root, cpu, dmi)
    is_xen = hypervisor == "xen"
    return SystemFacts(
        host=system.nodename,
        kernel=system.release,
        architecture=system.machine,
        cpu_model=_value_of(cpu, "model name"),
        cpus=os.cpu_count(),
        memory_bytes=_memory_bytes(_text(root / "proc/meminfo") or ""),
        hypervisor=hypervisor,
        xen_role=_xen_role(root, dmi) if is_xen else None,
        xen_mode=_xen_mode(root, dmi) if is_xen else None,
        product=" ".join(filter(None, (vendor, product))) or None,
        nvidia_driver=_driver(_text(root / "proc/driver/nvidia/version")),
    )


def label(environment: Environment, facts: SystemFacts) -> str:
    """An environment as it is shown: the baseline of a cloud VM says that it is one."""
    if not environment.baseline:
        return environment.label
    return "bare metal" if facts.hypervisor == "none" else f"baseline ({facts.machine})"


@dataclass(frozen=True)
class Recognition:
    """Which environment this machine shows, and by what."""

    environment: Environment | None
    """None only where the catalogue has no baseline."""
    found: Mapping[str, str]
    """By environment: the sign that was found, in words."""

    def contradiction(self, chosen: Environment, known: Iterable[Environment]) -> str | None:
        """What speaks against a chosen label, in a sentence; None where nothing does.

        A virtual machine below the baseline is no contradiction: the baseline is the machine
        without added layers, whatever that is.
        """
        for other in sorted(known, key=lambda one: one.order):
            if other.name in self.found and other.order > chosen.order:
                return (
                    f"environment {chosen.name} is chosen, but this machine shows {other.name}: "
                    f"{self.found[other.name]}"
                )
        if chosen.signs and chosen.name not in self.found:
            return f"environment {chosen.name} is chosen, but none of its signs is found here"
        return None


def recognise(
    facts: SystemFacts,
    environments: Iterable[Environment],
    root: Path = Path("/"),
    env_vars: Mapping[str, str] | None = None,
) -> Recognition:
    """The environment whose signs this machine shows; of several the last added, of none the
    baseline.

    Args:
        facts: the machine, as `describe(root)` tells.
        environments: those of the catalogue.
        root: where its file system begins.
        env_vars: environment variables to look for signs in; ours by default.
    """
    known = sorted(environments, key=lambda one: one.order)
    variables = os.environ if env_vars is None else env_vars
    signs = {one.name: _sign(one.signs, facts, root, variables) for one in known}
    found = {name: sign for name, sign in signs.items() if sign}
    shown = [one for one in known if one.name in found]
    baseline = next((one for one in known if one.baseline), None)
    return Recognition(shown[-1] if shown else baseline, found)


def _sign(signs: Signs, facts: SystemFacts, root: Path, variables: Mapping[str, str]) -> str | None:
    """The first sign that is there, in words."""
    if facts.hypervisor in signs.hypervisors:
        return f"{facts.machine} was found"
    for name in signs.files:
        if (root / name.lstrip("/")).exists():
            return f"the file {name} is there"
    for name in signs.variables:
        key, equals, value = name.partition("=")
        if key in variables and (not equals or variables[key] == value):
            return f"the variable {name} is set"
    if signs.modules:
        loaded = _modules(root)
        for name in signs.modules:
            if name.replace("-", "_") in loaded:
                return f"the kernel module {name} is loaded"
    if signs.processes:
        running = _processes(root)
        for name in signs.processes:
            if name in running:
                return f"the process {name} is running"
    return None


def _modules(root: Path) -> set[str]:
    """Loaded kernel modules, with `_` for `-` as the kernel has it."""
    lines = (_text(root / "proc/modules") or "").splitlines()
    built_in = root / "sys/module"
    return {line.split()[0] for line in lines if line.strip()} | (
        set(os.listdir(built_in)) if built_in.is_dir() else set()
    )


def _processes(root: Path) -> set[str]:
    """Names of running programs: the kernel's (15 characters at most) and that of the command."""
    names = set()
    for folder in (root / "proc").glob("[0-9]*"):
        names.add(_text(folder / "comm") or "")
        command = (_text(folder / "cmdline") or "").split("\0")[0]
        names.add(Path(command).name)
    return names - {""}


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


HYPERVISORS = {"kvm": "KVM", "vmware": "VMware", "hyper-v": "Hyper-V", "virtualbox": "VirtualBox"}
DMI_KINDS = {
    "Google": "kvm",
    "Amazon EC2": "kvm",
    "QEMU": "kvm",
    "KVM": "kvm",
    "OpenStack": "kvm",
    "VMware": "vmware",
    "VirtualBox": "virtualbox",
    "Microsoft Corporation Virtual Machine": "hyper-v",
    "Xen": "xen",
}
RENTED = ("Google", "Amazon EC2")
"""Vendors that rent out whole machines under the same name: the CPU must say that it is virtual."""
CLOCKS = {"xen": "xen", "kvm-clock": "kvm", "hyperv": "hyper-v"}
"""Paravirtual clocks, and whose they are: all that Firecracker, which has no DMI, shows of KVM."""
XENFEAT_DOM0 = 1 << 11
"""xen/include/public/features.h."""


def _hypervisor(root: Path, cpu: str, dmi: str) -> str | None:
    # Xen first: in dom0 nothing else tells of it, neither DMI nor the CPU flag.
    if _text(root / "sys/hypervisor/type") == "xen" or (root / "proc/xen/capabilities").exists():
        return "xen"
    flags = (_value_of(cpu, "flags") or "").split()
    is_virtual = "hypervisor" in flags
    for sign, kind in DMI_KINDS.items():
        if sign in dmi and (is_virtual or not flags or sign not in RENTED):
            return kind
    clocks = _text(root / "sys/devices/system/clocksource/clocksource0/available_clocksource")
    for clock in (clocks or "").split():
        for sign, kind in CLOCKS.items():
            if clock.startswith(sign):
                return kind
    return None if is_virtual else "none"


def _xen_role(root: Path, dmi: str) -> str | None:
    capabilities = _text(root / "proc/xen/capabilities")
    features = _text(root / "sys/hypervisor/properties/features")
    if "control_d" in (capabilities or ""):
        return "dom0"
    try:
        if features is not None and int(features, 16) & XENFEAT_DOM0:
            return "dom0"
    except ValueError:
        features = None
    if (root / "proc/xen/capabilities").exists() or features is not None or "domU" in dmi:
        return "domU"
    # Without both, the kernel's word for a guest, which dom0 has too, decides nothing.
    return "domU" if _text(root / "sys/hypervisor/uuid") not in (None, NO_UUID) else None


NO_UUID = "00000000-0000-0000-0000-000000000000"
"""What dom0 has in place of a domain's id."""


def _xen_mode(root: Path, dmi: str) -> str | None:
    mode = _text(root / "sys/hypervisor/guest_type")
    if mode in ("PV", "PVH", "HVM"):
        return mode
    return "HVM" if "HVM domU" in dmi else None


def _driver(version: str | None) -> str | None:
    """The version in /proc/driver/nvidia/version: the first word that looks like 580.159.04."""
    for word in (version or "").split():
        parts = word.split(".")
        if len(parts) in (2, 3) and all(part.isdigit() for part in parts):
            return word
    return None
