"""Run folders: make, open, list, delete; and in which state a run is.

The folder alone is the truth. `state.json` is what the supervisor last wrote; whether that still
holds is asked of the locks (`current_state`).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tui.engine import home
from tui.engine.errors import NotFoundError, StartError, StorageError
from tui.engine.process import Identity, is_locked, try_lock
from tui.engine.spec import RunSpec

SCHEMA = 1
STATE_RESERVE_BYTES = 8192
SETTLED_NS = 2 * 10**9
LIVE = ("queued", "starting", "running", "stopping")
FINAL = ("finished", "failed", "stopped", "lost")
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[\w.-]+-[0-9a-f]{4}")


@dataclass(frozen=True)
class Cause:
    """Why a run failed."""

    code: str
    text: str
    fix: str | None = None
    line: int | None = None
    """Of console.log, from 1: the one that tells."""
    rerun_with: tuple[str, ...] | None = None
    """mlcr's options that would mend it."""

    @classmethod
    def from_json(cls, stored: object) -> Cause | None:
        """From state.json; None where it is none."""
        if not isinstance(stored, dict) or not {"code", "text"} <= stored.keys():
            return None
        fix, line, options = (stored.get(name) for name in ("fix", "line", "rerun_with"))
        return cls(
            str(stored["code"]),
            str(stored["text"]),
            str(fix) if fix else None,
            line if isinstance(line, int) else None,
            tuple(map(str, options)) if isinstance(options, list) and options else None,
        )


@dataclass(frozen=True)
class RunState:
    """What state.json holds."""

    state: str
    phase: str | None = None
    created: str | None = None
    started: str | None = None
    ended: str | None = None
    started_boottime_s: float | None = None
    """CLOCK_BOOTTIME, of `boot_id`: for durations."""
    ended_boottime_s: float | None = None
    boot_id: str | None = None
    pid: int | None = None
    start_ticks: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    cause: Cause | None = None

    @property
    def is_final(self) -> bool:
        """Nothing will change it any more."""
        return self.state in FINAL

    @property
    def duration_s(self) -> float | None:
        """Seconds from start to end."""
        if self.started_boottime_s is None or self.ended_boottime_s is None:
            return None
        return self.ended_boottime_s - self.started_boottime_s

    def to_json(self) -> dict[str, Any]:
        """As state.json holds it."""
        return {"schema": SCHEMA, **asdict(self), "duration_s": self.duration_s}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> RunState:
        """From state.json."""
        known = {
            name: stored[name]
            for name, kinds in STATE_PARTS.items()
            if isinstance(stored.get(name), kinds)
        }
        if known.get("state") not in (*LIVE, *FINAL):
            return cls("lost")
        return cls(**known, cause=Cause.from_json(stored.get("cause")))


STATE_PARTS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("state", "phase", "created", "started", "ended", "boot_id"), (str,)),
    **dict.fromkeys(("started_boottime_s", "ended_boottime_s"), (int, float)),
    **dict.fromkeys(("pid", "start_ticks", "exit_code", "signal"), (int,)),
}
"""What may stand in state.json; anything else there is left out."""


@dataclass(frozen=True)
class Run:
    """One run's folder. Everything is read when it is asked for."""

    folder: Path

    @property
    def id(self) -> str:
        """The run's id; ids sort by time."""
        return self.folder.name

    @property
    def console(self) -> Path:
        """Every byte that the command printed."""
        return self.folder / "console.log"

    @property
    def events(self) -> Path:
        """Phases, alerts, stop requests, one JSON object a line."""
        return self.folder / "events.jsonl"

    @property
    def results(self) -> Path:
        """What mlcr and LoadGen wrote."""
        return self.folder / "results"

    @property
    def supervisor_lock(self) -> Path:
        """Held while someone watches the run."""
        return self.folder / "supervisor.lock"

    @property
    def child_lock(self) -> Path:
        """Held while anything of the command lives; says who is who."""
        return self.folder / "child.lock"

    @cached_property
    def stored_spec(self) -> dict[str, Any]:
        """run.json as it is.

        Raises:
            NotFoundError: it is missing or damaged.
        """
        found = home.read_json(self.folder / "run.json")
        if not isinstance(found, dict):
            raise NotFoundError(f"{self.folder / 'run.json'} is missing or damaged")
        return found

    @property
    def spec(self) -> RunSpec:
        """What was to be run.

        Raises:
            NotFoundError: run.json is missing, damaged, or of another version.
        """
        try:
            return RunSpec.from_json(self.stored_spec)
        except (KeyError, TypeError) as error:
            path = self.folder / "run.json"
            raise NotFoundError(f"{path} is of another version: {error}") from error

    @property
    def stored_state(self) -> RunState:
        """state.json as it is; `lost` where it is missing or damaged."""
        found = home.read_json(self.folder / "state.json")
        return RunState.from_json(found) if isinstance(found, dict) else RunState("lost")

    @property
    def exit(self) -> dict[str, Any] | None:
        """exit.json, once the command has ended."""
        found = home.read_json(self.folder / "exit.json")
        return found if isinstance(found, dict) else None

    @property
    def result(self) -> list[dict[str, Any]] | None:
        """result.json, once the run has been judged; what another version wrote is left out."""
        found = home.read_json(self.folder / "result.json")
        return [one for one in found if _is_result(one)] if isinstance(found, list) else None

    @property
    def probe(self) -> dict[str, Any] | None:
        """result.json of a health probe, once it has been judged; None for any other run."""
        found = home.read_json(self.folder / "result.json")
        return _probe_of(found) if isinstance(found, dict) else None

    def was_started(self) -> bool:
        """A keeper has started the command, or is about to."""
        return is_locked(self.child_lock) or self.identity("keeper") is not None

    def withdraw(self) -> bool:
        """Make sure that no keeper ever starts this run; False where one has it already."""
        lock = try_lock(self.child_lock)
        if lock is None:
            return False
        try:
            if self.identity("keeper") is None:
                os.pwrite(lock, b'{"withdrawn": true}', 0)  # a keeper takes an empty lock only
                return True
            return False
        finally:
            os.close(lock)

    def identity(self, who: str) -> Identity | None:
        """`keeper` or `command`, as child.lock tells."""
        found = home.read_json(self.child_lock)
        one = found.get(who) if isinstance(found, dict) else None
        return _identity(one, found) if one else None

    @property
    def supervisor(self) -> Identity | None:
        """Who holds supervisor.lock, or held it last."""
        found = home.read_json(self.supervisor_lock)
        return _identity(found, found)

    def is_command_alive(self) -> bool:
        """Something of the command lives. A killed keeper lets go of the lock before that."""
        if is_locked(self.child_lock):
            return True
        command = self.identity("command")
        return command is not None and command.is_alive and self.exit is None

    def is_watched(self) -> bool:
        """A supervisor is there."""
        return is_locked(self.supervisor_lock)

    def current_state(self) -> RunState:
        """The stored state, or `lost` where the command is gone and nothing says how it ended."""
        stored = self.stored_state
        if stored.state == "lost" and self.is_command_alive():
            return replace(stored, state="running")  # state.json is damaged, the run is not
        if stored.is_final or self.is_watched():
            return stored
        if self.was_started() and self.exit is None and not self.is_command_alive():
            return replace(stored, state="lost")
        return stored

    def write_state(self, state: RunState, *, durable: bool) -> None:
        """Replace state.json. A final state is written from the reserve where the disk is full."""
        text = home.to_json(state.to_json())
        try:
            home.write_atomic(self.folder / "state.json", text, durable=durable)
        except OSError:
            if not state.is_final:
                raise
            home.write_from_reserve(self._state_reserve, self.folder / "state.json", text)
        if state.is_final:
            self._state_reserve.unlink(missing_ok=True)

    @property
    def _state_reserve(self) -> Path:
        return self.folder / ".state.reserve"


def _identity(one: Any, lock: Any) -> Identity | None:
    """A process as a lock file names it; None where that is damaged."""
    try:
        return Identity(int(one["pid"]), int(one["start_ticks"]), str(lock["boot_id"]))
    except (KeyError, TypeError, ValueError):
        return None


RESULT_PARTS: Mapping[str, tuple[type, ...]] = {
    "path": (str,), "kind": (str,), "verdict": (str,), "reasons": (list,), "official": (dict,),
    "metric": (dict, type(None)), "accuracy": (dict, type(None)),
    "latency_ns": (dict, type(None)), "host_checks": (list,), "benchmark": (str, type(None)),
    "scenario": (str, type(None)), "samples": (int, type(None)), "queries": (int, type(None)),
    "duration_s": (int, float, type(None)), "errors": (int, type(None)),
    "warnings": (int, type(None)),
}  # fmt: skip
"""What every reader of a result counts on."""


Kinds = Mapping[str, tuple[type, ...]]
NUMBER, NOTHING = (int, float), type(None)
PROBE_PARTS: Kinds = {
    "verdict": (str, NOTHING), "device": (dict, NOTHING), "reasons": (list,), "notes": (list,),
    "metrics": (list,), "quick": (bool,), "seconds": (*NUMBER, NOTHING),
}  # fmt: skip
"""The same of a probe's; below, of what its lists hold."""
WHY_PARTS: Kinds = {"code": (str,), "text": (str,), "fix": (str, NOTHING)}
PROBE_LISTS: Mapping[str, Kinds] = {
    "reasons": WHY_PARTS,
    "notes": WHY_PARTS,
    "metrics": {
        **dict.fromkeys(("name", "title", "unit", "better"), (str,)),
        **dict.fromkeys(("value", "cv", "min", "max", "smallest_pct"), NUMBER),
        **dict.fromkeys(("ceiling", "floor", "baseline", "delta_pct"), (*NUMBER, NOTHING)),
        **dict.fromkeys(("slow", "unsettled"), (str, NOTHING)),
        "graded": (bool,),
    },
    "curves": {"name": (str,), "points": (list,)},
    "checks": {"name": (str,)},
    "readings": {"when": (str,)},
}


def _probe_of(found: dict[str, Any]) -> dict[str, Any] | None:
    """A probe's result, its lists without what another version wrote or a hand has spoilt."""
    if not _has(found, PROBE_PARTS):
        return None
    given = {name: found.get(name) for name in PROBE_LISTS}
    lists = {
        name: [one for one in some if _has(one, PROBE_LISTS[name])]
        if isinstance(some, list)
        else []
        for name, some in given.items()
    }
    return {**found, **lists}


def _has(one: Any, parts: Kinds) -> bool:
    return isinstance(one, dict) and all(
        name in one and isinstance(one[name], kinds) for name, kinds in parts.items()
    )


def _is_result(found: Any) -> bool:
    return isinstance(found, dict) and all(
        name in found and isinstance(found[name], kinds) for name, kinds in RESULT_PARTS.items()
    )


class RunStore:
    """All runs below a data root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs = root / "runs"
        self._ids: list[str] = []
        self._listed_ns = -1

    def new_id(self, spec: RunSpec) -> str:
        """An id for now. Its four hex digits are the second's fraction: ids sort by time."""
        seconds, fraction = divmod(time.time_ns(), 10**9)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
        return f"{stamp}-{spec.benchmark}-{spec.scenario}-{fraction * 65536 // 10**9:04x}"

    def create(self, spec: RunSpec, facts: Mapping[str, Any]) -> Run:
        """Make a run's folder, complete and durable, in the state `queued`.

        Args:
            spec: what to run, its folder not yet put in.
            facts: the machine, as `sut.describe` tells.

        Raises:
            StorageError: the folder cannot be made.
            StartError: the disk is too full for this run.
        """
        from importlib.metadata import PackageNotFoundError, version

        home.require_writable(self.root)
        require_space(self.root, spec.disk_bytes)
        try:
            product = version(home.APP)
        except PackageNotFoundError:
            product = "unknown (a bare checkout without metadata)"
        created = home.utc_now()
        try:
            run = self._make_folder(spec)
        except OSError as error:
            raise StorageError(f"a run cannot be kept in {self.runs}: {error.strerror}") from error
        stored = {
            "schema": SCHEMA,
            "id": run.id,
            "created": created,
            **spec.bound_to(run.folder).to_json(),
            "product_version": product,
            "host": dict(facts),
        }
        try:
            (run.folder / "work").mkdir()
            run.results.mkdir()
            run.console.touch(mode=0o600)
            home.write_reserve(run.folder / ".state.reserve", STATE_RESERVE_BYTES)
            home.write_atomic(run.folder / "run.json", home.to_json(stored), durable=True)
            # Last: a folder without a state is not a run that waits.
            run.write_state(RunState("queued", created=created), durable=True)
        except BaseException as error:  # Ctrl-C too: no half of a run stays
            self.delete(run)
            if not isinstance(error, OSError):
                raise
            raise StorageError(f"a run cannot be kept in {self.runs}: {error.strerror}") from error
        return run

    def _make_folder(self, spec: RunSpec) -> Run:
        self.runs.mkdir(mode=0o700, exist_ok=True)
        while True:
            run = Run(self.runs / self.new_id(spec))
            try:
                run.folder.mkdir(mode=0o700)
                return run
            except FileExistsError:
                time.sleep(0.0001)

    def ids(self) -> list[str]:
        """Ids of all runs, newest first: the folder's names, read again when it has changed."""
        try:
            changed_ns = os.stat(self.runs).st_mtime_ns
            names = os.listdir(self.runs) if changed_ns != self._listed_ns else []
        except (FileNotFoundError, NotADirectoryError):
            return []
        if changed_ns != self._listed_ns:
            self._ids = sorted(filter(RUN_ID.fullmatch, names), reverse=True)
            # Another change may follow within the clock's grain and leave the same time.
            is_settled = time.time_ns() - changed_ns > SETTLED_NS
            self._listed_ns = changed_ns if is_settled else -1
        return self._ids

    def __iter__(self) -> Iterator[Run]:
        """All runs, newest first."""
        return (Run(self.runs / one) for one in self.ids())

    def last(self, most: int) -> list[Run]:
        """The newest runs whose run.json can be read."""
        found: list[Run] = []
        for run in self:
            if len(found) == most:
                break
            if home.read_json(run.folder / "run.json") is not None:
                found.append(run)
        return found

    def open(self, name: str) -> Run:
        """The run named by `latest`, its id, or any unambiguous prefix of it.

        Raises:
            NotFoundError: no run, or more than one, has that name.
        """
        ids = self.ids()
        if name == "latest" and ids:
            return Run(self.runs / ids[0])
        found = [one for one in ids if one.startswith(name)] if name else []
        if name in found:
            found = [name]
        if len(found) == 1:
            return Run(self.runs / found[0])
        if not found:
            raise NotFoundError(f"no run '{name}'; `mlperf-tui runs` lists them")
        raise NotFoundError(f"'{name}' could be any of {len(found)} runs: {', '.join(found[:5])} …")

    def delete(self, run: Run) -> None:
        """Remove a run's folder; the caller has made sure that it is over.

        Raises:
            StorageError: something of it cannot be removed.
        """
        import shutil

        try:
            shutil.rmtree(run.folder)
        except OSError as error:
            raise StorageError(f"{run.folder} cannot be removed: {error.strerror}") from error


def free_bytes(folder: Path) -> int:
    """Bytes that we may still write below `folder`."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def require_space(folder: Path, needed: int) -> None:
    """Raise StartError where fewer than `needed` bytes are free below `folder`."""
    free = free_bytes(folder)
    if free < needed:
        raise StartError(
            f"{folder} has {free / 1e6:,.0f} MB free, this run needs {needed / 1e6:,.0f} MB: "
            "make room, or set MLPERF_TUI_HOME to another disk"
        )
