"""Xid errors in the kernel's log: of one GPU, since a moment, each once."""

from __future__ import annotations

from pathlib import Path

from tui.engine import kernel_log

LOG = """\
6,1201,5000000,-;NVRM: Xid (PCI:0000:00:06): 31, pid=99, name=python3, Ch 00000008, intr 10000000
6,1202,90000000,-;nvidia-persistenced: device opened
4,1203,90500000,-;NVRM: Xid (PCI:0000:00:06): 48, pid='<unknown>', DBE at partition 3
 SUBSYSTEM=pci
4,1204,90600000,-;NVRM: Xid (PCI:0000:00:06): 48, pid='<unknown>', DBE at partition 3
4,1205,90700000,-;NVRM: Xid (PCI:0000:41:00): 79, GPU has fallen off the bus.
4,1206,90800000,-;NVRM: Xid (PCI:00000000:00:06.0): 9999, something new
half a line without a head
"""


def test_only_this_gpus_since_then(tmp_path: Path) -> None:
    log = tmp_path / "kmsg"
    log.write_text(LOG)
    found = kernel_log.xids("0000:00:06.0", 80.0, str(log))
    assert [str(one) for one in found] == ["Xid 48 (double-bit ECC error)", "Xid 9999"]
    assert [one.is_hardware for one in found] == [True, False]
    (other,) = kernel_log.xids("00000000:41:00.0", 80.0, str(log))
    assert str(other) == "Xid 79 (GPU has fallen off the bus)"
    assert kernel_log.xids("0001:41:00.0", 80.0, str(log)) == []  # in another PCI domain
    assert kernel_log.xids("nonsense", 80.0, str(log)) == []
    assert kernel_log.xids("0000:00:06.0", 95.0, str(log)) == []


def test_a_log_that_may_not_be_read_tells_nothing(tmp_path: Path) -> None:
    assert kernel_log.xids("0000:00:06.0", 0.0, str(tmp_path / "none")) == []


def test_the_real_log_is_read_or_refused() -> None:
    assert isinstance(kernel_log.xids("0000:00:06.0", 0.0), list)
