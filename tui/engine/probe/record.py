"""What the probe's body printed, as values. Lines that are not of the protocol are passed over."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui.engine.console import ConsoleReader, Phase

SILENCE_S = 60.0
"""Each step tells something far more often: longer, and the GPU hangs."""
LARGEST = 1e18
PARTS: dict[str, tuple[tuple[str, tuple[type, ...]], ...]] = {
    "packages": (("cupy", (list,)),),
    "processes": (("processes", (list,)),),
    "sign": (),
    "step": (("name", (str,)), ("nth", (int,)), ("of", (int,))),
    "device": (("name", (str,)), ("memory_total_bytes", (int,))),
    "gpu": (("when", (str,)),),
    "busy": (("processes", (list,)),),
    "shrunk": (("text", (str,)),),
    "metric": tuple((name, (int, float)) for name in ("value", "min", "max", "cv")),
    "curve": (("name", (str,)), ("points", (list,))),
    "check": (("name", (str,)),),
    "left_out": (("what", (str,)), ("type", (str,)), ("text", (str,))),
    "error": (("step", (str,)), ("type", (str,)), ("text", (str,))),
    "end": (("seconds", (int, float)),),
}
"""What each kind of line must hold."""


@dataclass
class Measured:
    """Everything that one body said so far."""

    cupy: list[dict[str, Any]] = field(default_factory=list)
    """The CuPy packages that are installed: name, version."""
    driver: str | None = None
    driver_cuda: str | None = None
    no_nvml: str | None = None
    """Why NVML shows nothing, in words; None where it does."""
    processes: list[dict[str, Any]] = field(default_factory=list)
    """Who computed on the machine's GPUs before: gpu, pid, user, command, memory_bytes."""
    device: dict[str, Any] | None = None
    gpu: list[dict[str, Any]] = field(default_factory=list)
    """NVML's word on the GPU: `when` is before, transfer, load, after or lost."""
    gone: list[dict[str, Any]] = field(default_factory=list)
    """GPUs that NVML cannot read: gpu, why (None: lost)."""
    busy: list[dict[str, Any]] = field(default_factory=list)
    """Those of `processes` that compute on the GPU that is measured."""
    is_busy: bool = False
    """Somebody does, though he may not be seen from here."""
    shrunk: list[str] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    step: str | None = None
    """The last one that began."""
    nth: int = 0
    of: int = 0
    seconds: float | None = None
    """How long it took; None until it has told its end."""

    def take(self, line: dict[str, Any]) -> None:
        """Take in one line of the protocol."""
        kind = line["probe"]
        about = {name: value for name, value in line.items() if name != "probe"}
        if kind == "step":
            self.step, self.nth, self.of = line["name"], line["nth"], line["of"]
        elif kind == "packages":
            self.cupy = _objects(line["cupy"])
            self.gone = _objects(line["gone"]) if isinstance(line.get("gone"), list) else []
            for name in ("driver", "driver_cuda", "no_nvml"):
                said = line.get(name)
                setattr(self, name, said if isinstance(said, str) else None)
        elif kind == "processes":
            self.processes = _objects(line["processes"])
        elif kind == "busy":
            self.is_busy = True
            self.busy += _objects(line["processes"])
        elif kind == "sign":
            return  # it lives
        elif kind in ("device", "error"):
            setattr(self, kind, about)
        elif kind == "end":
            self.seconds = line["seconds"]
        elif kind == "shrunk":
            self.shrunk.append(line["text"])
        else:
            {
                "gpu": self.gpu,
                "metric": self.metrics,
                "curve": self.curves,
                "check": self.checks,
                "left_out": self.left_out,
            }[kind].append(about)

    def readings(self, name: str, *when: str) -> list[Any]:
        """NVML's values of that name, in time; of those moments only, where some are named."""
        found = (one.get(name) for one in self.gpu if not when or one["when"] in when)
        return [one for one in found if one is not None]


def _objects(found: list[Any]) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)]


def parsed(raw: bytes) -> dict[str, Any] | None:
    """A line of the protocol; None for anything else that stands in a console."""
    if not raw.lstrip().startswith(b"{"):
        return None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("probe") not in PARTS:
        return None
    for name, kinds in PARTS[found["probe"]]:
        value = found.get(name)
        if not isinstance(value, kinds) or isinstance(value, bool):
            return None
        if isinstance(value, (int, float)) and not is_number(value):
            return None
    if found["probe"] == "metric":
        spreads = [found["cv"], found.get("iqr", 0.0)]
        if not isinstance(found.get("name"), str) or not all(map(is_number, spreads)):
            return None
        if min(*spreads, found["value"]) < 0:
            return None
    if found["probe"] == "gpu":
        return {name: value for name, value in found.items() if _is_plain(name, value)}
    return found


def is_number(value: Any) -> bool:
    """A finite number of a size that means something."""
    is_some = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_some and (isinstance(value, int) or math.isfinite(value)) and abs(value) < LARGEST


def _is_plain(name: str, value: Any) -> bool:
    """A reading's value of the kind that its readers count on."""
    if value is None or name in ("when", "compute_mode", "probe", "error"):
        return value is None or isinstance(value, str)
    if name in ("lost", "rows_pending", "rows_failed", "ecc"):
        return isinstance(value, bool)
    return is_number(value)


class ProbeReader(ConsoleReader):
    """Fed with a probe's console as it comes; gives its steps as phases, keeps the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.measured = Measured()
        self.lines = 0
        """Of the protocol, so far: while they come, it works."""

    def skip(self, data: bytes) -> None:
        """Nothing of a probe is ever too much to be read."""
        for _ in self.feed(data):
            pass

    def _read(self, text: bytes, end: int) -> Iterator[Phase]:
        at = 0
        for nth, raw in enumerate(text[1:end].split(b"\n")):
            found = parsed(raw)
            if found is not None:
                self.lines += 1
                self.measured.take(found)
                if found["probe"] == "step":
                    self.current = Phase(found["name"], self._offset + at, self._line + nth)
                    yield self.current
            at += len(raw) + 1


def read(console: Path) -> Measured:
    """What a probe's console.log holds.

    Raises:
        OSError: it cannot be read.
    """
    reader = ProbeReader()
    reader.skip(console.read_bytes())
    for _ in reader.end():
        pass
    return reader.measured
