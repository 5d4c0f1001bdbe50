"""A run as it goes on: events in, the rows of its screen out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tui.engine import follow
from tui.engine.pace import Learned, PhaseKey
from tui.engine.store import RunState
from tui.engine.telemetry.record import CHARTED, Point
from tui.present import explain as present_explain
from tui.present import metrics
from tui.present.run import STATES, VERDICTS, environment, title
from widgets.rows import Badge, Fact, Level, Meter, Panel, Reason, Step, Tone

NO_GPU = "no GPU telemetry: "
STALE_S = 3.0
"""Readings come in once a second: what is older is said to be old."""
RECENT = 120
"""Readings a device that are kept: those of the last ten seconds, ten a second."""
PHASES = {
    "start": ("start", "mlcr has started and reads its scripts; that takes some seconds."),
    "dependencies": ("deps", "mlcr looks for what the benchmark needs, and installs what is not."),
    "scenario": ("setup", "mlcr prepares the scenario."),
    "container": ("image", "The container image is built or fetched, and started."),
    "preprocessing": ("prep", "The dataset is brought into the form that the model takes."),
    "build": ("build", "LoadGen is built from source, and what else is needed is installed."),
    "benchmark": ("model", "The benchmark has started and loads its model."),
    "loadgen": ("LoadGen", "LoadGen measures. It prints nothing until it ends."),
    "reporting": ("report", "LoadGen has ended; its logs are written and read."),
    "accuracy": ("accuracy", "The answers are compared with the dataset's own."),
    "results": ("results", "mlcr writes down its results."),
    **{
        "alloc": ("alloc", "GPU memory is taken and given back, piece by piece."),
        "launch": ("launch", "Kernels that do nothing are started, and waited for."),
        "transfer": ("transfer", "Data goes to the GPU and back."),
        "memory": ("memory", "The GPU copies within its own memory."),
        "pattern": ("pattern", "Nearly all memory is written, read and compared, twice."),
        "gemm": ("GEMM", "Matrices are multiplied in each precision, and verified."),
        "sustained": ("sustained", "Matrices are multiplied for a second under the power limit."),
    },
}
"""By the engine's name: how a phase is called in one word, and what happens in it."""
DOING = {"download": "downloading ", "build": "compiling "}
"""What stands before the words of an activity; the others say it themselves."""
SILENT_S = 10.0
WORTH_S = 2.0
"""Shorter phases need no estimate."""
WORTH_BYTES_S = 10_000
WAITING = {
    "queued": "It waits for its turn: two at once would disturb each other.",
    "starting": "Its command is being started.",
    "stopping": "It was asked to stop: gently first, then hard.",
}


@dataclass(frozen=True)
class _Entered:
    name: str
    mode: str | None
    begin_s: float | None
    line: int
    """In the console, from 0."""
    key: PhaseKey
    """By it what earlier runs took is found."""


class LiveRun:
    """What is known of one run so far. `take` brings it up to date; all else gives rows.

    Args:
        spec: run.json.
        at_least: the sign for that; `>=` where there is ASCII alone.
        learned: what earlier runs of the same kind took.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        *,
        at_least: str = "≥",
        learned: Mapping[PhaseKey, Learned] | None = None,
    ) -> None:
        self.spec = spec
        self._learned = learned or {}
        """What earlier runs of the same kind took."""
        self._at_least = at_least
        self.state = RunState("queued")
        self.alerts: list[str] = []
        self._gpu_missing: str | None = None
        self._gpu_used: str | None = None
        self._phases: list[_Entered] = []
        self._limits: follow.Limits | None = None
        self._doing: follow.Doing | None = None
        self._silences: list[follow.WasSilent] = []
        self._moved: tuple[float, float] | None = None
        """What the run had read and written when the phase began."""
        self._latest: dict[str, dict[str, Any]] = {}
        self._history: dict[str, deque[dict[str, Any]]] = {}
        self._several = spec.get("mode") == "both"

    def take(self, events: Iterable[follow.RunEvent]) -> None:
        """Take in what happened."""
        for event in events:
            if isinstance(event, follow.PhaseChanged):
                mode = event.mode if self._several else None
                self._phases.append(
                    _Entered(
                        event.phase,
                        mode,
                        event.boottime_s,
                        max(0, event.line - 1),
                        (event.phase, event.scenario, event.mode),
                    )
                )
                self._limits = self._doing = self._moved = None
            elif isinstance(event, follow.Limits):
                self._limits = event
            elif isinstance(event, follow.Doing):
                self._doing = event
            elif isinstance(event, follow.WasSilent):
                self._silences.append(event)
            elif isinstance(event, follow.GpuUsed):
                self._gpu_used = event.answer
            elif isinstance(event, follow.Alert):
                self._alert(event.text)
            elif isinstance(event, follow.StateChanged):
                self.state = event.state
            elif isinstance(event, follow.Reading):
                self._read(event.values)

    def _alert(self, text: str) -> None:
        if text.startswith(NO_GPU):
            self._gpu_missing = text.removeprefix(NO_GPU)
        elif text not in self.alerts:
            self.alerts.append(text)

    def _read(self, values: dict[str, Any]) -> None:
        device = str(values.get("device") or "")
        if device and isinstance(values.get("boottime_s"), float):
            self._latest[device] = values
            read, written = values.get("run_read_bytes"), values.get("run_written_bytes")
            if device == "host" and self._moved is None and read is not None:
                self._moved = (read, written or 0.0)
            self._history.setdefault(device, deque(maxlen=RECENT)).append(values)

    # --- rows ---------------------------------------------------------------------------------

    @property
    def phase(self) -> str | None:
        """The phase it is in, by the engine's name."""
        return self._phases[-1].name if self._phases else None

    @property
    def phase_lines(self) -> list[int]:
        """The console's lines, from 0, where phases begin."""
        return [one.line for one in self._phases]

    def title(self) -> str:
        """What runs, in one line."""
        return title(self.spec)

    def badge(self, now: float, verdict: str | None) -> Badge:
        """State and time: how long it runs, or how it ended and when."""
        state = self.state
        if not state.is_final:
            return Badge(f"{state.state} {self._running(now)}".rstrip(), STATES[state.state])
        at = metrics.local_time(state.ended)
        if state.state == "finished" and verdict:
            return Badge(f"{verdict}  finished {at}", VERDICTS[verdict])
        return Badge(f"{state.state} {at}".rstrip(), STATES[state.state])

    def _running(self, now: float) -> str:
        begin = self.state.started_boottime_s
        return metrics.duration(max(0.0, now - begin)) if begin is not None else ""

    def steps(self, now: float) -> list[Step]:
        """The phases with their times; the present one against LoadGen's minimum."""
        found = []
        over = self.state.is_final
        ends = [one.begin_s for one in self._phases[1:]]
        last_end = self.state.ended_boottime_s if over else now
        for nth, (phase, end) in enumerate(zip(self._phases, [*ends, last_end])):
            known = phase.begin_s is not None and end is not None
            spent = max(0.0, end - phase.begin_s) if known else None  # type: ignore[operator]
            here = nth == len(self._phases) - 1 and not over
            time = metrics.duration(spent)
            if here and self._least_s:
                time += f" of {self._at_least}{metrics.duration(self._least_s)}"
            name = PHASES.get(phase.name, (phase.name, ""))[0]
            words = f"{name} ({phase.mode})" if phase.mode and phase.name == "loadgen" else name
            failed = over and nth == len(self._phases) - 1 and self.state.state != "finished"
            tone = STATES[self.state.state] if failed else Tone.GOOD
            found.append(Step(words, time, tone, here))
        if not found and not over:
            found.append(Step(WAITING.get(self.state.state, "starting mlcr"), "", Tone.PLAIN, True))
        return found

    @property
    def _least_s(self) -> float | None:
        """LoadGen's minimum; None where there is none."""
        return (self._limits.min_duration_s or None) if self._limits is not None else None

    def progress(
        self, now: float, clock: datetime, silent_s: float | None = None
    ) -> tuple[float | None, str]:
        """The share of what the phase will take that is over, and what goes on in it.

        Args:
            now: CLOCK_BOOTTIME in seconds.
            clock: the time here.
            silent_s: how long ago the last line came.
        """
        entered = self._phases[-1] if self._phases else None
        if self.state.is_final or entered is None or entered.begin_s is None:
            return None, ""
        spent = now - entered.begin_s
        if entered.name == "loadgen":
            return self._measuring(spent, clock, entered)
        learned = self._learned.get(entered.key)
        words = [self._doing_words(), self._traffic()]
        if silent_s is not None and silent_s >= SILENT_S:
            words.append(f"silent {metrics.duration(silent_s)}")
        if learned is not None and learned.median_s >= WORTH_S:
            words.append(f"took {metrics.duration(learned.median_s)} before")
        share = None
        if self._doing is not None and self._doing.percent is not None:
            share = self._doing.percent / 100
        elif learned is not None and learned.median_s >= WORTH_S:
            share = min(0.99, spent / learned.median_s)
        return share, "  ".join(word for word in words if word)

    def _measuring(
        self, spent: float, clock: datetime, entered: _Entered
    ) -> tuple[float | None, str]:
        """LoadGen says nothing until it ends: time against what it was told, or what it took."""
        least, limits = self._least_s, self._limits
        if least:
            left = least - spent
            if left <= 0:
                return (
                    1.0,
                    f"minimum reached, LoadGen ends when it has enough{self._about(entered)}",
                )
            end = (clock + timedelta(seconds=left)).strftime("%H:%M")
            return 1 - left / least, f"{100 * (1 - left / least):.0f} %  not done before {end}"
        learned = self._learned.get(entered.key)
        about = learned.median_s if learned else limits.expected_s if limits else None
        most = limits.max_duration_s if limits else None
        if about:
            words = f"about {metrics.duration(about)}"
            words += " as before" if learned else " expected"
            words += f", at most {metrics.duration(most)}" if most else ""
            return min(0.99, spent / about), words
        if most:
            return min(0.99, spent / most), f"at most {metrics.duration(most)}"
        return None, "LoadGen prints nothing until it ends"

    def _about(self, entered: _Entered) -> str:
        learned = self._learned.get(entered.key)
        return f" (took {metrics.duration(learned.median_s)} before)" if learned else ""

    def _doing_words(self) -> str:
        doing = self._doing
        if doing is None:
            return ""
        what = metrics.one_line(doing.what, 44)
        if doing.kind == "dependency":
            return f"script {doing.count}, {doing.depth} deep: {what}"
        percent = f" {doing.percent:.0f} %" if doing.percent is not None else ""
        return f"{DOING.get(doing.kind, '')}{what}{percent}"

    def _traffic(self) -> str:
        """What came in over the network, and what the run wrote since the phase began."""
        host = self._latest.get("host")
        if host is None:
            return ""
        words = []
        received, written = host.get("net_received_bytes_s"), host.get("run_written_bytes")
        if received is not None and received >= WORTH_BYTES_S:
            words.append(f"net {metrics.size(int(received))}/s")
        if written is not None and self._moved is not None:
            since = int(written - self._moved[1])
            if since >= WORTH_BYTES_S:
                words.append(f"wrote {metrics.size(since)}")
        return "  ".join(words)

    def meters(self, now: float | None = None) -> list[Meter]:
        """One line a GPU, or why there is none; and the host.

        Args:
            now: CLOCK_BOOTTIME, to tell what is old; None where it does not matter.
        """
        gpus = [
            self._gpu(name, values, now)
            for name, values in self._latest.items()
            if name != "host" and "/" not in name
        ]
        if not gpus and self._gpu_missing:
            gpus = [Meter("GPU", Level(None, self._gpu_missing))]
        host = self._latest.get("host")
        return [*gpus, *([_host(host)] if host else [])]

    def _gpu(self, name: str, values: Mapping[str, Any], now: float | None) -> Meter:
        used, at_s = values.get("utilization_pct"), values.get("boottime_s")
        if now is not None and at_s is not None and now - at_s > STALE_S:
            badge = Badge(f"no answer for {metrics.age(now - at_s)}", Tone.WARNING)
            return Meter(name.replace("gpu", "GPU "), Level(None, ""), badge=badge)
        return Meter(
            name.replace("gpu", "GPU "),
            Level(_share(used), metrics.percent(used).rjust(5)),
            (
                metrics.gigabytes(
                    values.get("memory_used_bytes"), values.get("memory_total_bytes")
                ),
                metrics.of(values.get("power_w"), values.get("power_limit_w"), "W"),
                metrics.whole(values.get("temperature_c"), "°C"),
                metrics.whole(values.get("sm_clock_mhz"), "MHz"),
            ),
            badge=self._use(),
        )

    def _use(self) -> Badge | None:
        """Where a GPU was asked for and is not used, that is said on its line."""
        if self.spec.get("device") != "cuda" or self._gpu_used != "no":
            return None
        return Badge("not used by this run", Tone.WARNING)

    def recent(self, device: str) -> dict[str, list[Point]]:
        """The last readings of a device as curves: what no ten seconds sum up yet."""
        rows = self._history.get(device, ())
        return {
            name: [(row["boottime_s"], row.get(name), row.get(name)) for row in rows]
            for name in CHARTED
        }

    def limits(self, device: str) -> tuple[float | None, float | None]:
        """Power limit (W) and memory (bytes) of a device."""
        latest = self._latest.get(device, {})
        return latest.get("power_limit_w"), latest.get("memory_total_bytes")

    @property
    def devices(self) -> list[str]:
        """What there are curves of: GPUs, then the host."""
        names = [name for name in self._latest if name != "host" and "/" not in name]
        return [*names, *(["host"] if "host" in self._latest else [])]

    def options(self) -> Panel:
        """What was chosen for this run."""
        spec = self.spec
        names = ("benchmark", "scenario", "mode", "device", "installation", "target")
        facts = [Fact(name, str(spec.get(name) or metrics.NOTHING)) for name in names]
        facts.insert(4, Fact("environment", environment(spec)))
        if spec.get("series"):
            facts.append(Fact("repeat", f"{spec.get('repeat')} of {spec['series']}"))
        return Panel("Options", Badge("", Tone.PLAIN), facts=tuple(facts))

    def explain(self, now: float, results: list[dict[str, Any]]) -> Panel:
        """What is known so far, in sentences: what happens, what went wrong, what to do."""
        state = self.state
        notes = []
        if not state.is_final:
            words = (
                WAITING.get(state.state)
                or (PHASES.get(self.phase or "start", ("", "Its command runs."))[1])
            )
            notes.append(words)
            if self._least_s:
                least = metrics.duration(self._least_s)
                notes.append(f"LoadGen measures for at least {least}, so silence is no fault.")
        elif state.state == "finished":
            notes.append("The command ended well and left LoadGen's logs.")
        elif state.state == "stopped":
            notes.append("It was stopped on request.")
        elif state.state == "lost":
            notes.append("The command is gone and nothing says how it ended: did the machine stop?")
        cause = (present_explain.reason(state.cause),) if state.cause else ()
        reasons = tuple(
            Reason(one["text"], one["fix"]) for result in results for one in result["reasons"]
        )
        timeline = "  ".join(f"{one.name} {one.time}" for one in self.steps(now) if one.time)
        facts = [Fact("phases", timeline)] if timeline else []
        if self._silences:
            longest = max(self._silences, key=lambda one: one.seconds)
            words = f"{metrics.duration(longest.seconds)} in phase {longest.phase}"
            facts.append(Fact("longest silence", f"{words}, after line {longest.line}"))
        facts += [Fact("alert", one, Tone.WARNING) for one in self.alerts]
        return Panel(
            self.title(),
            Badge(state.state, STATES[state.state]),
            notes=tuple(notes),
            reasons=(*cause, *reasons),
            facts=tuple(facts),
        )


def _share(percent: float | None) -> float | None:
    return percent / 100 if percent is not None else None


def _host(values: Mapping[str, Any]) -> Meter:
    used = values.get("utilization_pct")
    return Meter(
        "host",
        Level(_share(used), metrics.percent(used).rjust(5)),
        (
            f"steal {metrics.tenths(values.get('steal_pct'), '%')}",
            metrics.gigabytes(values.get("memory_used_bytes"), values.get("memory_total_bytes")),
        ),
    )
