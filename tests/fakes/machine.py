"""A made-up machine: a file tree, commands and what they say, clocks, GPUs; at first all well."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui.engine.doctor.here import Clocks, Official, Outside, official_at
from tui.engine.process import Output
from tui.engine.telemetry.gpus import GpuDevice, GpuHealth, GpuProcess, GpuSnapshot
from tui.engine.telemetry.reading import NO_DRIVER, Reading, SourceUnavailable

TOOLS = ("git", "ld", "gcc", "g++", "make", "cmake", "python3", "apt-get", "nvcc", "sudo")
LIBRARIES = ("libgthread-2.0.so.0", "libGL.so.1", "libcudart.so.12", "libnvrtc.so.12")
KERNEL = {
    "proc/cpuinfo": "processor\t: 0\nprocessor\t: 1\n"
    "flags\t\t: fpu hypervisor sse\nmodel name\t: Some CPU @ 2.2GHz\n",
    "sys/class/dmi/id/sys_vendor": "Google",
    "sys/class/dmi/id/product_name": "Google Compute Engine",
    "proc/meminfo": "MemTotal: 131072000 kB\nMemAvailable: 120000000 kB\n"
    "SwapTotal: 8000000 kB\nSwapFree: 8000000 kB\n",
    "proc/vmstat": "pswpin 100\npswpout 200\n",
    "proc/loadavg": "0.21 0.30 0.28 1/213 4711",
    "proc/pressure/cpu": "some avg10=0.40 avg60=0.21 avg300=0.10 total=1\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "kvm-clock",
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc acpi_pm",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance",
    "etc/systemd/logind.conf": "[Login]\n#KillUserProcesses=no\n",
    "run/systemd/system/units": "",
    "proc/77/comm": "systemd-timesyn",
    "proc/77/cmdline": "/lib/systemd/systemd-timesyncd",
    "tmp/any": "",
    "usr/include/python3.11/Python.h": "",
    "usr/local/cuda/bin/nvcc": "",
    "usr/local/cuda/include/cuda_fp16.h": "",
    **{f"usr/lib/x86_64-linux-gnu/{name}": "" for name in LIBRARIES},
}
PYTHON = {"version": "3.11.2", "include": "/usr/include/python3.11", "ensurepip": True}
PACKAGES = {
    "mlcommons-loadgen": "6.0.17", "onnxruntime": "1.32.0", "numpy": "2.4.6", "mlcflow": "1.3.8",
    "nvidia-ml-py": "13.580.65", "psutil": "7.1.0", "cupy-cuda12x": "14.2.0",
}  # fmt: skip
CLEAN = "# branch.oid e23ca3af11112222\n# branch.head dev\n# branch.upstream origin/dev\n"
AT = "mnt/data/mlperf-official"


class Cards:
    """GPUs as NVML tells of them."""

    def __init__(self, *cards: tuple[GpuDevice, GpuHealth], cuda: str = "13.0") -> None:
        self._cards, self._cuda = cards, cuda

    def sample(self, *, counters: bool = True) -> GpuSnapshot:
        return GpuSnapshot("580.159.04", self._cuda, tuple(one for one, _ in self._cards))

    def health(self, index: int) -> GpuHealth:
        return self._cards[index][1]

    def close(self) -> None:
        """Nothing to let go of."""


def card(index: int = 0, **about: Any) -> GpuDevice:
    """An idle H100 with nobody on it."""
    reading = {
        "memory_used_bytes": 500 * 10**6, "memory_total_bytes": 85 * 10**9, "pcie_width": 16,
        "throttle_bits": 1, "ecc_uncorrected": 0, **about.pop("reading", {}),
    }  # fmt: skip
    values: dict[str, Any] = {
        "uuid": f"GPU-{index}", "name": "NVIDIA H100 80GB HBM3", "pci_bus_id": "0000:00:06.0",
        "virtualization": "passthrough", "processes": (), **about,
    }  # fmt: skip
    return GpuDevice(index=index, reading=Reading(f"gpu{index}", **reading), **values)


HEALTHY = GpuHealth(
    rows_pending=False, rows_failed=False, link_gen_max=5, link_width_max=16,
    compute_mode="default", ecc=True, ecc_pending=True, persistence=True,
)  # fmt: skip
SOMEBODY = GpuProcess(4242, "ana", "python3 train.py", 12 * 10**9, ours=False)


@dataclass
class Machine:
    """It is changed by a test, then looked at."""

    folder: Path
    tools: list[str] = field(default_factory=lambda: list(TOOLS))
    packages: dict[str, str] = field(default_factory=lambda: dict(PACKAGES))
    cards: list[tuple[GpuDevice, GpuHealth]] | None = field(
        default_factory=lambda: [(card(), HEALTHY)]
    )
    """None: no driver."""
    answers: dict[str, Output | Callable[[], Output]] = field(default_factory=dict)
    """By the name of a command."""
    asked: list[list[str]] = field(default_factory=list)
    variables: dict[str, str] = field(
        default_factory=lambda: {"LANG": "C.UTF-8", "USER": "ana", "HOME": "/home/ana"}
    )
    drift_ppm: float = 3.0
    about: dict[str, Any] = field(default_factory=dict)
    """Of `Outside`, what is to be otherwise."""

    def __post_init__(self) -> None:
        self.runs.mkdir(parents=True)
        for name, text in KERNEL.items():
            self.write(name, text)
        self.answers |= {
            "python": Output(0, json.dumps(PYTHON)),
            "python3": Output(0, json.dumps(PYTHON)),
            "git": Output(0, CLEAN),
        }
        self._passed_ns = 0

    @property
    def root(self) -> Path:
        """Where its file system begins."""
        return self.folder / "root"

    @property
    def runs(self) -> Path:
        """Our data root."""
        return self.root / "home/ana/.local/share/mlperf-tui"

    def write(self, name: str, text: str = "") -> Path:
        """A file of it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def remove(self, name: str) -> None:
        """Not a file of it any more."""
        path = self.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def install(self, **registered: str) -> Path:
        """Make an official installation; its folder."""
        for name in ("mlcr", "mlc", "python"):
            self.write(f"{AT}/mlc/bin/{name}", "#!/usr/bin/python3\n").chmod(0o755)
        folder = self.root / AT
        repository = folder / "MLC/repos/mlcommons@mlperf-automations"
        self.write(f"{repository.relative_to(self.root)}/script/run-mlperf-inference-app/meta.yaml")
        self.write(f"{repository.relative_to(self.root)}/.git/HEAD", "ref: refs/heads/dev\n")
        (folder / "MLC/repos/local/cache").mkdir(parents=True)
        self.register(folder / "MLC/repos/local", repository, *map(Path, registered.values()))
        return folder

    def register(self, *places: Path) -> None:
        """What mlcr knows."""
        self.write(f"{AT}/MLC/repos/repos.json", json.dumps([str(one) for one in places]))

    def cache(self, entry: str, name: str, text: str = "") -> Path:
        """A file in mlcr's cache."""
        return self.write(f"{AT}/MLC/repos/local/cache/{entry}/{name}", text)

    def remember_python(self, place: Path, version: str) -> None:
        """What mlcr's cache says of Python, as mlcr 1.3 writes it."""
        state = {"new_env": {"MLC_PYTHON_BIN_WITH_PATH": str(place)}, "version": version}
        self.cache("get-python3_0123abcd", "mlc-cached-state.json", json.dumps(state))

    def official(self) -> Official:
        """The installation at its place, or that there is none."""
        return official_at(self.root / AT, is_named=False)

    def outside(self, **about: Any) -> Outside:
        """All that the checks see."""
        values: dict[str, Any] = {
            "data_root": self.runs,
            "official": self.official(),
            "root": self.root,
            "variables": self.variables,
            "cwd": self.runs,
            "which": lambda name: f"/usr/bin/{name}" if name in self.tools else None,
            "output_of": self._output_of,
            "nvml": self._nvml,
            "package": self.packages.get,
            "free_bytes": lambda place: 200 * 10**9,
            "connect": _refuse,
            "clocks": Clocks(self._raw_ns, self._wall_ns, self._sleep),
            "version": (3, 11, 2),
            "user": 1000,
            **self.about,
            **about,
        }
        return Outside(**values)

    def _output_of(
        self, argv: Sequence[str], seconds: float, env_vars: Mapping[str, str] | None = None
    ) -> Output:
        self.asked.append(list(argv))
        name = Path(argv[0]).name
        if name not in self.answers:
            raise FileNotFoundError(2, "No such file or directory", argv[0])
        answer = self.answers[name]
        return answer() if callable(answer) else answer

    def _nvml(self) -> Cards:
        if self.cards is None:
            raise SourceUnavailable(NO_DRIVER)
        return Cards(*self.cards)

    # Its time passes only while one sleeps: nothing waits.

    def _raw_ns(self) -> int:
        return 10**9 + self._passed_ns

    def _wall_ns(self) -> int:
        return 10**18 + round(self._passed_ns * (1 + self.drift_ppm / 1e6))

    def _sleep(self, seconds: float) -> None:
        self._passed_ns += round(seconds * 1e9)


def _refuse(host: str, port: int, seconds: float) -> None:
    raise OSError(101, "Network is unreachable")
