"""Each check on a made-up machine: all well, and every way in which it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need
from tests.fakes.machine import AT, HEALTHY, SOMEBODY, Machine, card
from tui.engine import catalog, doctor, process
from tui.engine.doctor import CHECKS, ON_DEMAND, Check
from tui.engine.doctor.examination import run_checks
from tui.engine.doctor.python import side_by_side
from tui.engine.process import Output
from tui.engine.telemetry.gpus import MigInstance

IDS = [one.id for one in (*CHECKS, *ON_DEMAND)]
GIB = 1024 * 1024


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def look(machine: Machine, name: str, **about: Any) -> Check:
    """One check, made."""
    (checker,) = (one for one in (*CHECKS, *ON_DEMAND) if one.id == name)
    (found,) = run_checks([checker], machine.outside(**about))
    assert found.id == name
    assert found.why.endswith((".", ")"))
    return found


def test_on_a_machine_where_all_is_well_nothing_is_wrong(machine: Machine) -> None:
    machine.install()
    machine.tools.append("docker")
    machine.answers["docker"] = Output(0, "27.3.1\n")
    machine.tools.append("nvidia-ctk")
    found = list(doctor.examine(machine.outside()))
    assert {one.id for one in found} == {one.id for one in CHECKS}
    assert [one for one in found if one.status != "ok"] == []
    assert all(one.fix is None for one in found)


def test_every_check_is_listed_once() -> None:
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("has_card", [False, True])
def test_a_bare_machine_without_gpu_or_installation_fails_nothing(
    machine: Machine, has_card: bool
) -> None:
    """What only official or GPU runs need is no failure where there are none."""
    machine.cards = None
    machine.tools[:] = ["python3"]
    machine.packages.pop("cupy-cuda12x")
    for name in ("usr/include", "usr/local/cuda", "usr/lib"):
        machine.remove(name)
    if has_card:
        machine.write("sys/bus/pci/devices/0000:00:06.0/vendor", "0x10de\n")
        machine.write("sys/bus/pci/devices/0000:00:06.0/class", "0x030200\n")
    found = list(doctor.examine(machine.outside()))
    failed = [one.id for one in found if one.status == "fail"]
    assert failed == (["driver"] if has_card else [])
    (needed,) = (one for one in found if one.id == "prerequisites")
    assert needed.status == "warning"
    assert needed.why.startswith("Only official runs need them.")


# --- one row a state: what is changed, the check, its status, what it says, its fix --------------


def gpu(**about: Any) -> Callable[[Machine], None]:
    def change(machine: Machine) -> None:
        health = about.pop("health", {})
        machine.cards = [(card(0, **about), replace(HEALTHY, **health))]

    return change


def cards(*some: dict[str, Any]) -> Callable[[Machine], None]:
    def change(machine: Machine) -> None:
        machine.cards = [
            (card(nth, **{k: v for k, v in one.items() if k != "health"}),
             replace(HEALTHY, **one.get("health", {})))
            for nth, one in enumerate(some)
        ]  # fmt: skip

    return change


def files(**names: str) -> Callable[[Machine], None]:
    """Files by path, with `__` for `/` and no other change."""

    def change(machine: Machine) -> None:
        for name, text in names.items():
            machine.write(name.replace("__", "/"), text)

    return change


def without(*names: str) -> Callable[[Machine], None]:
    def change(machine: Machine) -> None:
        for name in names:
            machine.tools.remove(name)

    return change


def gone(*names: str) -> Callable[[Machine], None]:
    def change(machine: Machine) -> None:
        for name in names:
            machine.remove(name)

    return change


def variables(**told: str) -> Callable[[Machine], None]:
    return lambda machine: machine.variables.update(told)


def about(**told: Any) -> Callable[[Machine], None]:
    return lambda machine: machine.about.update(told)


def answer(name: str, code: int | None, text: str) -> Callable[[Machine], None]:
    def change(machine: Machine) -> None:
        machine.tools.append(name)
        machine.answers[name] = Output(code, text)

    return change


def packages(**versions: str | None) -> Callable[[Machine], None]:
    def change(machine: Machine) -> None:
        for name, version in versions.items():
            machine.packages.pop(name.replace("_", "-"), None)
            if version is not None:
                machine.packages[name.replace("_", "-")] = version

    return change


def all_of(*changes: Callable[[Machine], None]) -> Callable[[Machine], None]:
    def change(machine: Machine) -> None:
        for one in changes:
            one(machine)

    return change


def drift(ppm: float) -> Callable[[Machine], None]:
    return lambda machine: setattr(machine, "drift_ppm", ppm)


def cached(entry: str, name: str, text: str = "") -> Callable[[Machine], None]:
    return lambda machine: machine.cache(entry, name, text) and None


def in_venv(*names: str) -> Callable[[Machine], None]:
    def change(machine: Machine) -> None:
        for name in names:
            machine.write(f"{AT}/mlc/lib/python3.11/site-packages/{name}.dist-info/METADATA")

    return change


def no_driver(machine: Machine) -> None:
    machine.cards = None


def on_the_bus(machine: Machine) -> None:
    machine.cards = None
    machine.write("sys/bus/pci/devices/0000:00:06.0/vendor", "0x10de\n")
    machine.write("sys/bus/pci/devices/0000:00:06.0/class", "0x030200\n")


def module(version: str) -> Callable[[Machine], None]:
    text = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Thu\n"
    return files(proc__driver__nvidia__version=text)


def both(machine: Machine) -> None:
    ours = Path(process.__file__).parents[1] / "smoke/mlcrepo"
    place = machine.root / AT / "MLC/repos"
    machine.register(place / "local", place / "mlcommons@mlperf-automations", ours)


def vanished(machine: Machine) -> None:
    place = machine.root / AT / "MLC/repos"
    machine.register(place / "local", place / "mlcommons@mlperf-automations", place / "old")


def python_elsewhere(machine: Machine) -> None:
    machine.remember_python(machine.write("usr/bin/python3.11"), "3.11.2")


def python_gone(machine: Machine) -> None:
    machine.remember_python(machine.root / "usr/bin/python3.9", "3.9.1")


def python_upgraded(machine: Machine) -> None:
    machine.remember_python(machine.root / AT / "mlc/bin/python", "3.10.8")


def mlcr_by_hand(machine: Machine) -> None:
    mlcr = machine.root / AT / "mlc/bin/mlcr"
    machine.write("proc/91/comm", "mlcr")
    machine.write("proc/91/cmdline", f"/usr/bin/python3\0{mlcr}\0run-mlperf,inference\0")


def mlcr_of_ours(machine: Machine) -> None:
    mlcr_by_hand(machine)
    machine.write("proc/91/environ", f"{process.RUN_MARK}=20261124T142207Z-smoke-Offline-0001\0")


def meminfo(available_kb: int, swap_free_kb: int = 8000000) -> Callable[[Machine], None]:
    text = (
        f"MemTotal: 131072000 kB\nMemAvailable: {available_kb} kB\n"
        f"SwapTotal: 8000000 kB\nSwapFree: {swap_free_kb} kB\n"
    )
    return files(proc__meminfo=text)


def swapping(machine: Machine) -> None:
    meminfo(120000000, 7000000)(machine)
    steps = iter((100, 5100))

    def sleep(seconds: float) -> None:
        machine.write("proc/vmstat", f"pswpin {next(steps)}\npswpout 5200\n")

    machine.about["clocks"] = replace(machine.outside().clocks, sleep=sleep)


SOURCES = "sys__devices__system__clocksource__clocksource0__"
GOVERNOR = "sys__devices__system__cpu__cpu1__cpufreq__scaling_governor"
KILL = {"etc__systemd__logind.conf": "[Login]\nKillUserProcesses=yes\n"}
SRC = "get-mlperf-inference-src_12ab34cd"
RESULTS = "get-mlperf-inference-results-dir_12ab34cd"
RUN = "test_results/vm-reference-cpu/resnet50/offline/performance/run_1"
ACCOUNT = "permission denied while trying to connect to the Docker daemon socket"
SLICE = MigInstance(0, "MIG-1", "1g.10gb", 1, 0, 10**10)

ROWS: list[tuple[str, Callable[[Machine], None], str, str, str]] = [
    (
        "machine",
        files(
            proc__cpuinfo="flags : fpu\n",
            sys__class__dmi__id__sys_vendor="Supermicro",
            **{SOURCES + "available_clocksource": "tsc"},
        ),
        "ok",
        "bare metal",
        "",
    ),
    ("machine", files(**{".dockerenv": ""}), "ok", "in a container (Docker)", ""),
    (
        "machine",
        files(sys__hypervisor__type="xen", proc__xen__capabilities="control_d"),
        "ok",
        "Xen dom0",
        "",
    ),
    ("machine", gpu(virtualization="vgpu"), "ok", "vGPU, a share of a GPU", ""),
    ("machine", variables(KUBERNETES_SERVICE_HOST="10.0.0.1"), "ok", "(Kubernetes)", ""),
    ("memory", meminfo(2000000), "warning", "2.0 GB of 134 GB available", ""),
    ("memory", meminfo(100000), "fail", "0.1 GB", ""),
    (
        "memory",
        all_of(
            files(
                **{
                    "sys__fs__cgroup__memory.max": "3000000000",
                    "sys__fs__cgroup__memory.current": "1000000000",
                }
            )
        ),
        "warning",
        "2.0 GB of 3.0 GB",
        "",
    ),
    ("memory", gone("proc/meminfo"), "unknown", "does not tell", ""),
    (
        "swap",
        files(proc__meminfo="MemTotal: 8 kB\nMemAvailable: 8 kB\nSwapTotal: 0 kB\n"),
        "ok",
        "none",
        "",
    ),
    (
        "swap",
        meminfo(120000000, 4000000),
        "warning",
        "4.1 GB in use, nothing moves",
        "sudo swapoff -a",
    ),
    ("swap", swapping, "warning", "pages move right now", "sudo swapoff -a"),
    ("load", files(proc__loadavg="250.0 1 1 1/1 1"), "warning", "load 250.0", "top -b"),
    (
        "load",
        files(proc__pressure__cpu="some avg10=31.00 avg60=1 avg300=1 total=1"),
        "warning",
        "31 % of the time",
        "top -b",
    ),
    ("load", gone("proc/loadavg"), "unknown", "cannot be read", ""),
    ("governor", gone("sys/devices/system/cpu"), "unknown", "not told", ""),
    (
        "governor",
        files(**{GOVERNOR: "powersave"}),
        "warning",
        "performance, powersave",
        "sudo tee /sys/devices/system/cpu",
    ),
    (
        "governor",
        all_of(files(**{GOVERNOR: "schedutil"}), lambda m: m.tools.append("cpupower")),
        "warning",
        "schedutil",
        "sudo cpupower frequency-set -g performance",
    ),
    ("disk", about(free_bytes=lambda place: 10**6), "fail", "0.0 GB for runs", ""),
    (
        "disk",
        about(free_bytes=lambda place: 10**9),
        "warning",
        "too little for a first official run",
        "",
    ),
    ("disk", about(free_bytes=lambda place: 2 * 10**10), "warning", "enough for _short", ""),
    (
        "clock",
        drift(1500),
        "warning",
        "1500 ppm over 1.0 s: LoadGen would warn",
        "sudo timedatectl set-ntp false",
    ),
    ("clock", drift(-20000), "fail", "an error", "sudo timedatectl set-ntp false"),
    (
        "clocksource",
        files(**{SOURCES + "current_clocksource": "hpet"}),
        "warning",
        "hpet, a slow one",
        "echo kvm-clock | sudo tee",
    ),
    (
        "clocksource",
        files(
            **{
                SOURCES + "current_clocksource": "hpet",
                SOURCES + "available_clocksource": "hpet acpi_pm",
            }
        ),
        "warning",
        "no better one",
        "",
    ),
    ("clocksource", gone("sys/devices"), "unknown", "does not tell", ""),
    (
        "time-sync",
        files(proc__77__comm="chronyd", **{"etc__chrony__chrony.conf": "makestep 1.0 -1\n"}),
        "warning",
        "makestep 1.0 -1",
        "sudo systemctl stop chrony",
    ),
    (
        "time-sync",
        files(proc__77__comm="chronyd", **{"etc__chrony.conf": "makestep 1 3\n"}),
        "ok",
        "chrony",
        "",
    ),
    ("time-sync", files(proc__77__comm="ntpd"), "warning", "128 ms", "sudo systemctl stop ntp"),
    ("time-sync", gone("proc/77"), "ok", "nothing sets it", ""),
    ("logout", files(**KILL), "warning", "runs end when you log out", "loginctl enable-linger ana"),
    (
        "logout",
        all_of(
            files(**KILL),
            files(**{"etc__systemd__logind.conf.d__no.conf": "[Login]\nKillUserProcesses=no\n"}),
        ),
        "ok",
        "leaves them alone",
        "",
    ),
    ("logout", all_of(files(**KILL), variables(USER="root")), "ok", "not those of root", ""),
    (
        "logout",
        all_of(files(**KILL), files(var__lib__systemd__linger__ana="")),
        "ok",
        "ana lingers",
        "",
    ),
    ("logout", gone("run/systemd"), "unknown", "no systemd", ""),
    ("locale", variables(LANG="C"), "warning", "C: not UTF-8", "export LANG=C.UTF-8"),
    ("locale", variables(LANG=""), "warning", "no locale is set", "export LANG=C.UTF-8"),
    ("python", about(version=(3, 9, 2)), "fail", "too old", "venv"),
    ("python", about(version=(3, 14, 0)), "warning", "no wheel", "venv"),
    (
        "embedded",
        packages(mlcommons_loadgen=None),
        "fail",
        "missing: LoadGen",
        "pip install mlcommons-loadgen",
    ),
    (
        "data-root",
        lambda m: m.about.update(data_root=m.write("tmp/läufe/x").parent),
        "fail",
        "not ASCII",
        "MLPERF_TUI_HOME",
    ),
    (
        "data-root",
        about(data_root=Path("/nonexistent/runs")),
        "fail",
        "cannot be written",
        "MLPERF_TUI_HOME",
    ),
    (
        "installation",
        gone(f"{AT}/MLC/repos/repos.json"),
        "fail",
        "has no automation repository",
        "mlperf-tui setup /mnt/data/mlperf-official",
    ),
    (
        "installation",
        gone("mnt"),
        "warning",
        "none at /mnt/data/mlperf-official",
        "mlperf-tui setup /mnt/data/mlperf-official",
    ),
    (
        "installation-python",
        answer("python", 127, "required file not found"),
        "fail",
        "does not run: required file not found",
        "python3 -m venv --clear",
    ),
    (
        "installation-python",
        lambda m: m.answers.pop("python") and None,
        "fail",
        "No such file",
        "python3 -m venv --clear",
    ),
    (
        "installation-python",
        answer("python", 0, json.dumps({"version": "3.14.1", "include": "", "ensurepip": True})),
        "warning",
        "no wheel",
        "venv",
    ),
    (
        "cached-python",
        python_gone,
        "fail",
        "/usr/bin/python3.9 is gone",
        "mlc rm cache --tags=get,python3 -f",
    ),
    (
        "cached-python",
        python_upgraded,
        "fail",
        "it was 3.10.8 when mlcr found it, it is 3.11.2 now",
        "mlc rm cache --tags=get,python3 -f",
    ),
    (
        "cached-python",
        python_elsewhere,
        "warning",
        "/usr/bin/python3.11 is not the installation's own",
        "mlc rm cache --tags=get,python3 -f",
    ),
    (
        "cached-python",
        lambda m: (
            m.remember_python(m.root / AT / "mlc/bin/python3", "3.11.2")
            or (m.write(f"{AT}/mlc/bin/python3") and None)
        ),
        "ok",
        "the venv's own",
        "",
    ),
    (
        "cached-python",
        cached("get-python3_1", "mlc-cached-state.json", "[half"),
        "ok",
        "none yet",
        "",
    ),
    ("prerequisites", without("cmake"), "fail", "missing: cmake", "sudo apt-get install -y cmake"),
    (
        "prerequisites",
        without("gcc", "g++", "make"),
        "fail",
        "missing: gcc, g++, make",
        "sudo apt-get install -y build-essential",
    ),
    (
        "prerequisites",
        without("git", "ld"),
        "fail",
        "missing: git, ld",
        "sudo apt-get install -y git binutils",
    ),
    (
        "prerequisites",
        gone("usr/include/python3.11"),
        "fail",
        "missing: Python.h",
        "sudo apt-get install -y python3-dev",
    ),
    (
        "prerequisites",
        gone("usr/lib/x86_64-linux-gnu/libgthread-2.0.so.0"),
        "fail",
        "missing: libgthread",
        "sudo apt-get install -y libglib2.0-0",
    ),
    (
        "prerequisites",
        gone("usr/lib/x86_64-linux-gnu/libGL.so.1"),
        "fail",
        "missing: libGL",
        "sudo apt-get install -y libgl1",
    ),
    (
        "prerequisites",
        all_of(gone("usr/lib/x86_64-linux-gnu/libGL.so.1"), about(user=0)),
        "warning",
        "missing: libGL",
        "libgl1",
    ),
    (
        "prerequisites",
        all_of(
            gone("mnt"),
            answer(
                "python3",
                0,
                json.dumps(
                    {"version": "3.11.2", "include": "/usr/include/python3.11", "ensurepip": False}
                ),
            ),
        ),
        "warning",
        "missing: ensurepip",
        "sudo apt-get install -y python3-venv",
    ),
    ("prerequisites", without("cmake", "apt-get"), "fail", "missing: cmake", ""),
    (
        "automations",
        answer("git", 0, "# branch.oid e23ca3af1111\n# branch.head (detached)\n"),
        "warning",
        "e23ca3af, on no branch",
        "switch dev",
    ),
    (
        "automations",
        answer(
            "git",
            0,
            "# branch.oid e23ca3af1111\n# branch.head dev\n1 .M N... 100644 a b c script/x\n",
        ),
        "warning",
        "dev e23ca3af, 1 file changed",
        "status",
    ),
    (
        "automations",
        answer("git", 128, "fatal: detected dubious ownership in repository"),
        "warning",
        "belongs to another user",
        "safe.directory",
    ),
    ("automations", answer("git", 128, "fatal: bad object HEAD"), "warning", "bad object HEAD", ""),
    ("automations", answer("git", None, ""), "unknown", "gives no answer", ""),
    ("automations", lambda m: m.answers.pop("git") and None, "unknown", "git is not installed", ""),
    (
        "automations",
        gone(f"{AT}/MLC/repos/mlcommons@mlperf-automations/.git"),
        "ok",
        "no git checkout",
        "",
    ),
    (
        "automations",
        vanished,
        "warning",
        "lists /mnt/data/mlperf-official/MLC/repos/old, which is gone",
        "",
    ),
    (
        "repositories",
        both,
        "fail",
        "holds the embedded repository beside the official one",
        "mlc rm repo mlcrepo",
    ),
    (
        "onnxruntime",
        in_venv("onnxruntime-1.32.0"),
        "warning",
        "onnxruntime 1.32.0 knows only the CPU",
        "install onnxruntime-gpu",
    ),
    ("onnxruntime", in_venv("onnxruntime_gpu-1.22.0"), "ok", "onnxruntime-gpu 1.22.0", ""),
    (
        "onnxruntime",
        in_venv("onnxruntime-1.32.0", "onnxruntime_gpu-1.22.0"),
        "warning",
        "overwrite each other",
        "uninstall -y onnxruntime",
    ),
    ("onnxruntime", all_of(in_venv("onnxruntime-1.32.0"), no_driver), "unknown", "no GPU", ""),
    ("sudo", about(user=0), "ok", "root: mlcr installs by apt", ""),
    ("sudo", without("sudo"), "ok", "installs nothing", ""),
    (
        "audit-config",
        cached(SRC, "inference/vision/classification_and_detection/audit.config"),
        "fail",
        "/local/cache/" + SRC,
        "rm --",
    ),
    (
        "audit-config",
        cached(SRC, "inference/compliance/nvidia/TEST01/resnet50/audit.config"),
        "ok",
        "none",
        "",
    ),
    (
        "audit-config",
        files(**{AT.replace("/", "__") + "__audit.config": ""}),
        "fail",
        "/mnt/data/mlperf-official/audit.config",
        "rm -- /mnt/data/mlperf-official/audit.config",
    ),
    (
        "audit-config",
        lambda m: m.about.update(cwd=m.write("home/ana/audit.config").parent),
        "fail",
        "/home/ana/audit.config",
        "rm --",
    ),
    (
        "old-results",
        cached(RESULTS, f"results/{RUN}/mlperf_log_summary.txt"),
        "warning",
        "1 result in",
        "--results_dir",
    ),
    (
        "old-results",
        all_of(
            variables(MLC_MLPERF_INFERENCE_RESULTS_DIR="/srv/results"),
            lambda m: m.write(f"srv/results/{RUN}/mlperf_log_summary.txt") and None,
        ),
        "warning",
        "1 result in",
        "--results_dir",
    ),
    (
        "other-mlcr",
        mlcr_by_hand,
        "warning",
        "pid 91: /mnt/data/mlperf-official/mlc/bin/mlcr run-mlperf,inference",
        "ps -o",
    ),
    ("other-mlcr", mlcr_of_ours, "ok", "a run of ours goes on", ""),
    ("driver", no_driver, "unknown", "no NVIDIA GPU here", ""),
    ("driver", on_the_bus, "fail", "on the bus", "nvidia-driver"),
    (
        "driver",
        all_of(no_driver, module("580.159.04")),
        "fail",
        "the kernel module 580.159.04 is loaded, but",
        "nvidia-driver",
    ),
    (
        "driver",
        module("575.51.03"),
        "fail",
        "library 580.159.04, kernel module 575.51.03",
        "sudo reboot",
    ),
    ("driver", gpu(lost=True), "fail", "GPU 0 fallen off the bus", "sudo reboot"),
    ("driver", cards({}, {"closed": "no permission"}), "warning", "GPU 1: no permission", ""),
    ("driver", cards({}, {}), "ok", "2 x NVIDIA H100", ""),
    ("driver", all_of(no_driver, about(device="cuda")), "fail", "the run is to go to a GPU", ""),
    (
        "gpu-busy",
        gpu(processes=(SOMEBODY,)),
        "warning",
        "GPU 0: pid 4242 of ana, 12.0 GB: python3 train.py",
        "ps -o pid,user,args -p 4242",
    ),
    ("gpu-busy", gpu(processes=(replace(SOMEBODY, ours=True),)), "ok", "a run of ours", ""),
    (
        "gpu-busy",
        gpu(reading={"memory_used_bytes": 20 * 10**9}),
        "warning",
        "20.0 GB held, nobody shown",
        "",
    ),
    ("gpu-busy", gpu(processes=None), "unknown", "does not tell", ""),
    (
        "gpu-errors",
        gpu(reading={"ecc_uncorrected": 2}),
        "fail",
        "2 uncorrected ECC errors",
        "mlperf-tui probe",
    ),
    (
        "gpu-errors",
        gpu(health={"rows_failed": True}),
        "fail",
        "could not be replaced",
        "mlperf-tui probe",
    ),
    (
        "gpu-errors",
        gpu(health={"rows_pending": True}),
        "warning",
        "at the next reset",
        "mlperf-tui probe",
    ),
    (
        "gpu-mode",
        gpu(health={"compute_mode": "prohibited"}),
        "fail",
        "prohibited",
        "nvidia-smi -i 0 -c DEFAULT",
    ),
    (
        "gpu-mode",
        gpu(health={"compute_mode": "exclusive-process"}),
        "warning",
        "exclusive-process",
        "nvidia-smi -i 0 -c DEFAULT",
    ),
    ("gpu-mode", gpu(mig=(SLICE,)), "warning", "GPU 0 in 1 parts", "sudo nvidia-smi -mig 0"),
    ("gpu-mode", gpu(mig=()), "fail", "has no instance", "sudo nvidia-smi -mig 0"),
    ("gpu-mode", gpu(health={"compute_mode": None}), "unknown", "does not tell", ""),
    ("ecc", gpu(health={"ecc": False, "ecc_pending": False}), "ok", "off", ""),
    (
        "ecc",
        gpu(health={"ecc_pending": False}),
        "warning",
        "will change at the next restart",
        "sudo reboot",
    ),
    ("ecc", gpu(health={"ecc": None}), "unknown", "does not tell", ""),
    (
        "ecc",
        cards({}, {"health": {"ecc": False, "ecc_pending": False}}),
        "warning",
        "GPU 0 on; GPU 1 off",
        "sudo nvidia-smi -e 1",
    ),
    ("persistence", gpu(health={"persistence": False}), "warning", "off", "sudo nvidia-smi -pm 1"),
    ("persistence", gpu(health={"persistence": None}), "unknown", "does not tell", ""),
    (
        "throttling",
        gpu(reading={"throttle_bits": 0x48}),
        "warning",
        "GPU 0: hardware slowdown; GPU 0: thermal",
        "mlperf-tui probe",
    ),
    (
        "throttling",
        gpu(reading={"pcie_width": 8}),
        "warning",
        "8 of 16 PCIe lanes",
        "mlperf-tui probe",
    ),
    ("throttling", gpu(reading={"throttle_bits": 4}), "ok", "nothing", ""),
    (
        "cuda-toolkit",
        variables(CUDA_HOME="/opt/cuda"),
        "fail",
        "CUDA_HOME names /opt/cuda",
        "export CUDA_HOME=/usr/local/cuda",
    ),
    (
        "cuda-toolkit",
        without("nvcc"),
        "warning",
        "nvcc is not in PATH",
        'export PATH="$CUDA_HOME/bin:$PATH"',
    ),
    (
        "cuda-toolkit",
        all_of(without("nvcc"), gone("usr/local/cuda")),
        "warning",
        "no nvcc",
        "nvidia-cuda-toolkit",
    ),
    (
        "cuda-toolkit",
        gone("usr/lib/x86_64-linux-gnu/libcudart.so.12"),
        "warning",
        "libcudart is not",
        "LD_LIBRARY_PATH",
    ),
    (
        "cuda-toolkit",
        all_of(
            gone("usr/lib/x86_64-linux-gnu/libcudart.so.12"),
            files(**{"opt__lib__libcudart.so.12": ""}),
            variables(LD_LIBRARY_PATH="/opt/lib"),
        ),
        "ok",
        "nvcc",
        "",
    ),
    (
        "cupy",
        packages(cupy_cuda12x=None),
        "warning",
        "not installed",
        "pip install 'cupy-cuda13x[ctk]'",
    ),
    (
        "cupy",
        packages(cupy_cuda13x="14.2.0"),
        "warning",
        "overwrite each other",
        "uninstall cupy-cuda13x",
    ),
    (
        "cupy",
        gone("usr/local/cuda/include"),
        "warning",
        "no NVRTC or headers of CUDA 12",
        "pip install 'cupy-cuda12x[ctk]'",
    ),
    (
        "cupy",
        all_of(
            gone("usr/local/cuda", "usr/lib"),
            packages(nvidia_cuda_nvrtc_cu12="12.9", nvidia_cuda_runtime_cu12="12.9"),
        ),
        "ok",
        "cupy-cuda12x",
        "",
    ),
    (
        "cupy",
        packages(
            cupy_cuda12x=None,
            cupy_cuda13x="14.2.0",
            nvidia_cuda_nvrtc="13.0",
            nvidia_cuda_runtime="13.0",
        ),
        "ok",
        "cupy-cuda13x 14.2.0",
        "",
    ),
    (
        "docker",
        answer("docker", 0, "27.3.1\n"),
        "warning",
        "27.3.1, without NVIDIA's container toolkit",
        "nvidia-container-toolkit",
    ),
    ("docker", all_of(no_driver, answer("docker", 0, "27.3.1\n")), "ok", "27.3.1", ""),
    (
        "docker",
        answer("docker", 1, ACCOUNT),
        "warning",
        "not in the group docker",
        "usermod -aG docker",
    ),
    (
        "docker",
        answer("docker", 1, "Cannot connect to the Docker daemon at unix:///x. Is it running?"),
        "warning",
        "does not run",
        "systemctl start docker",
    ),
    ("docker", answer("docker", None, ""), "unknown", "does not answer", ""),
    (
        "network",
        about(connect=lambda host, port, seconds: None),
        "ok",
        "github.com and pypi.org can be reached",
        "",
    ),
    (
        "network",
        variables(PIP_INDEX_URL="http://mirror.example/simple"),
        "warning",
        "mirror.example:80 (Network is unreachable)",
        "--from-mirror",
    ),
    (
        "network",
        files(
            **{
                "home__ana__.config__pip__pip.conf": "[global]\nindex-url = https://pip.example:8443/simple\n"
            }
        ),
        "warning",
        "pip.example:8443",
        "--from-mirror",
    ),
]


@pytest.mark.parametrize(
    ("name", "change", "status", "words", "command"),
    ROWS,
    ids=[f"{name}-{words}" for name, _, _, words, _ in ROWS],
)
def test_what_a_check_finds(
    machine: Machine,
    name: str,
    change: Callable[[Machine], None],
    status: str,
    words: str,
    command: str,
) -> None:
    machine.install()
    change(machine)
    found = look(machine, name)
    assert (found.status.value, words in found.found) == (status, True), found
    assert str(machine.root) not in found.found
    shown = (found.fix.command or "") if found.fix else ""
    assert command in shown if command else not shown, found.fix


def test_each_state_of_each_check_has_its_row() -> None:
    """A check that is added gets a row here, and one for a problem where it can find one."""
    assert {name for name, *_ in ROWS} == set(IDS) - {"packages"}


def test_a_broken_installation_that_the_user_named_is_a_failure(machine: Machine) -> None:
    from tui.engine.doctor.here import official_at

    nowhere = official_at(machine.root / "srv/mlperf", is_named=True)
    assert look(machine, "installation", official=nowhere).status == "fail"


def test_the_environment_of_the_catalogue_is_named(machine: Machine) -> None:
    known = tuple(catalog.load().environments.values())
    machine.cards = None
    assert "environment baseline (KVM guest)" in look(machine, "machine", environments=known).found


def test_our_folders_from_two_places_are_seen(tmp_path: Path) -> None:
    (tmp_path / "widgets").mkdir()
    (tmp_path / "widgets/__init__.py").touch()
    assert side_by_side(sys.path).status == "ok"
    found = side_by_side([str(tmp_path), *sys.path])
    assert found.status == "fail"
    assert f"widgets from {tmp_path}" in found.found


def test_the_biggest_entries_of_the_cache_are_named_where_the_disk_is_full(
    machine: Machine,
) -> None:
    machine.install()
    machine.cache("get-preprocessed-dataset-imagenet_1", "images.npy", "x" * 3_000_000)
    machine.cache("get-mlperf-inference-src_2", "inference/README.md", "x" * 300_000)
    found = look(machine, "disk", free_bytes=lambda place: 10**9)
    assert found.fix is not None
    assert "cache: get-preprocessed-dataset-imagenet_1 0.0 GB; get-mlperf-inference-src_2" in (
        found.fix.text
    )
    assert "--tags=get,preprocessed,dataset,imagenet" in found.fix.text
    assert found.fix.command == (f"MLC_REPOS=/{AT}/MLC/repos /{AT}/mlc/bin/mlc show cache")


def test_a_library_in_a_folder_of_ld_so_conf_is_found(machine: Machine) -> None:
    machine.remove("usr/lib/x86_64-linux-gnu/libGL.so.1")
    machine.write("opt/gl/libGL.so.1")
    machine.write("etc/ld.so.conf.d/gl.conf", "# mesa\n/opt/gl\n")
    assert look(machine, "prerequisites").status == "ok"


# --- real things -----------------------------------------------------------------------------


def test_a_real_repository_clean_changed_and_detached(machine: Machine) -> None:
    git = need("git")
    machine.install()
    repository = machine.root / AT / "MLC/repos/mlcommons@mlperf-automations"
    machine.remove(f"{AT}/MLC/repos/mlcommons@mlperf-automations/.git")

    def run(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run([git, "-C", str(repository), *who, *words], check=True, capture_output=True)

    run("init", "-q", "-b", "dev")
    run("add", "-A")
    run("commit", "-qm", "scripts")
    outside = {"output_of": process.output_of}
    clean = look(machine, "automations", **outside)
    assert clean.status == "ok"
    assert clean.found.startswith("dev ")
    meta = repository / "script/run-mlperf-inference-app/meta.yaml"
    meta.write_text("alias: changed\n")
    (repository / "new-file").touch()  # mlc does not mind files that git does not know
    assert "1 file changed" in look(machine, "automations", **outside).found
    run("commit", "-qam", "mine")
    run("checkout", "-q", "--detach")
    assert "on no branch" in look(machine, "automations", **outside).found


def test_a_real_interpreter_tells_of_itself_and_a_broken_one_why_not(machine: Machine) -> None:
    folder = machine.install()
    python = folder / "mlc/bin/python"
    python.unlink()
    python.symlink_to(sys.executable)
    outside = {"output_of": process.output_of}
    found = look(machine, "installation-python", **outside)
    assert found.found == ".".join(map(str, sys.version_info[:3]))
    python.unlink()
    python.symlink_to("/usr/bin/python2.99")
    found = look(machine, "installation-python", **outside)
    assert found.status == "fail"
    assert "/mnt/data/mlperf-official/mlc/bin/python: No such file" in found.found


def test_the_clock_of_this_machine_is_measured() -> None:
    from tui.engine.doctor.here import Outside

    (checker,) = (one for one in CHECKS if one.id == "clock")
    (found,) = run_checks([checker], Outside(Path("/tmp"), None))
    assert found.status in ("ok", "warning"), found
    assert "ppm over 1." in found.found
