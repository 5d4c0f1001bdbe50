"""Whose work is on a GPU: that of one run, or another's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tui.engine import process
from tui.engine.process import Identity, ProcStat

ENGINES = ("docker", "podman", "nerdctl", "apptainer", "singularity")
"""Commands that start a container, whose processes are no descendants of theirs."""
CONTAINER = re.compile(r"(?:docker|libpod|cri-containerd|crio)[-/]([0-9a-f]{12,64})")
PROC = Path("/proc")


class Whose:
    """Tells the processes of a run from others.

    By session (the keeper leads one of its own), by the tree below the keeper, by the mark in the
    environment; a container's processes by cgroup, where the run started a container before them.

    Args:
        run_id: the run's id.
        keeper: its keeper; None where it was not found.
    """

    def __init__(self, run_id: str, keeper: Identity | None) -> None:
        self._run_id, self._keeper = run_id, keeper
        self._known: dict[tuple[int, int], bool] = {}

    def ours(self, pids: Iterable[int]) -> set[int]:
        """Those of the run."""
        stats = {pid: process.proc_stat(pid) for pid in pids}
        new = [
            one for one in stats.values() if one and (one.pid, one.start_ticks) not in self._known
        ]
        if new:
            everyone = list(process.all_processes())
            tree = self._tree(everyone)
            for one in new:
                self._known[one.pid, one.start_ticks] = self._is_ours(one, tree, everyone)
        return {
            pid
            for pid, one in stats.items()
            if one is not None and self._known.get((one.pid, one.start_ticks))
        }

    def _tree(self, everyone: list[ProcStat]) -> set[int]:
        if self._keeper is None or not self._keeper.is_alive:
            return set()
        keeper = self._keeper.pid
        below = process.descendants(keeper, everyone)
        return below | {one.pid for one in everyone if one.session == keeper}

    def _is_ours(self, one: ProcStat, tree: set[int], everyone: list[ProcStat]) -> bool:
        if one.pid in tree or process.run_of(one.pid) == self._run_id:
            return True
        if container_of(one.pid) is None:
            return False
        starters = [
            each.start_ticks
            for each in everyone
            if each.pid in tree and _command(each.pid) in ENGINES
        ]
        return any(begun <= one.start_ticks for begun in starters)


def container_of(pid: int, proc: Path = PROC) -> str | None:
    """The id of the container that a process is in, by its cgroup; None where it is in none."""
    try:
        found = CONTAINER.search((proc / str(pid) / "cgroup").read_text(errors="replace"))
    except OSError:
        return None
    return found[1] if found else None


def _command(pid: int) -> str:
    try:
        return (PROC / str(pid) / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""
