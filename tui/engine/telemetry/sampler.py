"""Samples a source at its pace in a thread of its own: a hanging driver stops nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from tui.engine.process import boottime
from tui.engine.telemetry.gpus import GpuSnapshot
from tui.engine.telemetry.host import HostSample
from tui.engine.telemetry.reading import SourceUnavailable

RETRY_S = 5.0
"""A driver that is not there is looked for so often."""
LEAST_SILENCE_S = 2.0
"""At whatever pace it is read: a driver that is busy may take 100 ms for a call."""
STALE_PERIODS = 2
"""What is older than so many periods is no news."""

T = TypeVar("T")


class GpuSource(Protocol):
    """What tells of the GPUs."""

    def sample(
        self, *, slow: bool = True, counters: bool = True, usage: bool = False
    ) -> GpuSnapshot:
        """All of them, now; see NvmlSource."""

    @property
    def is_any_lost(self) -> bool:
        """Only a new source can tell whether what was lost is back."""

    def close(self) -> None:
        """Let go."""


class HostTeller(Protocol):
    """What tells of the host."""

    def sample(self) -> HostSample:
        """The host, now."""


@dataclass(frozen=True)
class Latest(Generic[T]):
    """What is known by now, and how old it is."""

    sample: T | None
    """None before the first."""
    at_s: float | None
    """CLOCK_BOOTTIME of the sample."""
    period_s: float
    error: str | None = None
    """Why there is nothing to read; None while there is, or while an answer is awaited."""
    waiting_since_s: float | None = None
    """The source was asked then and has not answered yet."""

    def age_s(self, now: float) -> float | None:
        """Seconds since the sample was taken."""
        return max(0.0, now - self.at_s) if self.at_s is not None else None

    def silent_s(self, now: float) -> float | None:
        """For how long it has not answered, once that is longer than it should be; else None."""
        if self.error is not None:
            return None
        since = self.at_s if self.at_s is not None else self.waiting_since_s
        if since is None or now - since <= max(STALE_PERIODS * self.period_s, LEAST_SILENCE_S):
            return None
        return now - since


class Sampler(Generic[T]):
    """Takes samples until it is stopped, and looks again for a source that went away.

    Args:
        make: connects to the source; raises SourceUnavailable where there is none.
        take: takes one sample of the source.
        period_s: seconds between samples.
        heard: called with every sample and its CLOCK_BOOTTIME, in the sampler's thread.
        lost: is the source to be made anew, because a part of it is lost?
        retry_s: seconds after which a source that went away is looked for again.
        clock: CLOCK_BOOTTIME in seconds.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        take: Callable[[Any], T],
        period_s: float = 1.0,
        heard: Callable[[T, float], None] | None = None,
        lost: Callable[[Any], bool] = lambda source: False,
        retry_s: float = RETRY_S,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self._clock = clock
        self._make, self._take, self._heard, self._is_lost = make, take, heard, lost
        self._retry_s = retry_s
        self._stopped, self._hurry = False, threading.Event()
        self._period_s = period_s
        self._latest: Latest[T] = Latest(None, None, period_s)
        self._thread: threading.Thread | None = None

    @property
    def latest(self) -> Latest[T]:
        """What is known by now; never waits."""
        return replace(self._latest, period_s=self._period_s)

    @property
    def is_running(self) -> bool:
        """It samples, or waits for an answer."""
        return self._thread is not None and self._thread.is_alive() and not self._stopped

    def start(self) -> None:
        """Begin, or begin again."""
        if self._thread is None or not self._thread.is_alive():
            self._stopped = False
            self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
            self._thread.start()

    def stop(self, wait_s: float = 0.0) -> None:
        """End; a hanging source is waited for `wait_s` at most and then left behind."""
        self._stopped = True
        self._hurry.set()
        if self._thread is not None and wait_s:
            self._thread.join(wait_s)

    def set_period(self, period_s: float) -> None:
        """Sample so often from now on, beginning at once."""
        self._period_s = period_s
        self._hurry.set()

    def _update(self, **changes: Any) -> None:
        """In the sampler's thread alone."""
        self._latest = replace(self._latest, **changes)

    def _run(self) -> None:
        while not self._stopped:
            self._update(waiting_since_s=self._clock())
            try:
                self._sample_until_gone(self._make())
                continue  # a part is lost: is it back?
            except SourceUnavailable as error:
                self._update(error=str(error), waiting_since_s=None)
            except Exception as error:  # whatever a driver does: said, and tried again
                self._update(error=f"reading failed: {error!r}", waiting_since_s=None)
            if not self._stopped:
                self._hurry.wait(self._retry_s)
                self._hurry.clear()

    def _sample_until_gone(self, source: Any) -> None:
        """Until it is stopped, or until a source of which a part is lost is to be made anew."""
        begun = due = self._clock()
        try:
            while not self._stopped:
                self._update(waiting_since_s=self._clock())
                sample = self._take(source)
                now = self._clock()
                self._update(sample=sample, at_s=now, error=None, waiting_since_s=None)
                if self._heard is not None:
                    self._heard(sample, now)
                if not self._is_lost(source):
                    begun = now
                elif now - begun >= self._retry_s:
                    return
                due = max(due + self._period_s, self._clock())
                if self._hurry.wait(max(0.0, due - self._clock())):
                    self._hurry.clear()
                    due = self._clock()
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()


def gpu_sampler(
    make: Callable[[], GpuSource],
    period_s: float = 1.0,
    retry_s: float = RETRY_S,
    clock: Callable[[], float] = boottime,
    heard: Callable[[GpuSnapshot, float], None] | None = None,
) -> Sampler[GpuSnapshot]:
    """For looking: everything that there is to see, once a second."""
    return Sampler(
        make,
        lambda source: source.sample(usage=True),
        period_s,
        heard,
        lost=lambda source: source.is_any_lost,
        retry_s=retry_s,
        clock=clock,
    )


def host_sampler(
    make: Callable[[], HostTeller], period_s: float = 1.0, clock: Callable[[], float] = boottime
) -> Sampler[HostSample]:
    """The host, once a second."""
    return Sampler(make, lambda source: source.sample(), period_s, clock=clock)
