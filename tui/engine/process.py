"""The only module (beside the keeper) that starts, finds or signals a process, or locks a file."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

RUN_MARK = "MLPERF_TUI_RUN"
"""Environment variable of every process of a run: by it leftovers are found."""
KEEPER = Path(__file__).with_name("keeper.py")
HANDSHAKE_S = 15.0
LOCK_RETRY_S = 0.5
LOOK_S = 0.1
STOPPING = ((signal.SIGINT, 5.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
"""Signal, and seconds until the next: how a child of ours is stopped."""


@cache
def boot_id() -> str:
    """This boot's id: pids and CLOCK_BOOTTIME mean nothing beyond it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def boottime() -> float:
    """Seconds since boot, suspended time included: for every duration."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


# --- locks ------------------------------------------------------------------------------------


def try_lock(path: Path, retry_s: float = LOCK_RETRY_S) -> int | None:
    """Hold `path` with flock until the returned handle is closed; None where another holds it.

    Args:
        path: the lock file; made where it is missing.
        retry_s: how long to try, because `is_locked` holds a lock for an instant.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + retry_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() >= end:
                os.close(handle)
                return None
            time.sleep(0.02)


def is_locked(path: Path | str) -> bool:
    """Does any process hold `path`? False where there is no such file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)


# --- who is who -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    start_ticks: int
    boot_id: str

    @property
    def is_alive(self) -> bool:
        """It runs (a zombie does not)."""
        if self.boot_id != boot_id():
            return False
        found = proc_stat(self.pid)
        return found is not None and found.start_ticks == self.start_ticks and found.state != "Z"


@dataclass(frozen=True)
class ProcStat:
    """What /proc/PID/stat tells."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    start_ticks: int


def proc_stat(pid: int) -> ProcStat | None:
    """/proc/PID/stat, or None where there is no such process, or none that we may see."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # hidepid: another user's
        return None
    return ProcStat(
        pid,
        fields[0].decode(),
        int(fields[1]),
        int(fields[2]),
        int(fields[3]),
        int(fields[19]),
    )


def all_processes() -> Iterator[ProcStat]:
    """Every process that is not a zombie."""
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := proc_stat(int(name))) and found.state not in "ZX":
            yield found


def run_of(pid: int) -> str | None:
    """The id of the run that `pid` belongs to, by its environment; None where not readable."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            for entry in file.read().split(b"\0"):
                name, _, value = entry.partition(b"=")
                if name == RUN_MARK.encode():
                    return value.decode(errors="replace")
    except OSError:
        return None  # it has ended, or is another user's
    return None


def run_processes(run_id: str, keeper: Identity | None) -> list[ProcStat]:
    """Every living process of a run but its keeper.

    By three nets: the keeper's descendants (it is subreaper), its session, and the mark in the
    environment, which also finds what a killed keeper left.
    """
    everyone = list(all_processes())
    ours: set[int] = set()
    if keeper is not None:
        if keeper.is_alive:
            ours = descendants(keeper.pid, everyone)
        holder = proc_stat(keeper.pid)  # the pid may be another's by now, session and all
        is_same = holder is None or holder.start_ticks == keeper.start_ticks
        if keeper.boot_id == boot_id() and is_same:
            ours |= {one.pid for one in everyone if one.session == keeper.pid}
        ours.discard(keeper.pid)
    return [one for one in everyone if one.pid in ours or run_of(one.pid) == run_id]


def descendants(pid: int, everyone: Sequence[ProcStat]) -> set[int]:
    """The pids below `pid` in the tree of `everyone`."""
    children: dict[int, list[int]] = {}
    for one in everyone:
        children.setdefault(one.parent, []).append(one.pid)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


# --- signals ----------------------------------------------------------------------------------


def signal_processes(targets: Sequence[ProcStat], number: int, *, group: int | None) -> None:
    """Send `number`, then CONT (a stopped process takes no signal but KILL), to `targets`.

    Args:
        targets: who they were a moment ago; a pid that was given away since is left alone.
        number: the signal.
        group: the command's process group, signalled as one where it is among the targets, so
            that nobody escapes by forking meanwhile.
    """
    if group is not None and any(one.group == group for one in targets):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            os.killpg(group, signal.SIGCONT)
    for one in targets:
        if one.group != group or group is None:
            signal_one(one, number)


def signal_one(target: ProcStat, number: int) -> None:
    """Send `number`, then CONT, to that very process."""
    with suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(target.pid)
        try:
            now = proc_stat(target.pid)
            if now is not None and now.start_ticks == target.start_ticks:
                signal.pidfd_send_signal(handle, number)
                signal.pidfd_send_signal(handle, signal.SIGCONT)
        finally:
            os.close(handle)


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Ctrl-C comes after the block, not within it: for what must not be left half done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- starting ---------------------------------------------------------------------------------


def start_detached(arguments: Sequence[str], log: Path) -> str | None:
    """Start `python -I -m ARGUMENTS… FD` in a session of its own, and wait for its word.

    The process forks once more, so that it is nobody's child, and writes "ok" to FD when it holds
    what it needs.

    Returns:
        None when it is up, else why it is not.
    """
    import subprocess

    heard, told = os.pipe()
    try:
        with open(log, "ab") as output:
            child = subprocess.Popen(
                [sys.executable, "-I", "-m", *arguments, str(told)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=(told,),
                cwd="/",
            )
        os.close(told)
        told = -1
        child.wait()
        word = read_until_closed(heard, HANDSHAKE_S)
    finally:
        os.close(heard)
        if told >= 0:
            os.close(told)
    if word == b"ok":
        return None
    last = log.read_text(errors="replace").strip().rpartition("\n")[2]
    return word.decode(errors="replace") or last or f"it ended without a word; see {log}"


def read_until_closed(handle: int, seconds: float) -> bytes:
    """What is written to a pipe until its last writer closes it, or for `seconds`."""
    import select

    found, end = b"", time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([handle], [], [], left)[0]:
            break
        part = os.read(handle, 4096)
        if not part:
            break
        found += part
    return found


def daemonize() -> None:
    """Second fork of a detached process: the first ends, so that its starter need not wait."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork():
        os._exit(0)


def start_keeper(folder: Path, log: Path, lock: int | None) -> subprocess.Popen[bytes]:
    """Start the keeper of a run; it goes on when we do not.

    Args:
        folder: the run's folder.
        log: where its own errors go.
        lock: the installation's lock, which the keeper then holds too.
    """
    import subprocess

    handles: tuple[int, ...] = () if lock is None else (lock,)
    with open(log, "ab") as output:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), str(folder), *map(str, handles)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=handles,
            cwd="/",
        )


# --- what a command says ----------------------------------------------------------------------

MOST_OUTPUT = 65536


@dataclass(frozen=True)
class Output:
    """What a command printed, and how it ended."""

    code: int | None
    """Its exit status (negative: the signal); None: it was not over in time, and was killed."""
    text: str
    """Its first `MOST_OUTPUT` bytes, errors among them."""

    @property
    def last_line(self) -> str:
        """The last line that says something."""
        return self.text.strip().rpartition("\n")[2]


def output_of(
    argv: Sequence[str],
    seconds: float,
    env_vars: Mapping[str, str] | None = None,
    *,
    is_whole: bool = False,
) -> Output:
    """Run a command that shall end soon: no terminal, a session of its own, nothing left of it.

    Args:
        argv: the command; no shell looks at it.
        seconds: after that it is killed, with everything in its group.
        env_vars: over our own environment variables.
        is_whole: they are all, in place of ours.

    Raises:
        OSError: it cannot be started.
    """
    import subprocess

    child = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**({} if is_whole else os.environ), **(env_vars or {})},
        cwd="/",
    )
    assert child.stdout is not None
    end = time.monotonic() + seconds
    try:
        text = _read_for(child.stdout.fileno(), end)
        code = child.wait(max(0.01, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        code = None
    finally:
        child.stdout.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    if code is None:
        with suppress(subprocess.TimeoutExpired):  # in the kernel's hands: it ends when it can
            child.wait(0.2)
    return Output(code, text.decode(errors="replace"))


def _read_for(handle: int, end: float) -> bytes:
    """What comes until the last writer is gone or `end`; of much only the beginning is kept."""
    import select

    found = b""
    while (left := end - time.monotonic()) > 0 and select.select([handle], [], [], left)[0]:
        part = os.read(handle, 65536)
        if not part:
            break
        found += part[: MOST_OUTPUT - len(found)]
    return found


def ask(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, seconds: float = 20.0
) -> Output:
    """The same where nothing can go wrong but the answer: what cannot be started says why in it.

    Args:
        argv: the command.
        env: its whole environment; None: ours.
        seconds: after that it is killed.
    """
    try:
        found = output_of(argv, seconds, env, is_whole=env is not None)
    except OSError as error:
        return Output(None, f"{argv[0]}: {error.strerror}")
    return found if found.code is not None else Output(None, f"no answer within {seconds:.0f} s")


# --- children that we wait for ------------------------------------------------------------------


class Child:
    """A command in a session of its own, without a terminal, its output read as it comes."""

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, mark: str
    ) -> None:
        """Start it.

        Args:
            argv: the command.
            env: its whole environment.
            cwd: where it works.
            mark: by this its processes are found again, by us or by a later process of ours.

        Raises:
            OSError: it cannot be started.
        """
        import subprocess

        self._mark = mark
        self._child = subprocess.Popen(
            list(argv),
            env={**env, RUN_MARK: mark},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def output(self, is_stopped: Callable[[], bool]) -> Iterator[bytes]:
        """What it prints, in pieces as they come, until it has ended or `is_stopped`."""
        import select

        assert self._child.stdout is not None
        handle = self._child.stdout.fileno()
        while not is_stopped():
            if select.select([handle], [], [], LOOK_S)[0]:
                if not (piece := os.read(handle, 65536)):
                    return
                yield piece
            elif self._child.poll() is not None:
                return  # what it left behind may hold the pipe for ever

    def wait(self) -> int:
        """Its exit code, negative for a signal."""
        return self._child.wait()

    def stop(self) -> None:
        """Bring it and all that it started to an end; harmless where it has ended."""
        end_marked(self._mark)
        self._child.wait()

    def close(self) -> None:
        """Let go of its output."""
        if self._child.stdout is not None:
            self._child.stdout.close()


def end_marked(mark: str) -> int:
    """Stop every process with that mark: gently, then hard; how many there were."""
    found = len(run_processes(mark, None))
    for number, seconds in STOPPING:
        signal_processes(left := run_processes(mark, None), number, group=None)
        end = time.monotonic() + seconds
        while left and time.monotonic() < end:
            time.sleep(0.02)
            left = run_processes(mark, None)
        if not left:
            break
    return found
