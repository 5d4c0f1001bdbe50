"""Builds the stub of the NVIDIA driver's library, and writes what its GPUs say."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("nvml_stub.c")


def build(folder: Path) -> Path:
    """Put libnvidia-ml.so.1 into the folder, which LD_LIBRARY_PATH is to name."""
    subprocess.run(
        ["gcc", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Werror", "-pthread",
         "-Wl,-soname,libnvidia-ml.so.1", "-o", str(folder / "libnvidia-ml.so.1"), str(SOURCE)],
        check=True,
    )  # fmt: skip
    return folder


def busy(count: int, second: int = 0) -> str:
    """So many H100 under load; every second each says something else, as real ones do."""
    lines = [f"ngpu {count}", "driver 580.159.04", "cuda 13000"]
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


def of_dump(dump: Mapping[str, Any], *, under_load: bool) -> str:
    """The GPU of a dump of a real one's answers (`tests/data/gpu/device_dump.json`)."""
    calls = dump["calls"]

    def told(call: str) -> Any:
        answer = calls[call]
        return answer.get("value_under_load", answer["value"]) if under_load else answer["value"]

    memory = told("nvmlDeviceGetMemoryInfo(v2)")
    load = told("nvmlDeviceGetUtilizationRates")
    device = {
        "name": told("nvmlDeviceGetName"),
        "uuid": told("nvmlDeviceGetUUID"),
        "virt": told("nvmlDeviceGetVirtualizationMode"),
        "util": load["gpu"],
        "memutil": load["memory"],
        "mem_total": memory["total"],
        "mem_used": memory["used"],
        "sm_mhz": told("nvmlDeviceGetClockInfo(SM)"),
        "mem_mhz": told("nvmlDeviceGetClockInfo(MEM)"),
        "temp": told("nvmlDeviceGetTemperature(GPU)"),
        "power_mw": told("nvmlDeviceGetPowerUsage"),
        "limit_mw": told("nvmlDeviceGetEnforcedPowerLimit"),
        "reasons": told("nvmlDeviceGetCurrentClocksEventReasons"),
        "pcie_gen": told("nvmlDeviceGetCurrPcieLinkGeneration"),
        "pcie_width": told("nvmlDeviceGetCurrPcieLinkWidth"),
        "replays": told("nvmlDeviceGetPcieReplayCounter"),
        "energy_mj": told("nvmlDeviceGetTotalEnergyConsumption"),
        "ecc_corrected": told("nvmlDeviceGetTotalEccErrors(CORRECTED,VOLATILE)"),
        "ecc_uncorrected": told("nvmlDeviceGetTotalEccErrors(UNCORRECTED,VOLATILE)"),
        "remapped": told("nvmlDeviceGetRemappedRows")[0],
        **{f"fi.{n}": one["value"] for n, one in dump["field_values"].items()},
    }
    lines = [
        f"ngpu {told('nvmlDeviceGetCount')}",
        f"driver {told('nvmlSystemGetDriverVersion')}",
        f"cuda {told('nvmlSystemGetCudaDriverVersion_v2')}",
        *(f"0.{key} {value}" for key, value in device.items()),
    ]
    return "\n".join(lines) + "\n"
