"""Why a probe could not do its work, in a sentence, with what to do.

The texts that are recognised are those of CuPy 13 and 14, CUDA and cuda-pathfinder, as they were
recorded (tests/data/probe).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tui.engine.probe.record import Measured

NO_DRIVER = "no-driver"
UNHEALTHY = ("ecc", "gpu-fault", "hung", "gpu-lost")
"""Codes that speak of the GPU; all others say only that it could not be measured."""
FAULTS = (
    "cudaErrorIllegalAddress",
    "cudaErrorIllegalInstruction",
    "cudaErrorMisalignedAddress",
    "cudaErrorInvalidPc",
    "cudaErrorLaunchFailure",
    "cudaErrorHardwareStackError",
    "cudaErrorNvlinkUncorrectable",
    "cudaErrorContained",
    "cudaErrorUnknown",
)
"""What our kernels cannot cause on a sound GPU."""
LIBRARIES = {"cublas": "cuBLAS", "nvrtc": "NVRTC", "curand": "cuRAND", "cusolver": "cuSOLVER"}
SIGNALS = {4: "illegal instruction", 6: "abort", 7: "bus error", 8: "arithmetic", 11: "segfault"}


@dataclass(frozen=True)
class Why:
    """A reason as results have it."""

    code: str
    text: str
    fix: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the contract has it."""
        return {"code": self.code, "text": self.text, "fix": self.fix}


OLDEST_MAJOR = 12
"""CuPy's packages of today begin with it."""


def major_of(measured: Measured) -> int | None:
    """The CUDA major that the driver serves, as NVML tells."""
    major = (measured.driver_cuda or "").partition(".")[0]
    return int(major) if major.isdigit() else None


def package(measured: Measured) -> str:
    """The CuPy package that fits: the one that is there, else by the driver's CUDA."""
    for one in measured.cupy:
        if re.fullmatch(r"cupy-cuda\d+x", str(one.get("name"))):
            return str(one["name"])
    return "cupy-cuda13x" if (major_of(measured) or 12) >= 13 else "cupy-cuda12x"


def with_libraries(measured: Measured) -> str:
    """The pip line that brings CuPy with all of CUDA's libraries that it needs."""
    return f"pip install '{package(measured)}[ctk]'"


def left_out(one: Mapping[str, Any], measured: Measured) -> Why:
    """What a missing library takes away."""
    text = str(one["text"])
    what = "the GEMMs were" if one["what"] == "gemm" else "launches, pattern test and GEMMs were"
    if "CompileException" in one["type"]:
        said = f"{what} left out: NVRTC does not compile for this GPU: {_first_line(text)}"
        newer = f"take a newer CuPy: pip install -U '{package(measured)}[ctk]'"
        return Why("no-compile", said, newer)
    library = next((name for key, name in LIBRARIES.items() if key in text.lower()), None)
    if library is None:
        said = f"{what} left out: {_first_line(text)}"
        return Why("left-out", said, with_libraries(measured))
    found = re.search(r"lib\w+\.so[.\d]*", text)
    said = f"{what} left out: {library} is missing{f' ({found[0]})' if found else ''}"
    return Why("no-" + library.lower(), said, with_libraries(measured))


def explain(
    measured: Measured,
    ended: Mapping[str, Any] | None,
    visible: str | None = None,
    index: int | None = None,
) -> Why | None:
    """Why there is no complete measurement; None where there is one.

    Args:
        measured: what the body said.
        ended: its exit.json; None where nobody saw it end.
        visible: the user's own CUDA_VISIBLE_DEVICES; None where that is not set.
        index: the GPU that was to be probed, by NVML's number; None: whatever CUDA shows.
    """
    if measured.error is not None:
        return _gone(measured, index) or _of_error(measured, visible)
    if measured.seconds is not None:
        return None
    at = f" in step {measured.step}" if measured.step else ""
    spawn = (ended or {}).get("spawn_error")
    if spawn:
        return Why("not-started", f"the probe could not be started: {spawn[2]}: {spawn[1]}")
    number = (ended or {}).get("signal")
    if number == 9:
        return Why("killed", f"the probe was killed{at}: by hand, or for lack of host memory")
    if number:
        name = SIGNALS.get(number, f"signal {number}")
        return Why(
            "crashed",
            f"the probe crashed{at} ({name})",
            "run it again; if it crashes there again, look at dmesg and reinstall the driver",
        )
    if ended is None:
        return Why("exit-unknown", f"nobody saw the probe end{at}", "run it again")
    return Why(
        "no-answer",
        f"the probe ended{at} with exit code {ended.get('exit_code')} and no result",
        "read what it printed: mlperf-tui logs RUN",
    )


def hung(step: str | None, seconds: float) -> Why:
    """It gave no sign for so long, and was killed."""
    if step in (None, "start"):
        return Why(
            "no-start",
            f"CUDA did not start within {seconds:.0f} s, and was killed",
            "probe again; without persistence (nvidia-smi -pm 1) a driver with many GPUs starts "
            "slowly; if it hangs again, look at dmesg",
        )
    return Why(
        "hung",
        f"step {step} gave no sign for {seconds:.0f} s and was killed: the GPU or its driver hangs",
        "look for Xid in dmesg; reset the GPU (nvidia-smi --gpu-reset) or reboot, and probe again",
    )


def _gone(measured: Measured, index: int | None) -> Why | None:
    """The GPU that was to be probed cannot be read at all."""
    for one in measured.gone:
        if one.get("gpu") == index is not None:
            if one.get("why"):
                return Why(
                    "closed", f"GPU {index}: {one['why']}", "see who may use it: cgroups, MIG"
                )
            return Why("gpu-lost", f"GPU {index} has fallen off the bus", "reboot; reseat the card")
    return None


def _of_error(measured: Measured, visible: str | None) -> Why:
    assert measured.error is not None
    kind, text, step = (str(measured.error[name]) for name in ("type", "text", "step"))
    short = kind.rpartition(".")[2]
    if short in ("ModuleNotFoundError", "ImportError"):
        return _of_import(measured, text)
    if short in OS_ERRORS and ".so" not in text and step == "start":
        return Why(
            "cache",
            f"CuPy cannot make its cache folder: {_first_line(text)}",
            "export CUPY_CACHE_DIR=/tmp/cupy-cache (any folder that you may write)",
        )
    if any(sign in f"{short} {text}" for sign in OUT_OF_MEMORY):
        return _host_full() if _had_room(measured, step) else _full(measured)
    if short == "DynamicLibNotFoundError":
        return left_out({"what": "kernels", "type": kind, "text": text}, measured)
    if "cudaErrorInsufficientDriver" in text:
        return _driver(measured)
    if "cudaErrorNoDevice" in text or "cudaErrorInvalidDevice" in text:
        return _no_device(measured, visible)
    if "DevicesUnavailable" in text or "DeviceUnavailable" in text:
        return _unavailable(measured)
    for sign, why in KNOWN.items():
        if sign in text:
            return why
    if any(sign in text for sign in FAULTS):
        return Why(
            "gpu-fault",
            f"CUDA failed in step {step}: {_first_line(text)}",
            "look for Xid in dmesg; reset the GPU or reboot, and probe again",
        )
    if "CUDARuntimeError" in kind or "CUDADriverError" in kind:
        return Why(
            "cuda-error",
            f"CUDA failed in step {step}: {_first_line(text)}",
            "see that driver, CuPy and container fit each other: nvidia-smi, "
            "python -c 'import cupy; cupy.show_config()'",
        )
    if "CUBLASError" in kind:
        said = f"cuBLAS failed in step {step}: {_first_line(text)}"
        return Why("cublas-error", said, with_libraries(measured))
    return Why("failed", f"the probe failed in step {step}: {short}: {_first_line(text)}")


OS_ERRORS = ("FileNotFoundError", "PermissionError", "NotADirectoryError", "OSError")
OUT_OF_MEMORY = (
    "OutOfMemoryError",
    "MemoryError",
    "cudaErrorMemoryAllocation",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
ROOM_BYTES = 2 << 30
KNOWN = {
    "cudaErrorECCUncorrectable": Why(
        "ecc",
        "GPU memory has an uncorrectable error (ECC)",
        "drain the machine and reset the GPU or reboot; if it comes back, have the card replaced",
    ),
    "cudaErrorSystemNotReady": Why(
        "fabric",
        "CUDA says that the system is not ready: on machines with NVSwitch the fabric manager "
        "does not run",
        "sudo systemctl start nvidia-fabricmanager",
    ),
    "cudaErrorSystemDriverMismatch": Why(
        "driver-mismatch",
        "the NVIDIA driver and its libraries have different versions",
        "reboot after a driver update",
    ),
    "cudaErrorLaunchTimeout": Why(
        "launch-timeout",
        "a kernel ran longer than the watchdog of a display GPU allows",
        "probe a GPU without a display, or stop the display manager",
    ),
}


def _of_import(measured: Measured, text: str) -> Why:
    if "No module named 'cupy'" in text:
        fix = with_libraries(measured)
        return Why("no-cupy", "CuPy is not installed beside mlperf-tui", fix)
    if "No module named 'cuda'" in text:
        said = "CuPy's own dependency cuda-pathfinder is missing"
        return Why("no-pathfinder", said, "pip install cuda-pathfinder")
    return Why(
        "cupy-broken",
        f"CuPy cannot be imported: {_first_line(text)}",
        f"pip install --force-reinstall '{package(measured)}[ctk]'",
    )


def _driver(measured: Measured) -> Why:
    """CUDA finds no driver, or an older one than this CuPy needs."""
    if measured.no_nvml is not None:
        return Why(
            NO_DRIVER, measured.no_nvml, "install the NVIDIA driver and reboot; then probe again"
        )
    have, mine = major_of(measured), package(measured)
    needs = int(re.findall(r"\d+", mine)[0])
    if have and OLDEST_MAJOR <= have < needs:
        return Why(
            "wrong-major",
            f"{mine} needs a driver for CUDA {needs}, this one serves CUDA {have}",
            f"pip uninstall -y {mine} && pip install 'cupy-cuda{have}x[ctk]'",
        )
    if have and have >= needs:
        return Why(
            "no-libcuda",
            f"NVML finds the driver ({measured.driver}), CUDA does not: libcuda.so.1 is missing",
            "in a container: NVIDIA_DRIVER_CAPABILITIES=compute,utility; else reinstall the driver",
        )
    version = f" ({measured.driver})" if measured.driver else ""
    said = f"the NVIDIA driver{version} is too old for {package(measured)}"
    return Why("old-driver", said, "update the driver")


def _no_device(measured: Measured, visible: str | None) -> Why:
    if visible is not None:
        shown = f"'{visible}'" if visible else "empty"
        return Why(
            "hidden",
            f"CUDA_VISIBLE_DEVICES is {shown}, which shows CUDA no GPU",
            "unset CUDA_VISIBLE_DEVICES",
        )
    if measured.no_nvml is None and measured.driver is not None:
        return Why(
            "no-device",
            "NVML sees a GPU, CUDA does not: its device files are not there, or it is split into "
            "MIG slices and none is made",
            "in a container: --gpus all; with MIG: nvidia-smi mig -cgi … -C",
        )
    return Why("no-device", "CUDA finds no GPU", "nvidia-smi -L shows what the driver sees")


def _unavailable(measured: Measured) -> Why:
    mode = next(iter(reversed(measured.readings("compute_mode"))), None)
    if mode == "prohibited":
        return Why(
            "prohibited",
            "the GPU's compute mode is `prohibited`: nobody may compute on it",
            "sudo nvidia-smi -c DEFAULT",
        )
    held = _holders(measured)
    who = f": {held}" if held else ""
    if mode and mode.startswith("exclusive"):
        said = f"the GPU is in {mode} mode and somebody has it{who}"
        return Why("exclusive", said, "end that process, or: sudo nvidia-smi -c DEFAULT")
    said = f"CUDA says that the GPU is busy or unavailable{who}"
    return Why("unavailable", said, "end what uses it, or reset it")


def _had_room(measured: Measured, step: str) -> bool:
    """Transfers take pinned memory of the host: with room on the GPU it is that which is full."""
    free = (measured.device or {}).get("memory_free_bytes")
    return step == "transfer" and isinstance(free, int) and free > ROOM_BYTES


def _host_full() -> Why:
    return Why(
        "host-full",
        "the host has no memory to pin for transfers (256 MiB)",
        "end what fills the host's memory; see free -m, ulimit -l, and the container's limit",
    )


def _full(measured: Measured) -> Why:
    held = _holders(measured)
    text = "GPU memory is full: there is no room for the probe (a context takes 0.5 GB)"
    if held:
        return Why("full", f"{text}. {held}", "end that process, or wait for its end")
    used = next(iter(reversed(measured.readings("memory_used_bytes"))), None)
    if used:
        text += f". {used / 1e9:.1f} GB are used, by processes that NVML does not show here"
    return Why("full", text, "nvidia-smi on the host shows who holds it")


def _holders(measured: Measured) -> str:
    """The processes on the GPU, the largest first, in words."""
    found = [one for one in measured.busy or measured.processes if isinstance(one.get("pid"), int)]
    found.sort(key=lambda one: -(one.get("memory_bytes") or 0))
    return "; ".join(holder(one) for one in found[:3])


def holder(one: Mapping[str, Any]) -> str:
    """A process, as one finds it: pid, user, command, memory."""
    about = [str(one[name]) for name in ("user", "command") if one.get(name)]
    words = ", ".join(_first_line(each, 60) for each in about)
    memory = one.get("memory_bytes")
    holds = f" holds {memory / 1e9:.1f} GB" if memory else ""
    return f"pid {one['pid']}{f' ({words})' if words else ''}{holds}"


def _first_line(text: str, most: int = 200) -> str:
    line = next((one.strip() for one in text.splitlines() if one.strip()), "no word why")
    return line if len(line) <= most else line[: most - 1] + "…"
