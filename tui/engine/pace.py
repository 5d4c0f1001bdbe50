"""How a run goes on: its silences, and what takes longer than it ever did.

Knows no file and no clock: it is told what happens, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

NOTEWORTHY_S = 5.0
"""Shorter silences are not kept."""
PATIENCE_S = 60.0
"""So much more than ever before is needed at least, to be told of."""
STILL_S = 600.0
"""Without a line, and without a byte read or written: it may hang."""
LOADGEN = "loadgen"


@dataclass(frozen=True)
class Learned:
    """How long a phase took in earlier runs of the same kind; seconds."""

    median_s: float
    longest_s: float
    runs: int


@dataclass(frozen=True)
class Silence:
    """A time without a line."""

    seconds: float
    line: int
    """The last line before it."""


PhaseKey = tuple[str, str | None, str | None]
"""A phase, and LoadGen's scenario and mode where it belongs to a part."""


class Pace:
    """Told of lines, phases and bytes; tells of silences and stalls.

    Args:
        learned: what earlier runs took.
    """

    def __init__(self, learned: Mapping[PhaseKey, Learned]) -> None:
        self._learned = learned
        self._phase: PhaseKey | None = None
        self._since: float | None = None
        self._heard: float | None = None
        self.line = 0
        """The last line that was read."""
        self._longest = Silence(0.0, 0)
        self._moved = 0
        self._moved_at: float | None = None
        self._has_told = False
        self.expected_s: float | None = None
        """How long LoadGen's part should take, where that is known."""

    def enter(self, phase: PhaseKey, now: float) -> Silence | None:
        """Another phase has begun; gives the longest silence of the last one, if worth a word."""
        ended, self._longest = self._longest, Silence(0.0, 0)
        self._phase, self._since, self.expected_s = phase, now, None
        self._has_told = False
        return ended if ended.seconds >= NOTEWORTHY_S else None

    def heard(self, now: float) -> None:
        """The console has grown."""
        if self._heard is not None:
            self._longest = max(
                self._longest, Silence(now - self._heard, self.line), key=lambda one: one.seconds
            )
        self._heard = now

    def moved(self, total_bytes: int, now: float) -> None:
        """The run's processes have read and written so much so far."""
        if total_bytes != self._moved or self._moved_at is None:
            self._moved, self._moved_at = total_bytes, now

    def alerts(self, now: float) -> Iterator[str]:
        """What a user should know now; once a phase."""
        if self._phase is None or self._since is None or self._has_told:
            return
        name, spent = self._phase[0], now - self._since
        if text := self._too_long(name, spent) or self._still(name, now):
            self._has_told = True
            yield text

    def _too_long(self, name: str, spent: float) -> str | None:
        before = self._learned.get(self._phase) if self._phase else None
        if before is not None and spent > max(2 * before.longest_s, before.longest_s + PATIENCE_S):
            runs = "the last run" if before.runs == 1 else f"the last {before.runs} runs"
            return (
                f"phase {name} takes {spent / 60:.0f} min, far longer than in {runs} "
                f"(at most {_words(before.longest_s)}): it may hang"
            )
        if name == LOADGEN and self.expected_s is not None:
            most = 3 * self.expected_s + PATIENCE_S
            if spent > most:
                return (
                    f"LoadGen runs for {_words(spent)}, and was to take about "
                    f"{_words(self.expected_s)}: the target may be too high for this machine"
                )
        return None

    def _still(self, name: str, now: float) -> str | None:
        if name == LOADGEN or self._heard is None or self._moved_at is None:
            return None
        if min(now - self._heard, now - self._moved_at) < STILL_S:
            return None
        return (
            f"no line for {_words(now - self._heard)} in phase {name}, and nothing read or "
            "written: it may hang"
        )


def _words(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
