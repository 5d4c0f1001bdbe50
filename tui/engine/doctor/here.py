"""What the checks look at: the outside as a parameter, and what several of them want to know."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Protocol, TypeVar

from tui.engine import home, mlcflow, process, sut
from tui.engine.catalog import Environment
from tui.engine.errors import InstallationError, MlperfTuiError
from tui.engine.mlcflow import Installation
from tui.engine.sut import SystemFacts
from tui.engine.telemetry.gpus import GpuDevice, GpuHealth, GpuSnapshot
from tui.engine.telemetry.reading import SourceUnavailable

COMMAND_S = 1.5
"""A command that tells us something has so long."""
PATIENCE_S = 1.6
"""The NVIDIA driver has so long."""
LIBRARY_FOLDERS = (
    "usr/local/cuda/lib64", "usr/local/lib", "usr/lib64", "lib64", "usr/lib", "lib",
)  # fmt: skip
ASKED = (
    "import json,sys,sysconfig,importlib.util as u;"
    "print(json.dumps({'version':'%d.%d.%d'%sys.version_info[:3],"
    "'include':sysconfig.get_paths()['include'],"
    "'ensurepip':u.find_spec('ensurepip') is not None}))"
)
NVIDIA = "0x10de"
T = TypeVar("T")


class GpuTeller(Protocol):
    """What tells of the GPUs: NvmlSource, as far as the doctor asks it."""

    def sample(self, *, counters: bool = True) -> GpuSnapshot:
        """All of them, now."""

    def health(self, index: int) -> GpuHealth:
        """What tells of the health of one."""

    def close(self) -> None:
        """Let go."""


def _nvml() -> GpuTeller:
    from tui.engine.telemetry.nvml import NvmlSource

    return NvmlSource()


def _package(name: str) -> str | None:
    """The version of a package in our own environment, read beside it; nothing is imported."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _connect(host: str, port: int, seconds: float) -> None:
    import socket

    socket.create_connection((host, port), timeout=seconds).close()


@dataclass(frozen=True)
class Clocks:
    """The clocks that are compared, and a way to let time pass."""

    raw_ns: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    wall_ns: Callable[[], int] = time.time_ns
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Official:
    """The official installation that runs would take: it may be missing or broken."""

    folder: Path
    is_named: bool
    """By the user; else it is where one would be looked for."""
    installation: Installation | None
    problem: str = ""
    """Why it cannot be used."""

    @property
    def is_begun(self) -> bool:
        """Someone has set something up there."""
        return any((self.folder / part).exists() for part in ("mlc", "MLC"))

    @property
    def python(self) -> Path:
        """The interpreter of its venv."""
        return self.folder / "mlc/bin/python"


def find_official() -> Official:
    """The one that runs take by default; where the embedded one is chosen, that at its place."""
    try:
        name, note = mlcflow.choose(None)
    except MlperfTuiError as error:  # the settings cannot be read
        return Official(mlcflow.OFFICIAL_DEFAULT, False, None, str(error))
    if name == mlcflow.EMBEDDED:
        return official_at(mlcflow.OFFICIAL_DEFAULT, is_named=False)
    return official_at(mlcflow.folder_of(name), is_named=note is None)


def official_at(folder: Path, *, is_named: bool) -> Official:
    """That of a folder, or why there is none."""
    try:
        return Official(folder, is_named, mlcflow.official(folder))
    except InstallationError as error:
        return Official(folder, is_named, None, str(error).removeprefix("--installation: "))


@dataclass(frozen=True)
class Outside:
    """Everything the checks see of the world."""

    data_root: Path
    official: Official | None
    """None: there is nothing to look at (of an embedded run)."""
    root: Path = Path("/")
    """Where the file system of the machine begins."""
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = field(default_factory=Path.cwd)
    which: Callable[[str], str | None] = shutil.which
    output_of: Callable[..., process.Output] = process.output_of
    nvml: Callable[[], GpuTeller] = _nvml
    package: Callable[[str], str | None] = _package
    free_bytes: Callable[[str], int] = lambda place: shutil.disk_usage(place).free
    connect: Callable[[str, int, float], None] = _connect
    clocks: Clocks = Clocks()
    environments: Sequence[Environment] = ()
    version: tuple[int, int, int] = sys.version_info[:3]
    """Of our own Python."""
    user: int = field(default_factory=os.geteuid)
    device: str | None = None
    """Where a run is to go; None: no run is meant."""
    has_network: bool = False
    """The network may be asked."""


@dataclass(frozen=True)
class Interpreter:
    """What a Python told of itself."""

    version: str
    include: str
    ensurepip: bool


@dataclass(frozen=True)
class Gpus:
    """What NVML told, or why it told nothing."""

    snapshot: GpuSnapshot | None = None
    health: tuple[GpuHealth, ...] = ()
    error: str = ""
    is_silent: bool = False
    """The driver gives no answer."""

    @property
    def devices(self) -> tuple[GpuDevice, ...]:
        """All of them."""
        return self.snapshot.devices if self.snapshot is not None else ()

    @property
    def with_health(self) -> list[tuple[GpuDevice, GpuHealth]]:
        """Those that can be read."""
        pairs = zip(self.devices, self.health)
        return [pair for pair in pairs if not pair[0].lost and pair[0].closed is None]


class _Answer:
    """What NVML told, or will tell: the thread is left alone where that takes too long."""

    def __init__(self, ask: Callable[[], Gpus]) -> None:
        self._ask, self._told = ask, Gpus(is_silent=True)
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, name="doctor: nvml", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._told = self._ask()
        except Exception as error:  # it is raised in the checks, which tell it
            self._error = error

    def within(self, seconds: float) -> Gpus:
        """The answer, or that there is none yet."""
        self._thread.join(seconds)
        if self._error is not None:
            raise self._error
        return self._told


class Here:
    """The outside, asked. What several checks want is looked up once; they come in threads."""

    def __init__(self, outside: Outside, patience_s: float = PATIENCE_S) -> None:
        self.outside = outside
        self._patience_s = patience_s
        self.official = outside.official
        self.installation = outside.official.installation if outside.official else None
        self._known: dict[str, Any] = {}
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    def once(self, name: str, look: Callable[[], T]) -> T:
        """What `look` gives; whoever comes meanwhile waits for it."""
        with self._lock:
            lock = self._locks.setdefault(name, Lock())
        with lock:
            if name not in self._known:
                self._known[name] = look()
            found: T = self._known[name]
            return found

    # --- files --------------------------------------------------------------------------------

    def path(self, name: str) -> Path:
        """A place of the machine's file system."""
        return self.outside.root / name.lstrip("/")

    def text(self, name: str) -> str | None:
        """What a file of the machine says; None where it is not there or cannot be read."""
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def shown(self, words: object) -> str:
        """A path, or a text with paths, as the machine itself would write it."""
        root = str(self.outside.root)
        return str(words) if root == "/" else str(words).replace(root, "")

    def processes(self) -> Iterator[tuple[int, str, list[str]]]:
        """Pid, name and command line of everything that runs and may be seen."""
        for folder in self.path("proc").glob("[0-9]*"):
            name = self.text(f"proc/{folder.name}/comm")
            if name:
                line = self.text(f"proc/{folder.name}/cmdline") or ""
                yield int(folder.name), name, line.split("\0")

    def library(self, name: str) -> Path | None:
        """A shared library, where the loader would look for it (ld.so.conf among that)."""
        for folder in self.once("libraries", lambda: list(self._library_folders())):
            if (folder / name).exists():
                return folder / name
        return None

    def _library_folders(self) -> Iterator[Path]:
        yield from self.named_library_folders()
        for folder in LIBRARY_FOLDERS:
            yield self.path(folder)
            yield from self.path(folder).glob("*-linux-gnu")
        for conf in self.path("etc/ld.so.conf.d").glob("*.conf"):
            for line in (self.text(f"etc/ld.so.conf.d/{conf.name}") or "").splitlines():
                if line.startswith("/"):
                    yield self.path(line.strip())

    def named_library_folders(self) -> list[Path]:
        """Those of LD_LIBRARY_PATH."""
        named = self.outside.variables.get("LD_LIBRARY_PATH", "")
        return [self.path(one) for one in named.split(":") if one]

    # --- what is asked of others --------------------------------------------------------------

    @property
    def facts(self) -> SystemFacts:
        """What the machine is."""
        return self.once("facts", lambda: sut.describe(self.outside.root))

    def gpus(self) -> Gpus:
        """What NVML tells. A driver that hangs is waited for in a thread of its own."""
        answer = self.once("gpus", lambda: _Answer(self._ask_nvml))
        return answer.within(self._patience_s)

    def _ask_nvml(self) -> Gpus:
        try:
            source = self.outside.nvml()
        except SourceUnavailable as error:
            return Gpus(error=str(error))
        try:
            snapshot = source.sample()
            return Gpus(snapshot, tuple(source.health(one.index) for one in snapshot.devices))
        except SourceUnavailable as error:
            return Gpus(error=str(error))
        finally:
            source.close()

    @property
    def has_card(self) -> bool:
        """An NVIDIA GPU is on the bus, whether there is a driver or not."""
        devices = self.path("sys/bus/pci/devices")
        folders = devices.iterdir() if devices.is_dir() else ()
        return any(self._is_card(f"sys/bus/pci/devices/{one.name}") for one in folders)

    def _is_card(self, device: str) -> bool:
        kind = self.text(f"{device}/class") or ""
        return self.text(f"{device}/vendor") == NVIDIA and kind.startswith("0x03")

    def interpreter(self, python: Path | str) -> Interpreter | str:
        """What a Python tells of itself, or why it does not."""
        return self.once(f"python {python}", lambda: self._ask_python(str(python)))

    def _ask_python(self, python: str) -> Interpreter | str:
        try:
            answer = self.outside.output_of([python, "-I", "-c", ASKED], COMMAND_S)
        except OSError as error:
            return f"{self.shown(python)}: {error.strerror}"
        try:
            told = json.loads(answer.last_line)
            return Interpreter(told["version"], told["include"], told["ensurepip"])
        except (ValueError, KeyError, TypeError):
            said = answer.last_line or f"it ended with {answer.code}"
            return f"{self.shown(python)} does not run: {self.shown(said)}"

    def packages(self) -> dict[str, str]:
        """Name and version of what is installed in the official venv, by the names of files."""
        if self.official is None:
            return {}
        found = {}
        for folder in self.official.folder.glob("mlc/lib/python3*/site-packages/*.dist-info"):
            name, _, version = folder.name.removesuffix(".dist-info").partition("-")
            found[name.lower().replace("_", "-")] = version
        return found

    @property
    def cache(self) -> Path | None:
        """Where mlcr of the official installation keeps what it has made."""
        return self.installation.mlc_repos / "local/cache" if self.installation else None

    def cached(self, script: str) -> list[Path]:
        """The folders of a script in that cache."""
        return sorted(self.cache.glob(f"{script}_*")) if self.cache is not None else []

    def state_of(self, entry: Path) -> Mapping[str, Any]:
        """What a cached script handed on; empty where it was never completed."""
        state = home.read_json(entry / "mlc-cached-state.json")
        return state if isinstance(state, dict) else {}
