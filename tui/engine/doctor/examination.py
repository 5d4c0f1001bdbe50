"""Makes many checks at once, each in its time: one that hangs or breaks is *unknown*."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread

from tui.engine.doctor.check import Check, Checker, Finding, unknown
from tui.engine.doctor.here import Here, Outside


def run_checks(
    checks: Sequence[Checker], outside: Outside, most_s: float | None = None
) -> Iterator[Check]:
    """Make them all; each is given as soon as it is done, or its time is over.

    A check that hangs keeps its thread, which ends with the program: nothing waits for it.

    Args:
        checks: which.
        outside: what they look at.
        most_s: no check may take longer, whatever its own limit.
    """
    answers: SimpleQueue[tuple[Checker, Finding]] = SimpleQueue()
    limits = {one: min(one.limit_s, most_s or one.limit_s) for one in checks}
    here = Here(outside, 0.8 * min(limits.values(), default=0))
    begun = time.monotonic()
    for one in checks:
        name = f"doctor: {one.id}"
        Thread(target=_look, args=(one, here, answers), name=name, daemon=True).start()
    while limits:
        left = begun + min(limits.values()) - time.monotonic()
        try:
            done, finding = answers.get(timeout=max(0.0, left))
        except Empty:
            late = min(limits, key=lambda one: limits[one])
            seconds = limits.pop(late)
            yield late.done(unknown(f"no answer within {seconds:.2g} s"))
            continue
        if limits.pop(done, None) is not None:
            yield done.done(finding)


def _look(one: Checker, here: Here, answers: SimpleQueue[tuple[Checker, Finding]]) -> None:
    try:
        finding = one.look(here)
    except Exception as error:
        # Whatever a machine holds, one check that stumbles over it must not take down the rest.
        finding = unknown(f"the check itself failed: {type(error).__name__}: {error}")
    answers.put((one, finding))
