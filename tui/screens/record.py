"""What GPUs and host did beside a run: its record, to be zoomed and read off."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from tui.engine import beside
from tui.engine.store import Run
from tui.engine.telemetry.record import IN_FULL_S, Record
from tui.present import charts, metrics
from tui.present.run import title
from tui.screens.frame import Clock, FrameScreen
from widgets.line import Line, Rule
from widgets.tones import QUIET, STRONG
from widgets.trend import ChartView

LOOK_S = 2.0
LIVE_IN_FULL_S = 120.0
STEPS = 60
"""So many steps of the cursor lead through what is seen."""
SHORTEST_S = 2.0
NOTHING = "Nothing was recorded beside this run."


class RecordScreen(FrameScreen):
    """One device at a time; time from the run's start."""

    NAME = "GPU record"
    HELP = (
        "What each GPU and the host did beside this run. Up and down change the device, left and "
        "right move the cursor, whose values stand beside each curve; + and - zoom around it, 0 "
        "shows the whole run. Below the curves: the phases, LoadGen's window in bold. A gap is "
        "where the driver gave no answer. Short stretches are drawn from every reading, long ones "
        "from means of ten seconds, with a dot at the most."
    )
    CSS_PATH = "record.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "cursor(-1)", "cursor", key_display="← →"),
        Binding("right", "cursor(1)", "on", key_display="→", show=False),
        Binding("plus,equals_sign", "zoom(0.5)", "zoom", key_display="+ -"),
        Binding("minus", "zoom(2)", "out", key_display="-", show=False),
        Binding("0", "whole", "whole run"),
        Binding("down,j", "device(1)", "device", key_display="↑ ↓"),
        Binding("up,k", "device(-1)", "device before", key_display="↑", show=False),
        Binding("y", "app.copy", "copy", show=False),
        Binding("escape", "app.pop_screen", "back"),
    ]

    def __init__(self, run: Run, clock: Clock) -> None:
        super().__init__()
        self._run_shown, self._clock = run, clock
        self._record = Record(run.folder)
        self._phases: list[beside.PhaseSpan] = []
        self._devices: list[str] = []
        self._device = 0
        self._whole: tuple[float, float] | None = None
        self._seen: tuple[float, float] | None = None
        """None: the whole run, however long it becomes."""
        self._cursor_s: float | None = None

    def body(self) -> ComposeResult:
        """What is shown, the devices, the curves."""
        yield Line(id="head")
        yield Line(id="devices")
        yield Rule()
        with VerticalScroll():
            yield ChartView()

    def on_mount(self) -> None:
        """Look; of a run that goes on, look again and again."""
        self._look()
        if not self._run_shown.stored_state.is_final:
            self.set_interval(LOOK_S, self._look)

    def _look(self) -> None:
        self._whole = self._record.span
        here = self._devices[self._device] if self._devices else None
        self._devices = self._record.devices
        self._device = self._devices.index(here) if here in self._devices else 0
        self._phases = beside.phases(self._run_shown, self._clock.boottime_s())
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """More or less room."""
        if self.is_mounted and self._devices:
            self._show()

    # --- what is shown ------------------------------------------------------------------------

    @property
    def _span(self) -> tuple[float, float]:
        if self._seen is not None:
            return self._seen
        begin, end = self._whole or (0.0, 1.0)
        return begin, max(end, begin + SHORTEST_S)

    @property
    def _zero_s(self) -> float:
        """The run's start."""
        started = self._run_shown.stored_state.started_boottime_s
        return started if started is not None else (self._whole or (0.0, 0.0))[0]

    @property
    def _in_full_s(self) -> float:
        """While a run goes on its record is read again and again: less of it in full then."""
        return IN_FULL_S if self._run_shown.stored_state.is_final else LIVE_IN_FULL_S

    def _show(self) -> None:
        head = self.query_one("#head", Line)
        if self._whole is None or not self._devices:
            head.show(Text(NOTHING, QUIET))
            return
        begin, end = self._span
        head.show(Text(title(self._run_shown.stored_spec), STRONG), Text(self._place(), QUIET))
        self.query_one("#devices", Line).show(self._device_words())
        device = self._devices[self._device]
        curves, gap_s = self._record.curves(device, begin, end, self._in_full_s)
        limit_w, total = self._record.limits(device)
        self.query_one(ChartView).show(
            charts.chart(
                device,
                curves,
                (begin, end),
                phases=self._phases,
                zero_s=self._zero_s,
                limit_w=limit_w,
                total_bytes=total,
                gap_s=gap_s,
                cursor_s=self._cursor_s,
            ),
            height=self.query_one(VerticalScroll).size.height,
        )

    def _place(self) -> str:
        """Where the cursor is, and in which phase; else how much is seen."""
        if self._cursor_s is None:
            begin, end = (metrics.duration(one - self._zero_s) for one in self._span)
            return f"{begin} to {end}" if self._seen else f"whole run, {end}"
        at = self._cursor_s
        inside = [one.name for one in self._phases if one.begin_s <= at < one.end_s]
        return " · ".join([f"at {metrics.duration(max(0.0, at - self._zero_s))}", *inside])

    def _device_words(self) -> Text:
        parts = []
        for nth, name in enumerate(self._devices):
            short = len(self._devices) > 6
            words = name.removeprefix("gpu") if short else charts.name_of(name)
            parts.append(Text(words, "reverse bold" if nth == self._device else ""))
        prefix = Text("GPU ", QUIET) if len(self._devices) > 6 else Text()
        return prefix + Text("  ").join(parts)

    # --- what can be done ---------------------------------------------------------------------

    def action_device(self, step: int) -> None:
        """Another device."""
        if self._devices:
            self._device = (self._device + step) % len(self._devices)
            self._show()

    def action_cursor(self, step: int) -> None:
        """Earlier or later; beyond what is seen, that moves along."""
        if self._whole is None:
            return
        begin, end = self._span
        width = (end - begin) / STEPS
        at = self._cursor_s if self._cursor_s is not None else (end if step < 0 else begin)
        self._cursor_s = at = min(max(at + step * width, self._whole[0]), self._whole[1])
        if self._seen is not None and not begin <= at <= end:
            shift = at - (begin + end) / 2
            self._seen = (begin + shift, end + shift)
        self._show()

    def action_zoom(self, factor: float) -> None:
        """Nearer or farther, around the cursor."""
        if self._whole is None:
            return
        begin, end = self._span
        middle = self._cursor_s if self._cursor_s is not None else (begin + end) / 2
        length = max(SHORTEST_S, (end - begin) * factor)
        if length >= self._whole[1] - self._whole[0]:
            self._seen = None
        else:
            share = (middle - begin) / (end - begin)
            first = middle - length * share
            first = min(max(first, self._whole[0]), self._whole[1] - length)
            self._seen = (first, first + length)
        self._show()

    def action_whole(self) -> None:
        """All of it, without a cursor."""
        self._seen = self._cursor_s = None
        self._show()

    def copyable(self) -> tuple[str, str] | None:
        """The path of the record."""
        path: Path = self._run_shown.folder / "telemetry.csv"
        return "the record's path", str(path)
