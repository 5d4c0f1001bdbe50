"""Builds the stub of the NVIDIA driver's library, and writes what its GPUs say."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).with_name("nvml_stub.c")


def build(folder: Path) -> Path:
    """Put libnvidia-ml.so.1 into the folder, which LD_LIBRARY_PATH is to name."""
    subprocess.run(
        ["gcc", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Werror", "-pthread",
         "-Wl,-soname,libnvidia-ml.so.1", "-o", str(folder / "libnvidia-ml.so.1"), str(SOURCE)],
        check=True,
    )  # fmt: skip
    return folder


def busy(count: int, second: int = 0, extra: Sequence[str] = ()) -> str:
    """So many H100 under load; every second each says something else, as real ones do."""
    lines = [f"ngpu {count}", "driver 580.159.04", "cuda 13000", *extra]
    for n in range(count):
        beat = (second * 7 + n * 5) % 11
        told = {
            "name": "NVIDIA H100 80GB HBM3",
            "uuid": f"GPU-{n:08d}-0000",
            "util": 88 + beat,
            "memutil": 30 + beat,
            "mem_total": 85520809984,
            "mem_used": 14200000000 + beat * 10**8,
            "fi.186": 560000 + 9000 * beat,
            "fi.82": 60 + beat % 3,
            "limit_mw": 700000,
            "temp": 57 + beat % 4,
            "sm_mhz": 1380 + 15 * (beat % 5),
            "mem_mhz": 2619,
            "reasons": 4,
            "virt": 1,
            "pcie_gen": 5,
            "pcie_width": 16,
            "energy_mj": 1000000 + 600000 * second,
            "ecc_corrected": 0,
            "ecc_uncorrected": 0,
            "remapped": 0,
            "replays": 0,
        }
        lines += [f"{n}.{key} {value}" for key, value in told.items()]
    return "\n".join(lines) + "\n"
