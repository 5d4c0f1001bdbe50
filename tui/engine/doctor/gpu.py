"""Checks of the GPUs: is there a driver, who is on them, how they are set. Nothing is changed."""

from __future__ import annotations

import shlex
from collections import Counter

from tui.engine import kernel_log
from tui.engine.doctor.check import (
    OUR_VENV,
    YOUR_SHELL,
    Finding,
    Fix,
    by_hand,
    check,
    fail,
    gb,
    listed,
    not_here,
    ok,
    unknown,
    warning,
)
from tui.engine.doctor.here import Gpus, Here
from tui.engine.telemetry.gpus import NORMAL, GpuDevice, GpuProcess

NO_GPU = "no GPU here to look at"
SILENT = "the NVIDIA driver gives no answer"
HELD_BYTES = 10**9
CUPY_CUDA = {"cupy-cuda11x": 11, "cupy-cuda12x": 12, "cupy-cuda13x": 13}
PATHS = (
    'export CUDA_HOME=/usr/local/cuda\nexport PATH="$CUDA_HOME/bin:$PATH"\n'
    'export LD_LIBRARY_PATH="$CUDA_HOME/lib64:$LD_LIBRARY_PATH"'
)
"""The guide's three lines."""


def _nothing(gpus: Gpus) -> Finding:
    """No GPU, or none that answers."""
    return unknown(SILENT) if gpus.is_silent else not_here(NO_GPU)


@check(
    "driver",
    "NVIDIA driver",
    "Every run on the GPU, the probe and the telemetry talk to the card through it.",
    before=("cuda",),
)
def driver(here: Here) -> Finding:
    """Does it answer, and do all its parts have one version."""
    gpus, loaded = here.gpus(), here.facts.nvidia_driver
    if gpus.is_silent:
        return unknown(SILENT, REBOOT)
    if gpus.snapshot is None:
        return _no_driver(here, gpus.error, loaded)
    names = Counter(one.name or "an unknown GPU" for one in gpus.devices)
    found = f"{gpus.snapshot.driver or 'unknown version'}: " + ", ".join(
        f"{count} x {name}" if count > 1 else name for name, count in names.items()
    )
    if gpus.snapshot.driver and loaded and gpus.snapshot.driver != loaded:
        return fail(f"library {gpus.snapshot.driver}, kernel module {loaded}", REBOOT)
    lost = [f"GPU {one.index}" for one in gpus.devices if one.lost]
    if lost:
        return fail(f"{listed(lost)} fallen off the bus", REBOOT)
    closed = [f"GPU {one.index}: {one.closed}" for one in gpus.devices if one.closed]
    return warning(f"{found}; {listed(closed)}") if closed else ok(found)


REBOOT = by_hand("Restart the machine: after an update of the driver that is always needed.",
                 "sudo reboot")  # fmt: skip


def _no_driver(here: Here, error: str, loaded: str | None) -> Finding:
    """A card without a working driver is broken; a machine without a card is not."""
    if "different versions" in error:
        return fail(error, REBOOT)
    install = by_hand(
        "Install NVIDIA's driver for this system (its package, or NVIDIA's own installer), "
        "then restart.",
        "sudo apt-get install -y nvidia-driver" if here.outside.which("apt-get") else None,
    )
    if loaded is not None:
        return fail(f"the kernel module {loaded} is loaded, but: {error}", install)
    if here.has_card:
        return fail(f"an NVIDIA GPU is on the bus, but: {error}", install)
    if here.outside.device == "cuda":
        return fail(f"the run is to go to a GPU, but: {error}", by_hand("Choose --device cpu."))
    return not_here(f"no NVIDIA GPU here: {error}" if error else "no NVIDIA GPU here")


@check(
    "cuda-toolkit",
    "CUDA toolkit",
    "Official runs on cuda look for nvcc, and where it is missing download several GB; CuPy looks "
    "for NVRTC and the headers.",
    before=("official", "cuda"),
)
def toolkit(here: Here) -> Finding:
    """CUDA_HOME, nvcc, the libraries: the guide's "CUDA not found"."""
    named = here.outside.variables.get("CUDA_HOME") or here.outside.variables.get("CUDA_PATH")
    if named and not here.path(named).is_dir():
        return fail(
            f"CUDA_HOME names {named}, which is not there",
            by_hand("Set it to where CUDA is, or not at all.", PATHS, YOUR_SHELL),
        )
    if not (gpus := here.gpus()).devices:
        return _nothing(gpus)
    nvcc = here.outside.which("nvcc")
    place = here.path("usr/local/cuda/bin/nvcc")
    if nvcc is None and place.exists():
        return warning(
            "it is in /usr/local/cuda, but nvcc is not in PATH",
            by_hand("The guide's three lines:", PATHS, YOUR_SHELL),
        )
    if nvcc is None:
        return warning(
            "no nvcc: official runs on cuda would download CUDA themselves",
            by_hand("Install the toolkit that fits the driver.", _apt(here, "nvidia-cuda-toolkit")),
        )
    if here.library("libcudart.so") is None and not _runtime(here):
        return warning(
            f"{here.shown(nvcc)}, but libcudart is not where the loader looks",
            by_hand("The guide's three lines:", PATHS, YOUR_SHELL),
        )
    return ok(here.shown(nvcc))


def _runtime(here: Here) -> bool:
    return any(here.library(f"libcudart.so.{major}") for major in (11, 12, 13))


def _apt(here: Here, package: str) -> str | None:
    return f"sudo apt-get install -y {package}" if here.outside.which("apt-get") else None


@check(
    "cupy",
    "CuPy",
    "The probe and `smoke` on a GPU run by CuPy: it must fit the driver's CUDA, and find NVRTC and "
    "CUDA's headers.",
    before=("embedded", "cuda"),
)
def cupy(here: Here) -> Finding:
    """What is installed, by its metadata: to import it takes a second."""
    installed = {name: here.outside.package(name) for name in CUPY_CUDA}
    found = {name: version for name, version in installed.items() if version}
    gpus = here.gpus()
    if not gpus.devices:
        return _nothing(gpus)
    major = int((gpus.snapshot.cuda or "0").partition(".")[0]) if gpus.snapshot else 0
    right = "cupy-cuda13x" if major >= 13 and not found else "cupy-cuda12x"
    if not found:
        line = f"{_pip(here)} install '{right}[ctk]'"
        return warning(
            "not installed", by_hand("For the probe and smoke on the GPU:", line, OUR_VENV)
        )
    if len(found) > 1:
        others = " ".join(name for name in found if name != right)
        fix = by_hand("Leave one of them.", f"{_pip(here)} uninstall {others}", OUR_VENV)
        return warning(f"{_named(found)}: they overwrite each other", fix)
    (name,) = found
    if major and major < CUPY_CUDA[name]:
        words = f"{_named(found)}, but the driver serves CUDA {major} at most"
        return fail(words, by_hand("Update the driver, or take CuPy for its CUDA."))
    if not _has_nvrtc(here, CUPY_CUDA[name]):
        line = f"{_pip(here)} install '{name}[ctk]'"
        return warning(
            f"{_named(found)}, but no NVRTC or headers of CUDA {CUPY_CUDA[name]}",
            by_hand("Bring them along (1 GB):", line, OUR_VENV),
        )
    return ok(_named(found))


def _named(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _pip(here: Here) -> str:
    import sys

    return f"{shlex.quote(sys.executable)} -m pip"


def _has_nvrtc(here: Here, major: int) -> bool:
    """From pip's wheels, or of a toolkit: the library, and the headers it compiles with."""
    wheels = {12: ("nvidia-cuda-nvrtc-cu12", "nvidia-cuda-runtime-cu12"),
              13: ("nvidia-cuda-nvrtc", "nvidia-cuda-runtime")}  # fmt: skip
    if all(map(here.outside.package, wheels.get(major, ("-",)))):
        return True
    home = here.outside.variables.get("CUDA_HOME") or here.outside.variables.get("CUDA_PATH")
    folders = [here.path(one) for one in (home, "usr/local/cuda", f"usr/local/cuda-{major}") if one]
    library = f"libnvrtc.so.{major}" if major > 11 else "libnvrtc.so.11.2"
    has_library = here.library(library) is not None or any(
        (one / "lib64" / library).exists() for one in folders
    )
    headers = (*(one / "include" for one in folders), here.path("usr/include"))
    return has_library and any((one / "cuda_fp16.h").exists() for one in headers)


@check(
    "gpu-busy",
    "GPU in use",
    "Who computes or keeps memory on the same GPU takes time and memory from what is measured.",
    before=("cuda",),
)
def busy(here: Here) -> Finding:
    """Processes of others, and memory that nobody shows."""
    gpus = here.gpus()
    if not gpus.devices:
        return _nothing(gpus)
    others = [
        (one, process)
        for one in gpus.devices
        for process in one.processes or ()
        if not process.ours
    ]
    if others:
        words = listed([f"GPU {one.index}: {_who(process)}" for one, process in others])
        pids = " ".join(str(process.pid) for _, process in others)
        fix = by_hand(
            "Ask whose they are, and end them if nobody needs them.", f"ps -o pid,user,args -p "
            f"{pids.replace(' ', ',')}", "whether they may be ended is not ours to say"
        )  # fmt: skip
        return warning(words, fix)
    held = [_held(one) for one in gpus.devices if _is_held(one)]
    if held:
        return warning(
            listed(held),
            by_hand("A process of another container or a dead one holds it: see `nvidia-smi`."),
        )
    running = sum(len(one.processes or ()) for one in gpus.devices)
    if any(one.processes is None for one in gpus.devices if one.mig is None):
        return unknown("the driver does not tell who computes")
    return ok("a run of ours is on it" if running else "nobody is on it")


def _who(process: GpuProcess) -> str:
    size = f", {gb(process.memory_bytes)}" if process.memory_bytes is not None else ""
    command = (process.command or "unknown command")[:60]
    return f"pid {process.pid} of {process.user or 'an unknown user'}{size}: {command}"


def _is_held(one: GpuDevice) -> bool:
    used = one.reading.memory_used_bytes
    return used is not None and used > HELD_BYTES and not one.processes


def _held(one: GpuDevice) -> str:
    return f"GPU {one.index}: {gb(one.reading.memory_used_bytes or 0)} held, nobody shown"


@check(
    "gpu-errors",
    "GPU errors",
    "A card with uncorrected errors or failed rows computes wrongly or stops in the middle.",
    before=("cuda",),
)
def errors(here: Here) -> Finding:
    """ECC's count, remapped rows, what the kernel logged."""
    gpus = here.gpus()
    if not gpus.with_health:
        return _nothing(gpus)
    bad, waiting = [], []
    for one, health in gpus.with_health:
        name = f"GPU {one.index}"
        if one.reading.ecc_uncorrected:
            bad.append(f"{name}: {one.reading.ecc_uncorrected} uncorrected ECC errors")
        if health.rows_failed:
            bad.append(f"{name}: a memory row could not be replaced")
        if health.rows_pending:
            waiting.append(f"{name}: memory rows are replaced at the next reset")
        if one.pci_bus_id and here.shown(here.outside.root) == "/":
            logged = [str(xid) for xid in kernel_log.xids(one.pci_bus_id, 0) if xid.is_hardware]
            waiting += [f"{name}: the kernel logged {xid}" for xid in logged]
    probe = "mlperf-tui probe"
    if bad:
        fix = by_hand("See whether it still computes rightly; it may have to be replaced.", probe,
                      "it is a run of its own: key 5")  # fmt: skip
        return fail(listed(bad), fix)
    told = ((one.reading.ecc_uncorrected, health.rows_failed) for one, health in gpus.with_health)
    if not waiting and all(one == (None, None) for one in told):
        return unknown("the card does not tell")
    if waiting:
        fix = by_hand("Restart the machine, then probe the card.", probe, "a restart comes first")
        return warning(listed(waiting), fix)
    return ok("none since the driver was loaded")


@check(
    "ecc",
    "ECC",
    "ECC takes memory and some speed: it must be the same on both sides of a comparison.",
)
def ecc(here: Here) -> Finding:
    """On or off, now and after the next reboot, on every card."""
    gpus = here.gpus()
    if not gpus.devices:
        return _nothing(gpus)
    states = {one.index: (health.ecc, health.ecc_pending) for one, health in gpus.with_health}
    if not states or None in (now for now, _ in states.values()):
        return unknown("the card does not tell")
    words = {index: "on" if now else "off" for index, (now, _) in states.items()}
    pending = [f"GPU {index}" for index, (now, then) in states.items() if then not in (None, now)]
    if pending:
        fix = by_hand("It changes at the next restart: restart now, or set it back.", "sudo reboot")
        return warning(f"{listed(pending)} will change at the next restart", fix)
    if len(set(words.values())) > 1:
        fix = by_hand("Make them equal, then restart.", "sudo nvidia-smi -e 1")
        return warning(listed([f"GPU {n} {word}" for n, word in words.items()], 8), fix)
    return ok(next(iter(words.values())))


@check(
    "persistence",
    "persistence mode",
    "Without it the driver goes to sleep when nobody computes, and the first call takes seconds.",
)
def persistence(here: Here) -> Finding:
    """Whether the driver stays loaded."""
    gpus = here.gpus()
    if not gpus.devices:
        return _nothing(gpus)
    states = [health.persistence for _, health in gpus.with_health]
    if not states or None in states:
        return unknown("the driver does not tell")
    if all(states):
        return ok("on")
    return warning("off", by_hand("Until the next boot:", "sudo nvidia-smi -pm 1"))


@check(
    "gpu-mode",
    "GPU mode",
    "A split GPU (MIG) is measured in parts; a GPU in exclusive or prohibited mode refuses the "
    "second process, or every one.",
    before=("cuda",),
)
def mode(here: Here) -> Finding:
    """MIG and compute mode."""
    gpus = here.gpus()
    if not gpus.devices:
        return _nothing(gpus)
    modes = {one.index: health.compute_mode for one, health in gpus.with_health}
    for index, word in modes.items():
        if word == "prohibited":
            return fail(f"GPU {index}: compute mode prohibited", _default(index))
        if word is not None and word.startswith("exclusive"):
            return warning(f"GPU {index}: compute mode {word}", _default(index))
    split = [one for one in gpus.devices if one.mig is not None]
    if split:
        empty = [f"GPU {one.index}" for one in split if not one.mig]
        if empty:
            return fail(f"{listed(empty)} split by MIG, but has no instance: nothing can run on it",
                        by_hand("Make an instance, or switch MIG off (needs an idle GPU).",
                                "sudo nvidia-smi -mig 0"))  # fmt: skip
        words = [f"GPU {one.index} in {len(one.mig or ())} parts" for one in split]
        return warning(
            f"split by MIG: {listed(words)}",
            by_hand("Keep it the same on both sides of a comparison, or switch MIG off.",
                    "sudo nvidia-smi -mig 0"),
        )  # fmt: skip
    if None in modes.values():
        return unknown("the driver does not tell")
    return ok("whole, shared by whoever comes")


def _default(index: int) -> Fix:
    return by_hand("Let several processes on it:", f"sudo nvidia-smi -i {index} -c DEFAULT")


@check(
    "throttling",
    "GPU clocks and link",
    "A card that is hot, short of power or badly seated is slower than its model.",
    before=("cuda",),
)
def throttling(here: Here) -> Finding:
    """Reasons for lowered clocks that are a fault, and lanes that are missing."""
    gpus = here.gpus()
    if not gpus.with_health:
        return _nothing(gpus)
    words = []
    for one, health in gpus.with_health:
        faults = [each for each in one.throttle_reasons or () if each not in NORMAL]
        words += [f"GPU {one.index}: {each}" for each in faults]
        width, most = one.reading.pcie_width, health.link_width_max
        if width is not None and most is not None and width < most:
            words.append(f"GPU {one.index}: {width} of {most} PCIe lanes")
    if words:
        return warning(listed(words), by_hand(
            "Look at cooling, power and the slot; see what they cost:", "mlperf-tui probe",
            "it is a run of its own: key 5"))  # fmt: skip
    return ok("nothing lowers them")
