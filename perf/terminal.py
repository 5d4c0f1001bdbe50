"""A program in a pseudo-terminal: what it sends, how long it takes, what CPU it needs."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from pathlib import Path


class Terminal:
    """One program in a terminal of its own, whose output is read all the time."""

    def __init__(self, argv: Sequence[str], root: Path, width: int = 200, height: int = 50) -> None:
        env = {
            **os.environ,
            "MLPERF_TUI_HOME": str(root),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "TEXTUAL_ANIMATIONS": "none",
        }
        for name in ("NO_COLOR", "PYTHONDONTWRITEBYTECODE", "LC_ALL"):
            env.pop(name, None)
        self.started = time.monotonic()
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
            os.execvpe(argv[0], list(argv), env)
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.sent = bytearray()
        """Everything that came since the last `clear`."""
        self.count = 0
        """Bytes in all."""

    def read(self, seconds: float) -> bool:
        """Take in what comes within that time; did anything?"""
        if not select.select([self._handle], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._handle, 1 << 16)
        except OSError:
            return False
        self.sent += data
        self.count += len(data)
        return True

    def drain(self, seconds: float) -> None:
        """Take in everything for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def clear(self) -> None:
        """Forget what came so far."""
        self.sent.clear()

    def until(self, words: str, seconds: float = 60) -> float:
        """Seconds until these words have come; RuntimeError where they do not."""
        begin = time.monotonic()
        while words.encode() not in self.sent:
            left = begin + seconds - time.monotonic()
            if left <= 0:
                raise RuntimeError(f"'{words}' did not come within {seconds} s")
            self.read(min(left, 0.5))
        return time.monotonic() - begin

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._handle, keys.encode())

    def cpu_s(self) -> float:
        """CPU seconds of all its threads so far."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def rss_bytes(self, name: str = "VmRSS") -> int:
        """Resident memory; VmHWM: the most so far."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
        return 0

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._handle)
