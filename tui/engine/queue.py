"""Tickets: whose turn it is on an installation. Two mlcr at once would share cache and tails.

A ticket is an empty file `<data root>/queue/<installation>/<order>-<run-id>`; to reorder the queue,
rename tickets. The first ticket whose run has a living supervisor is next; it starts when the
installation's lock is free. Nobody has to be running for that: there is no daemon.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from tui.engine.process import is_locked, try_lock
from tui.engine.store import Run, RunStore

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


def queues(root: Path) -> list[Queue]:
    """The queues of all installations below a data root."""
    try:
        folders = sorted(one for one in (root / "queue").iterdir() if one.is_dir())
    except OSError:
        return []
    return [Queue(one, root / "runs") for one in folders]


def live_runs(store: RunStore) -> tuple[list[str], list[str]]:
    """Ids of the runs that have their installation now, and of those that wait, next first."""
    running, waiting = [], []
    for queue in queues(store.root):
        holder = queue.holder()
        if holder:
            running.append(holder)
        waiting += [
            run_id
            for _, run_id in queue.tickets()
            if run_id != holder and (store.runs / run_id).is_dir()
        ]
    return running, waiting


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

    def place(self, run_id: str) -> int | None:
        """A run's place in the queue, from 1; None where it does not wait."""
        waiting = [one for _, one in self.tickets()]
        return waiting.index(run_id) + 1 if run_id in waiting else None

    def move(self, run_id: str, places: int) -> bool:
        """Move a waiting run some places back (forward, where negative); has anything changed?"""
        tickets = self.tickets()
        ids = [one for _, one in tickets]
        if run_id not in ids:
            return False
        at = ids.index(run_id)
        to = max(0, min(len(ids) - 1, at + places))
        if to == at:
            return False
        ids.insert(to, ids.pop(at))
        old = {one: ticket for ticket, one in tickets}
        for n, one in enumerate(ids, 1):
            wanted = self._folder / f"{n * STEP:06d}-{one}"
            if old[one] != wanted:
                with suppress(FileNotFoundError):  # it has started meanwhile
                    old[one].rename(wanted)
        return True

    def holder(self) -> str | None:
        """The run that has the installation now; None where nothing of ours runs there."""
        path = self._folder / ".lock"
        try:
            holder = path.read_text(errors="replace").strip()
        except OSError:
            return None
        run = Run(self._runs / holder)
        return holder if holder and (is_locked(path) or run.is_command_alive()) else None

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
