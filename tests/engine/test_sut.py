"""What the machine is, by made-up file trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.engine import catalog, sut

FLAGS = "flags\t\t: fpu {}\nmodel name\t: Some CPU @ 2.2GHz\n"


def tree(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "hypervisor", "environment"),
    [
        ({"proc__cpuinfo": FLAGS.format("sse")}, "none", "bare-metal"),
        ({"proc__cpuinfo": FLAGS.format("hypervisor")}, None, "bare-metal"),
        ({"sys__hypervisor__type": "xen\n"}, "xen", "xen"),
        (
            {
                "sys__class__dmi__id__sys_vendor": "Google\n",
                "sys__class__dmi__id__product_name": "Google Compute Engine\n",
            },
            "kvm",
            "bare-metal",
        ),
        ({"sys__class__dmi__id__sys_vendor": "VMware, Inc.\n"}, "vmware", "bare-metal"),
        (
            {
                "sys__class__dmi__id__sys_vendor": "Xen\n",
                "sys__class__dmi__id__product_name": "HVM domU\n",
            },
            "xen",
            "xen",
        ),
    ],
)
def test_hypervisor_and_environment(
    tmp_path: Path, files: dict[str, str], hypervisor: str | None, environment: str
) -> None:
    facts = sut.describe(tree(tmp_path, **files))
    assert facts.hypervisor == hypervisor
    found = sut.recognise(facts, catalog.load().environments.values())
    assert found is not None
    assert found.name == environment


def test_facts_are_read_and_unknown_is_none(tmp_path: Path) -> None:
    empty = sut.describe(tmp_path)
    assert (empty.cpu_model, empty.memory_bytes, empty.nvidia_driver) == (None, None, None)
    facts = sut.describe(
        tree(
            tmp_path,
            proc__cpuinfo=FLAGS.format("sse"),
            proc__meminfo="MemTotal:       24683656 kB\n",
            proc__driver__nvidia__version=(
                "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release\n"
            ),
        )
    )
    assert facts.cpu_model == "Some CPU @ 2.2GHz"
    assert facts.memory_bytes == 24683656 * 1024
    assert facts.nvidia_driver == "580.159.04"
