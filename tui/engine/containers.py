"""Containers of a run: they are no descendants of its command, so a stop must find them itself.

`spec` puts the run's id on each as a label.
"""

from __future__ import annotations

from collections.abc import Sequence

from tui.engine import process

LABEL = "mlperf-tui.run"
LOOK_S = 5.0
GRACE_S = 5
"""What a container gets to end by itself."""


class Containers:
    """Those of one run, by docker's command.

    Args:
        run_id: the run's id.
        argv: what it was started with; without `--docker` there are none, and docker is not asked.
        docker: the command.
    """

    def __init__(self, run_id: str, argv: Sequence[str], docker: str = "docker") -> None:
        self._label = f"label={LABEL}={run_id}"
        self._may_exist = any(one == "--docker" or one.startswith("--docker=") for one in argv)
        self._docker = docker

    def ids(self) -> list[str]:
        """Those that run now; [] where docker does not answer."""
        if not self._may_exist:
            return []
        try:
            found = process.output_of([self._docker, "ps", "-q", "--filter", self._label], LOOK_S)
        except OSError:
            return []
        return found.text.split() if found.code == 0 else []

    def stop(self) -> None:
        """End them: gently, and after some seconds hard (`docker stop` does both)."""
        if ids := self.ids():
            process.output_of(
                [self._docker, "stop", "-t", str(GRACE_S), *ids], LOOK_S + 2 * GRACE_S
            )

    def kill(self) -> None:
        """End them at once."""
        if ids := self.ids():
            process.output_of([self._docker, "kill", *ids], LOOK_S)
