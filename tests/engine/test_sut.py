"""What the machine is, by made-up file trees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Cli
from tui.engine import catalog, sut
from tui.engine.catalog import Environment, Signs

VIRTUAL = "flags\t\t: fpu hypervisor sse\nmodel name\t: Some CPU @ 2.2GHz\n"
REAL = "flags\t\t: fpu sse\nmodel name\t: Some CPU @ 2.2GHz\n"
DMI = "sys/class/dmi/id/"
CLOCKS = "sys/devices/system/clocksource/clocksource0/available_clocksource"
DOMAIN = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"

MACHINES: dict[str, tuple[dict[str, str], str, str]] = {
    "bare metal": (
        {
            "proc/cpuinfo": REAL,
            DMI + "sys_vendor": "Supermicro",
            DMI + "product_name": "SYS-421GE-TNRT",
            CLOCKS: "tsc hpet acpi_pm",
        },
        "bare metal",
        "bare-metal",
    ),
    "KVM on GCE": (
        {
            "proc/cpuinfo": VIRTUAL,
            DMI + "sys_vendor": "Google",
            DMI + "product_name": "Google Compute Engine",
            CLOCKS: "kvm-clock tsc acpi_pm",
        },
        "KVM guest",
        "bare-metal",
    ),
    "a whole machine rented from GCE": (
        {
            "proc/cpuinfo": REAL,
            DMI + "sys_vendor": "Google",
            DMI + "product_name": "Google Compute Engine",
            CLOCKS: "tsc hpet acpi_pm",
        },
        "bare metal",
        "bare-metal",
    ),
    "KVM on EC2": (
        {
            "proc/cpuinfo": VIRTUAL,
            DMI + "sys_vendor": "Amazon EC2",
            DMI + "product_name": "p5.48xlarge",
        },
        "KVM guest",
        "bare-metal",
    ),
    "VMware": (
        {
            "proc/cpuinfo": VIRTUAL,
            DMI + "sys_vendor": "VMware, Inc.",
            DMI + "product_name": "VMware7,1",
        },
        "VMware guest",
        "bare-metal",
    ),
    "Hyper-V": (
        {
            "proc/cpuinfo": VIRTUAL,
            DMI + "sys_vendor": "Microsoft Corporation",
            DMI + "product_name": "Virtual Machine",
        },
        "Hyper-V guest",
        "bare-metal",
    ),
    "Firecracker, no DMI": (
        {"proc/cpuinfo": VIRTUAL, CLOCKS: "tsc kvm-clock"},
        "KVM guest",
        "bare-metal",
    ),
    "virtual, kind unknown": ({"proc/cpuinfo": VIRTUAL}, "virtual machine", "bare-metal"),
    "Xen dom0, PV": (
        {
            "proc/cpuinfo": REAL,
            "sys/hypervisor/type": "xen",
            "sys/hypervisor/guest_type": "PV",
            "sys/hypervisor/uuid": sut.NO_UUID,
            "proc/xen/capabilities": "control_d",
            DMI + "sys_vendor": "Dell Inc.",
            DMI + "product_name": "PowerEdge R760xa",
        },
        "Xen dom0 (PV)",
        "xen",
    ),
    "Xen dom0 without xenfs": (
        {
            "proc/cpuinfo": REAL,
            "sys/hypervisor/type": "xen",
            "sys/hypervisor/properties/features": "00002f05",
        },
        "Xen dom0",
        "xen",
    ),
    "Xen domU, PV": (
        {
            "proc/cpuinfo": VIRTUAL,
            "sys/hypervisor/type": "xen",
            "sys/hypervisor/guest_type": "PV",
            "sys/hypervisor/uuid": DOMAIN,
            "proc/xen/capabilities": "",
        },
        "Xen domU (PV)",
        "xen",
    ),
    "Xen domU, PVH": (
        {
            "proc/cpuinfo": VIRTUAL,
            "sys/hypervisor/type": "xen",
            "sys/hypervisor/guest_type": "PVH",
            "sys/hypervisor/uuid": DOMAIN,
            "sys/hypervisor/properties/features": "000006f5",
        },
        "Xen domU (PVH)",
        "xen",
    ),
    "Xen domU, HVM": (
        {
            "proc/cpuinfo": VIRTUAL,
            "sys/hypervisor/type": "xen",
            "sys/hypervisor/guest_type": "HVM",
            "sys/hypervisor/uuid": DOMAIN,
            DMI + "sys_vendor": "Xen",
            DMI + "product_name": "HVM domU",
        },
        "Xen domU (HVM)",
        "xen",
    ),
    "Xen domU, HVM, without /sys/hypervisor": (
        {
            "proc/cpuinfo": VIRTUAL,
            DMI + "sys_vendor": "Xen",
            DMI + "product_name": "HVM domU",
        },
        "Xen domU (HVM)",
        "xen",
    ),
    "Xen dom0 in a VM of GCE": (
        {
            "proc/cpuinfo": VIRTUAL,
            "sys/hypervisor/type": "xen",
            "proc/xen/capabilities": "control_d",
            DMI + "sys_vendor": "Google",
            DMI + "product_name": "Google Compute Engine",
        },
        "Xen dom0",
        "xen",
    ),
}


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


@pytest.mark.parametrize("name", MACHINES)
def test_what_the_machine_is_and_which_environment_it_shows(tmp_path: Path, name: str) -> None:
    files, machine, environment = MACHINES[name]
    root = tree(tmp_path, files)
    facts = sut.describe(root)
    assert facts.machine == machine
    found = sut.recognise(facts, catalog.load().environments.values(), root, {})
    assert found.environment is not None
    assert found.environment.name == environment


def test_facts_are_read_and_unknown_is_none(tmp_path: Path) -> None:
    empty = sut.describe(tmp_path)
    assert (empty.cpu_model, empty.memory_bytes, empty.nvidia_driver) == (None, None, None)
    assert (empty.xen_role, empty.xen_mode, empty.product) == (None, None, None)
    facts = sut.describe(
        tree(
            tmp_path,
            {
                "proc/cpuinfo": REAL,
                "proc/meminfo": "MemTotal:       24683656 kB",
                "proc/driver/nvidia/version": (
                    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release"
                ),
            },
        )
    )
    assert facts.cpu_model == "Some CPU @ 2.2GHz"
    assert facts.memory_bytes == 24683656 * 1024
    assert facts.nvidia_driver == "580.159.04"


SIGNS = {
    "file": (Signs(files=("/run/layer.sock",)), "the file /run/layer.sock is there"),
    "variable": (Signs(variables=("LAYER=on",)), "the variable LAYER=on is set"),
    "module": (Signs(modules=("gpu-layer",)), "the kernel module gpu-layer is loaded"),
    "process": (Signs(processes=("layerd",)), "the process layerd is running"),
}
LAYER = {
    "run/layer.sock": "",
    "proc/modules": "gpu_layer 16384 0 - Live 0x0\nnvidia 1 0 - Live 0x0",
    "proc/77/comm": "layerd",
    "proc/77/cmdline": "/usr/sbin/layerd\0--all",
}


def environments(signs: Signs) -> list[Environment]:
    known = catalog.load().environments
    return [replace(known["gpu-isolation"], signs=signs), known["bare-metal"], known["xen"]]


@pytest.mark.parametrize("kind", SIGNS)
def test_the_isolation_layer_is_recognised_by_the_users_signs(tmp_path: Path, kind: str) -> None:
    signs, words = SIGNS[kind]
    known = environments(signs)
    root = tree(tmp_path / "with", {**MACHINES["KVM on GCE"][0], **LAYER})
    facts = sut.describe(root)
    with_layer = sut.recognise(facts, known, root, {"LAYER": "on"})
    assert with_layer.environment is not None
    assert (with_layer.environment.name, with_layer.found) == (
        "gpu-isolation",
        {"gpu-isolation": words},
    )
    bare = tree(tmp_path / "without", MACHINES["KVM on GCE"][0])
    without = sut.recognise(facts, known, bare, {"LAYER": "off"})
    assert without.environment is not None
    assert (without.environment.name, without.found) == ("bare-metal", {})


def test_a_label_is_contradicted_by_an_added_layer_and_never_by_a_cloud_vm(tmp_path: Path) -> None:
    known = environments(SIGNS["file"][0])
    layer, baseline, xen = known

    def said(chosen: Environment, files: dict[str, str]) -> str:
        root = tree(tmp_path / str(len(list(tmp_path.iterdir()))), files)
        facts = sut.describe(root)
        return sut.recognise(facts, known, root, {}).contradiction(chosen, known) or ""

    cloud = MACHINES["KVM on GCE"][0]
    assert said(baseline, cloud) == ""
    assert "this machine shows gpu-isolation: the file" in said(baseline, {**cloud, **LAYER})
    assert "shows xen: Xen dom0 (PV) was found" in said(baseline, MACHINES["Xen dom0, PV"][0])
    assert "none of its signs is found" in said(xen, cloud)
    assert "none of its signs is found" in said(layer, cloud)
    assert said(xen, MACHINES["Xen domU, PVH"][0]) == ""
    assert said(xen, {**MACHINES["Xen domU, PVH"][0], **LAYER}) == ""  # a layer below Xen is fine
    assert "shows xen" in said(layer, {**MACHINES["Xen domU, PVH"][0], **LAYER})


def test_the_baseline_of_a_cloud_vm_is_shown_as_one(tmp_path: Path) -> None:
    _, baseline, xen = environments(Signs())
    cloud = sut.describe(tree(tmp_path / "a", MACHINES["KVM on GCE"][0]))
    metal = sut.describe(tree(tmp_path / "b", MACHINES["bare metal"][0]))
    assert sut.label(baseline, cloud) == "baseline (KVM guest)"
    assert sut.label(baseline, metal) == "bare metal"
    assert sut.label(xen, cloud) == "Xen hypervisor"


def test_a_run_records_the_machine_and_warns_of_a_contradiction(
    cli: Cli, tmp_path: Path, root: Path
) -> None:
    mine = tmp_path / "profiles/environments"
    mine.mkdir(parents=True)
    (mine / "gpu-isolation.yaml").write_text(
        "name: gpu-isolation\nlabel: My layer\norder: 2\nrecognise: {variable: [MY_LAYER]}\n"
        "argv_prefix: [env, --]\nenv_vars: {LAYER: 'on'}\n"
    )
    asked = ("run", "smoke", "--scenario", "Offline", "--dry-run", "--json")
    done = cli(*asked, "--environment", "bare-metal", env={"MY_LAYER": "1"})
    assert "warning: environment bare-metal is chosen, but" in done.stderr
    assert "shows gpu-isolation: the variable MY_LAYER is set" in done.stderr
    spec = cli.json(*asked[:-1])
    assert spec["environment_label"] in ("bare metal", f"baseline ({sut.describe().machine})")
    layered = cli(*asked, env={"MY_LAYER": "1"})
    assert "warning" not in layered.stderr
    assert '"gpu-isolation"' in layered.stdout
    assert '"argv": [\n  "env",\n  "--",\n' in layered.stdout
