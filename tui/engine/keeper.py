"""Starts one command, waits for it, records its end. Stdlib only; imports nothing of ours.

    python -I -S keeper.py RUN_DIR [LOCK_FD]

The keeper leads the run's session and is its subreaper, so that what the command leaves behind
stays its child. It ignores INT, TERM and HUP, holds `child.lock` (and the installation's lock,
inherited as LOCK_FD) as long as anything of the run lives, and stands in no data path: the command
writes into `console.log` itself. `exit.json` is written the moment the command ends, into blocks
reserved before it started, so a full disk cannot lose it.

`child.lock` tells who is who while the run lives; a lock file that is not empty means: started
once, never again.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import sys
import time
from typing import Any, NoReturn

PR_SET_CHILD_SUBREAPER = 36
RESERVE_BYTES = 4096
ALREADY_STARTED = 75
RESET = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE)


def boot_id() -> str:
    """This boot's id: pids and CLOCK_BOOTTIME mean nothing beyond it."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def start_ticks(pid: int) -> int:
    """When `pid` started, in clock ticks since boot: /proc/PID/stat field 22."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])


def boottime() -> float:
    """Seconds since boot, suspended time included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def utc_now() -> str:
    """UTC, RFC 3339."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + "Z"


def lock_once(path: str) -> int:
    """Hold `path` for life; exit where the run is held or was started before."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(50):  # a reader that asks "is it held?" holds it for an instant
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.02)
    else:
        sys.exit(ALREADY_STARTED)
    if os.fstat(handle).st_size:
        sys.exit(ALREADY_STARTED)
    return handle


def tell(lock: int, who: dict[str, Any]) -> None:
    """Write who is who into the lock file."""
    os.pwrite(lock, json.dumps(who).encode(), 0)
    os.fsync(lock)


def reserve(path: str) -> None:
    """Take the blocks of exit.json now."""
    with open(path, "wb") as file:
        file.write(b" " * RESERVE_BYTES)
        file.flush()
        os.fsync(file.fileno())


def exec_command(
    run: dict[str, Any], console: str, report: int, lock: int, who: dict[str, Any]
) -> NoReturn:
    """In the child: become the command, or report the errno and end."""
    try:
        os.setpgid(0, 0)
        command = {"pid": os.getpid(), "start_ticks": start_ticks(os.getpid())}
        tell(lock, {**who, "command": command})  # before exec: no command lives unnamed
        for number in RESET:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        nothing = os.open(os.devnull, os.O_RDONLY)
        output = os.open(console, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(run["cwd"])
        os.execvpe(run["argv"][0], run["argv"], {**os.environ, **run["env_vars"]})
    except OSError as error:
        os.write(report, json.dumps([error.errno, error.strerror, error.filename]).encode())
    os._exit(127)


def start(
    run: dict[str, Any], console: str, lock: int, who: dict[str, Any]
) -> tuple[int, list[Any] | None]:
    """Start the command; its pid, and [errno, text, file] where it could not be started."""
    heard, report = os.pipe()  # closed by a successful exec
    pid = os.fork()
    if pid == 0:
        exec_command(run, console, report, lock, who)
    os.close(report)
    answer = os.read(heard, 65536)
    os.close(heard)
    return pid, json.loads(answer) if answer else None


def write_exit(folder: str, ended: dict[str, Any]) -> None:
    """exit.json, in the reserved blocks; what is left of them is given back."""
    part = os.path.join(folder, ".exit.reserve")
    with open(part, "r+b") as file:
        file.write(json.dumps(ended, indent=1).encode() + b"\n")
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, os.path.join(folder, "exit.json"))


def main() -> None:
    """Keep the run in sys.argv[1]."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    folder = sys.argv[1]
    if len(sys.argv) > 2:
        os.set_inheritable(int(sys.argv[2]), False)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    lock = lock_once(os.path.join(folder, "child.lock"))
    with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
        run = json.load(file)
    reserve(os.path.join(folder, ".exit.reserve"))
    boot, started, since = boot_id(), utc_now(), boottime()
    keeper = {"pid": os.getpid(), "start_ticks": start_ticks(os.getpid())}
    who = {"boot_id": boot, "started": started, "keeper": keeper}
    tell(lock, who)  # from here on it counts as started
    pid, failure = start(run, os.path.join(folder, "console.log"), lock, who)

    while True:
        try:
            ended, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return  # nothing of the run is left
        if ended != pid:
            continue  # something the command left behind
        write_exit(
            folder,
            {
                "status": status,
                "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                "spawn_error": failure,
                "rusage": {
                    "user_s": usage.ru_utime,
                    "system_s": usage.ru_stime,
                    "max_rss_bytes": usage.ru_maxrss * 1024,
                    "voluntary_switches": usage.ru_nvcsw,
                    "involuntary_switches": usage.ru_nivcsw,
                },
                "started": started,
                "ended": utc_now(),
                "started_boottime_s": since,
                "ended_boottime_s": boottime(),
                "boot_id": boot,
            },
        )


if __name__ == "__main__":
    main()
