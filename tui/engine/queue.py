"""Tickets: whose turn it is on an installation. Two mlcr at once would share cache and tails.

A ticket is an empty file `<data root>/queue/<installation>/<order>-<run-id>`; to reorder the queue,
rename tickets. The first ticket whose run has a living supervisor is next; it starts when the
installation's lock is free. Nobody has to be running for that: there is no daemon.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from tui.engine.process import try_lock
from tui.engine.store import Run

STEP = 10
TICKET = re.compile(r"(\d+)-(.+)")


MOST_NAME = 60


def queue_folder(root: Path, installation: str) -> Path:
    """Where an installation's tickets lie: its path as one name, the same for every spelling."""
    if "/" not in installation:
        return root / "queue" / installation
    import hashlib

    path = str(Path(installation).resolve())
    digest = hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()[:8]
    return root / "queue" / f"{path.replace('/', '%')[-MOST_NAME:]}-{digest}"


def queue_of(run: Run) -> Queue:
    """The queue that a run waits in."""
    runs = run.folder.parent
    installation = str(run.stored_spec.get("installation", "embedded"))
    return Queue(queue_folder(runs.parent, installation), runs)


class Queue:
    """The queue of one installation."""

    def __init__(self, folder: Path, runs: Path) -> None:
        self._folder, self._runs = folder, runs

    def tickets(self) -> list[tuple[Path, str]]:
        """(ticket, run id), next first."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        found = [(int(match[1]), match[2], name) for name in names if (match := TICKET.match(name))]
        return [(self._folder / name, run_id) for _, run_id, name in sorted(found)]

    def enter(self, run: Run) -> None:
        """Take a ticket behind all others; keeps the one that the run has."""
        tickets = self.tickets()
        if any(run_id == run.id for _, run_id in tickets):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        last = max((int(ticket.name.partition("-")[0]) for ticket, _ in tickets), default=0)
        (self._folder / f"{last + STEP:06d}-{run.id}").touch()

    def leave(self, run: Run) -> None:
        """Give the run's ticket back."""
        for ticket, run_id in self.tickets():
            if run_id == run.id:
                ticket.unlink(missing_ok=True)

    def is_next(self, run: Run) -> bool:
        """No run with a living supervisor stands before this one."""
        for _, run_id in self.tickets():
            if run_id == run.id:
                return True
            if Run(self._runs / run_id).is_watched():
                return False
        return False

    def take_turn(self, run: Run) -> int | None:
        """The installation's lock, if it is this run's turn and nothing runs there; else None."""
        self.enter(run)
        if not self.is_next(run):
            return None
        path = self._folder / ".lock"
        lock = try_lock(path, retry_s=0)
        if lock is None:
            return None
        if not self.is_next(run) or self._is_holder_alive(lock):  # reordered meanwhile
            os.close(lock)
            return None
        os.ftruncate(lock, 0)
        os.pwrite(lock, run.id.encode(), 0)
        return lock

    def _is_holder_alive(self, lock: int) -> bool:
        """A killed keeper lets go of the lock while its command still runs."""
        holder = os.pread(lock, 256, 0).decode(errors="replace").strip()
        return bool(holder) and Run(self._runs / holder).is_command_alive()
