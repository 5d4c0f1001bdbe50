"""Every way in which a probe cannot be made, in words: by the texts that real ones printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DATA
from tui.engine.probe import failures, record
from tui.engine.probe.record import Measured

NOTHING = None
RECORDED = DATA / "probe/cupy_exceptions_cuda13x.txt"


def recorded(section: str, call: str) -> dict[str, str]:
    """Type and text of one exception of the recordings."""
    part = RECORDED.read_text().partition(f"##### 13x {section}\n")[2].partition("#####")[0]
    found = re.search(rf"^{re.escape(call)}(\S+) \| (.+?)(?: \| status \d+)?$", part, re.MULTILINE)
    assert found is not None, (section, call)
    return {"type": found[1], "text": found[2]}


def failed(error: dict[str, str], step: str = "start", **about: Any) -> Measured:
    return Measured(error={"step": step, **error}, step=step, **about)


HOG = {
    "gpu": 0,
    "pid": 745,
    "user": "ana",
    "command": "python3 hog.py",
    "memory_bytes": 84_693_483_520,
}
RUNTIME = "cupy_backends.cuda.api.runtime.CUDARuntimeError"
INSUFFICIENT = (
    "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
)
MODERN: dict[str, Any] = {"driver": "580.159.04", "driver_cuda": "13.0"}


def error(text: str, kind: str = RUNTIME) -> dict[str, str]:
    return {"type": kind, "text": text}


def cupy(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "version": "14.2.0"} for name in names]


CASES = {
    "no driver": (
        failed(
            error(INSUFFICIENT),
            no_nvml="no NVIDIA driver here (libnvidia-ml.so.1 is missing)",
            cupy=cupy("cupy-cuda12x"),
        ),
        NOTHING,
        "no-driver",
        "no NVIDIA driver here",
        "install the NVIDIA driver",
    ),
    "wrong major": (
        failed(
            error(INSUFFICIENT),
            driver="550.54.15",
            driver_cuda="12.4",
            cupy=cupy("cupy-cuda13x"),
        ),
        NOTHING,
        "wrong-major",
        "cupy-cuda13x needs a driver for CUDA 13, this one serves CUDA 12",
        "pip uninstall -y cupy-cuda13x && pip install 'cupy-cuda12x[ctk]'",
    ),
    "old driver": (
        failed(error(INSUFFICIENT), driver="470.1", driver_cuda="11.4", cupy=cupy("cupy-cuda12x")),
        NOTHING,
        "old-driver",
        "(470.1) is too old for cupy-cuda12x",
        "update the driver",
    ),
    "hidden": (
        failed(recorded("CUDA_VISIBLE_DEVICES empty", "getDeviceCount -> "), **MODERN),
        "",
        "hidden",
        "CUDA_VISIBLE_DEVICES is empty",
        "unset CUDA_VISIBLE_DEVICES",
    ),
    "hidden by a number": (
        failed(recorded("CUDA_VISIBLE_DEVICES=7", "getDeviceCount -> "), **MODERN),
        "7",
        "hidden",
        "CUDA_VISIBLE_DEVICES is '7'",
        "unset CUDA_VISIBLE_DEVICES",
    ),
    "no device": (
        failed(error("cudaErrorNoDevice: no CUDA-capable device is detected"), **MODERN),
        NOTHING,
        "no-device",
        "NVML sees a GPU, CUDA does not",
        "--gpus all",
    ),
    "no device at all": (
        failed(error("cudaErrorNoDevice: no CUDA-capable device is detected"), no_nvml="…"),
        NOTHING,
        "no-device",
        "CUDA finds no GPU",
        "nvidia-smi -L",
    ),
    "bad index": (
        failed(error(re.search(r"cudaErrorInvalidDevice: .+", RECORDED.read_text())[0]), **MODERN),  # type: ignore[index]
        NOTHING,
        "no-device",
        "",
        "",
    ),
    "full, no context": (
        failed(
            recorded("OOM: other process leaves 300 MiB", "memGetInfo -> "),
            processes=[HOG],
            **MODERN,
        ),
        NOTHING,
        "full",
        "pid 745 (ana, python3 hog.py) holds 84.7 GB",
        "end that process",
    ),
    "full, by the pool": (
        failed(
            recorded("OOM: other process leaves 300 MiB", "small op -> "),
            "alloc",
            processes=[HOG],
            **MODERN,
        ),
        NOTHING,
        "full",
        "pid 745 (ana, python3 hog.py) holds 84.7 GB",
        "end that process",
    ),
    "full, and nobody is seen": (
        failed(
            error("only 0 MiB of GPU memory are free", "builtins.MemoryError"),
            gpu=[{"when": "before", "memory_used_bytes": 84_000_000_000}],
        ),
        NOTHING,
        "full",
        "84.0 GB are used, by processes that NVML does not show",
        "nvidia-smi on the host",
    ),
    "exclusive": (
        failed(
            error("cudaErrorDevicesUnavailable: CUDA-capable device(s) is/are busy or unavailable"),
            processes=[HOG],
            gpu=[{"when": "before", "compute_mode": "exclusive-process"}],
        ),
        NOTHING,
        "exclusive",
        "exclusive-process mode and somebody has it: pid 745",
        "nvidia-smi -c DEFAULT",
    ),
    "prohibited": (
        failed(
            error("cudaErrorDevicesUnavailable: CUDA-capable device(s) is/are busy or unavailable"),
            gpu=[{"when": "before", "compute_mode": "prohibited"}],
        ),
        NOTHING,
        "prohibited",
        "prohibited",
        "nvidia-smi -c DEFAULT",
    ),
    "no cupy": (
        failed(
            error("No module named 'cupy'", "builtins.ModuleNotFoundError"),
            driver="580.1",
            driver_cuda="13.0",
        ),
        NOTHING,
        "no-cupy",
        "CuPy is not installed",
        "pip install 'cupy-cuda13x[ctk]'",
    ),
    "no pathfinder": (
        failed(error("No module named 'cuda'", "builtins.ModuleNotFoundError")),
        NOTHING,
        "no-pathfinder",
        "cuda-pathfinder is missing",
        "pip install cuda-pathfinder",
    ),
    "cache": (
        failed(
            error("[Errno 2] No such file or directory: '/proc/nope'", "builtins.FileNotFoundError")
        ),
        NOTHING,
        "cache",
        "'/proc/nope'",
        "CUPY_CACHE_DIR=",
    ),
    "ecc": (
        failed(error("cudaErrorECCUncorrectable: uncorrectable ECC error encountered"), "pattern"),
        NOTHING,
        "ecc",
        "uncorrectable error",
        "replaced",
    ),
    "a fault": (
        failed(error("cudaErrorIllegalAddress: an illegal memory access was encountered"), "gemm"),
        NOTHING,
        "gpu-fault",
        "CUDA failed in step gemm: cudaErrorIllegalAddress",
        "Xid",
    ),
    "fabric": (
        failed(error("cudaErrorSystemNotReady: system not yet initialized")),
        NOTHING,
        "fabric",
        "fabric manager",
        "nvidia-fabricmanager",
    ),
    "no libcuda": (
        failed(error(INSUFFICIENT), cupy=cupy("cupy-cuda12x"), **MODERN),
        NOTHING,
        "no-libcuda",
        "CUDA does not: libcuda.so.1 is missing",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    ),
    "lost": (
        failed(error("cudaErrorNoDevice: …"), gone=[{"gpu": 0, "why": None}], **MODERN),
        NOTHING,
        "gpu-lost",
        "GPU 0 has fallen off the bus",
        "reboot",
    ),
    "closed": (
        failed(error("cudaErrorNoDevice: …"), gone=[{"gpu": 0, "why": "no permission"}], **MODERN),
        NOTHING,
        "closed",
        "GPU 0: no permission",
        "cgroups",
    ),
    "another is lost": (
        failed(error("cudaErrorNoDevice: …"), gone=[{"gpu": 3, "why": None}], **MODERN),
        NOTHING,
        "no-device",
        "NVML sees a GPU, CUDA does not",
        "--gpus all",
    ),
    "wrong cuda-compat": (
        failed(error("cudaErrorCompatNotSupportedOnDevice: forward compatibility …"), **MODERN),
        NOTHING,
        "cuda-error",
        "CUDA failed in step start",
        "fit each other",
    ),
    "host memory": (
        failed(
            error("cudaErrorMemoryAllocation: out of memory"),
            "transfer",
            device={"memory_free_bytes": 84_000_000_000},
        ),
        NOTHING,
        "host-full",
        "no memory to pin",
        "ulimit -l",
    ),
    "cublas, no room": (
        failed(error("CUBLAS_STATUS_ALLOC_FAILED", "cupy_backends.CUBLASError"), "gemm"),
        NOTHING,
        "full",
        "GPU memory is full",
        "nvidia-smi",
    ),
    "a library in a later step": (
        failed(error("libcuda.so.1: cannot open shared object file", "builtins.OSError"), "gemm"),
        NOTHING,
        "failed",
        "libcuda.so.1",
        "",
    ),
    "unheard of": (
        failed(error("what\nnobody knows", "some.where.OddError"), "launch"),
        NOTHING,
        "failed",
        "failed in step launch: OddError: what",
        "",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_error_is_explained_with_its_fix(name: str) -> None:
    measured, visible, code, text, fix = CASES[name]
    why = failures.explain(measured, {"exit_code": 1}, visible, 0)
    assert why is not None
    assert why.code == code
    assert text in why.text
    assert fix in (why.fix or "")
    assert "Traceback" not in why.text
    assert "\n" not in why.text


@pytest.mark.parametrize(
    ("ended", "code", "words"),
    [
        ({"signal": 11}, "crashed", "crashed in step gemm (segfault)"),
        ({"signal": 9}, "killed", "was killed in step gemm"),
        ({"exit_code": 7}, "no-answer", "exit code 7"),
        ({"exit_code": 0}, "no-answer", "no result"),
        (None, "exit-unknown", "nobody saw"),
        ({"spawn_error": [2, "No such file", "/no/python"]}, "not-started", "/no/python"),
    ],
)
def test_an_end_without_a_word_is_explained(ended: Any, code: str, words: str) -> None:
    why = failures.explain(Measured(step="gemm"), ended)
    assert why is not None
    assert why.code == code
    assert words in why.text


def test_a_hang_is_the_gpus_fault_only_once_it_has_begun() -> None:
    assert failures.hung("gemm", 60).code in failures.UNHEALTHY
    assert failures.hung("start", 60).code not in failures.UNHEALTHY


def test_a_complete_measurement_needs_no_explanation() -> None:
    found = record.read(DATA / "probe/h100-full-1.jsonl")
    assert failures.explain(found, {"exit_code": 0}) is None


@pytest.mark.parametrize(
    ("what", "kind", "text", "code", "words", "fix"),
    [
        (
            "gemm", "builtins.ImportError",
            "libcublas.so.12: cannot open shared object file: No such file or directory",
            "no-cublas", "GEMMs were left out: cuBLAS is missing (libcublas.so.12)",
            "pip install 'cupy-cuda12x[ctk]'",
        ),
        (
            "gemm", "builtins.ImportError",
            'Failure finding "libcublasLt.so.13 or libcublasLt.so.12": No such file',
            "no-cublas", "cuBLAS is missing", "pip install 'cupy-cuda12x[ctk]'",
        ),
        (
            "kernels", "cuda.pathfinder._dynamic_libs.load_dl_common.DynamicLibNotFoundError",
            'Failure finding "libnvrtc.so.13 or libnvrtc.so.12"',
            "no-nvrtc", "launches, pattern test and GEMMs were left out: NVRTC is missing",
            "pip install 'cupy-cuda12x[ctk]'",
        ),
        (
            "kernels", "cupy.cuda.compiler.CompileException",
            "nvrtc: error: invalid value for --gpu-architecture (-arch)",
            "no-compile", "does not compile for this GPU", "pip install -U 'cupy-cuda12x[ctk]'",
        ),
    ],
)  # fmt: skip
def test_what_a_missing_library_takes_away_is_named(
    what: str, kind: str, text: str, code: str, words: str, fix: str
) -> None:
    measured = Measured(cupy=cupy("cupy-cuda12x"), **MODERN)
    why = failures.left_out({"what": what, "type": kind, "text": text}, measured)
    assert (why.code, why.fix and fix in why.fix) == (code, True)
    assert words in why.text


def test_the_recorded_cublas_error_is_known() -> None:
    text = (DATA / "probe/cupy_cuda12x_on_cuda13.txt").read_text()
    found = re.search(r"mm -> (\S+) \| (.+)", text)
    assert found is not None
    why = failures.left_out({"what": "gemm", "type": found[1], "text": found[2]}, Measured())
    assert why.code == "no-cublas"


def test_the_real_cupy_without_a_driver_says_so(tmp_path: Path) -> None:
    if os.path.exists("/dev/nvidiactl"):
        pytest.skip("there is a GPU here: this is about machines without one")
    done = subprocess.run(
        [sys.executable, "-I", "-m", "tui.engine.probe_cupy"],
        capture_output=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    console = tmp_path / "console.log"
    console.write_bytes(done.stdout)
    found = record.read(console)
    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stdout + done.stderr
    assert [one["name"] for one in found.cupy] == ["cupy-cuda12x"]
    why = failures.explain(found, {"exit_code": 1})
    assert why is not None
    assert why.code == "no-driver"


def test_the_real_cupy_without_a_cache_folder_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", "tui.engine.probe_cupy"],
        capture_output=True,
        env={**os.environ, "CUPY_CACHE_DIR": "/proc/nope"},
    )
    console = tmp_path / "console.log"
    console.write_bytes(done.stdout)
    assert done.returncode == 1
    why = failures.explain(record.read(console), {"exit_code": 1})
    assert why is not None
    assert why.code == "cache"
    assert "/proc/nope" in why.text
