"""Every GPU of this machine: a list; of the one under the cursor its last minutes and all else."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll

from tui.engine import beside
from tui.engine.store import Run
from tui.engine.telemetry.gpus import GpuDevice, GpuSnapshot
from tui.engine.telemetry.history import History
from tui.engine.telemetry.host import HostSample
from tui.engine.telemetry.record import Record
from tui.engine.telemetry.sampler import Sampler
from tui.present import charts, gpu
from tui.screens.frame import Clock, TabScreen
from widgets.choice_list import ChoiceList
from widgets.line import Line
from widgets.panel import PanelView, panel_lines
from widgets.rows import Chart
from widgets.tones import QUIET, STRONG
from widgets.trend import ChartView

PERIOD_S = 1.0
GAP_S = 3.0
IN_FULL_S = 120.0
CHART_S = 2.0
"""Curves move less often than numbers: they take most of the time to draw."""
LENGTHS = ((60.0, "the last 1 min"), (600.0, "the last 10 min"), (3600.0, "the last 60 min"))
WHOLE_RUN = "since the run's start"
WIDE = 150
"""From so many columns on the device's panel and the host's stand beside each other."""


class GpuScreen(TabScreen):
    """A line a device; below, the device under the cursor, and the host."""

    NAME = "GPU"
    STRIP = False
    HELP = (
        "What NVML tells of each GPU, once a second. A dash is what card or driver do not tell; "
        "what is old is said to be old. The device under the cursor is drawn below the list, "
        "with the phases of the run that goes on; t changes for how long (up to the whole run), "
        "s sorts, Enter gives the device the whole screen. Nothing here changes a setting of a GPU."
    )
    CSS_PATH = "gpu.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+j", "open", "device", priority=True),
        Binding("t", "length", "1, 10, 60 min, run"),
        Binding("s", "sort", "sort"),
        Binding("y", "app.copy", "copy"),
        Binding("escape", "close", "list"),
    ]

    def __init__(
        self,
        gpus: Sampler[GpuSnapshot],
        host: Sampler[HostSample],
        history: History,
        live_run: Callable[[], Run | None],
        clock: Clock,
    ) -> None:
        super().__init__()
        self._gpus, self._host, self._history = gpus, host, history
        self._live_run, self._clock = live_run, clock
        self._record: tuple[Run, Record] | None = None
        """Of the run that goes on."""
        self._length, self._sort = 0, 0
        self._drawn: int | None = None
        """Of which device the curves were drawn, and until when they are new enough."""
        self._chart_due = 0.0
        self._here: int | None = None
        """The device under the cursor."""
        self._devices: list[GpuDevice] = []

    def body(self) -> ComposeResult:
        """The list above, the device below."""
        yield ChoiceList(gpu.LISTED, "Looking for GPUs …")
        yield Line(id="between")
        with VerticalScroll():
            yield ChartView()
            with Container():
                yield PanelView(id="device")
                yield PanelView(id="host")

    def on_mount(self) -> None:
        """Look once a second."""
        self.set_focus(self.query_one(ChoiceList))
        self._list(self._clock.boottime_s())  # at once: keys may have been typed ahead
        self.set_interval(PERIOD_S, self._show)

    def on_resize(self) -> None:
        """Beside each other where there is room."""
        self.set_class(self.app.size.width >= WIDE, "wide")
        self._chart_due = 0.0
        self.call_after_refresh(self._show)

    def on_screen_resume(self) -> None:
        """Seen: show what is known."""
        super().on_screen_resume()
        self.call_after_refresh(self._show)

    # --- what is shown ------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.is_current:
            return
        now = self._clock.boottime_s()
        self._list(now)
        self.query_one("#host", PanelView).show([gpu.host_panel(self._host.latest)])
        self._show_device(self.query_one(ChoiceList).cursor, now)

    def _list(self, now: float) -> None:
        gpus = self._gpus.latest
        problem = gpu.trouble(gpus, now)
        found = gpus.sample.devices if gpus.sample else ()
        before = [one.index for one in self._devices]
        self._devices = gpu.sorted_by(found, gpu.SORTS[self._sort])
        rows = self.query_one(ChoiceList)
        rows.set_rows(
            len(self._devices),
            lambda nth: gpu.listed_row(self._devices[nth], problem),
            empty=problem or "Looking for GPUs …",
        )
        rows.styles.height = max(1, len(self._devices)) + 1
        indices = [one.index for one in self._devices]
        if indices != before and self._here in indices:  # the cursor stays on its device
            rows.cursor = indices.index(self._here)

    def _show_device(self, place: int, now: float) -> None:
        run = self._run_now()
        words = LENGTHS[self._length][1] if self._length < len(LENGTHS) else WHOLE_RUN
        order = f"by {gpu.SORTS[self._sort]}"
        device = self._devices[place] if place < len(self._devices) else None
        if self._here is None and device is not None:
            self._here = device.index
        self.query_one("#between", Line).show(
            Text(f"GPU {device.index}, {words}" if device else "", STRONG),
            Text(f"sorted {order}" if len(self._devices) > 1 else "", QUIET),
        )
        panel, chart = self.query_one("#device", PanelView), self.query_one(ChartView)
        panel.display = chart.display = device is not None
        if device is None:
            return
        panel.show([gpu.device_panel(device, self._gpus.latest, now)])
        if device.index == self._drawn and now < self._chart_due:
            return
        self._drawn, self._chart_due = device.index, now + CHART_S - PERIOD_S / 2
        chart.show(self._chart(device, run, now), height=self._room())

    def _room(self) -> int:
        """Lines for the curves, so that the panels below them are seen too."""
        room, is_wide = self.query_one(VerticalScroll).size, self.has_class("wide")
        width = room.width // 2 if is_wide else room.width
        below = [len(one.lines(width)) for one in self.query(PanelView)]
        return room.height - (max(below) if is_wide else sum(below))

    def _chart(self, device: GpuDevice, run: Run | None, now: float) -> Chart:
        """The device's last minutes, or all since the run's start."""
        name, reading, gap_s = device.reading.device, device.reading, GAP_S
        if self._length < len(LENGTHS):
            span = charts.live_span(now, LENGTHS[self._length][0])
            curves = self._history.curves(name, span[0])
        else:
            assert self._record is not None
            span = (self._record[0].stored_state.started_boottime_s or now, now)
            curves, gap_s = self._record[1].curves(name, *span, in_full_s=IN_FULL_S)
        return charts.chart(
            name,
            curves,
            span,
            phases=beside.phases(run, now) if run is not None else (),
            clock=(now, self._clock.utc().astimezone()),
            limit_w=reading.power_limit_w,
            total_bytes=reading.memory_total_bytes,
            gap_s=gap_s,
        )

    def _run_now(self) -> Run | None:
        """The run that goes on, its record kept open; without one there is no `whole run`."""
        run = self._live_run()
        if run is None:
            self._record = None
            self._length = min(self._length, len(LENGTHS) - 1)
        elif self._record is None or self._record[0].folder != run.folder:
            self._record = (run, Record(run.folder))
        return run

    @on(ChoiceList.Highlighted)
    def _other_device(self, event: ChoiceList.Highlighted) -> None:
        if event.index < len(self._devices):
            self._here = self._devices[event.index].index
        self._show_device(event.index, self._clock.boottime_s())

    # --- what can be done ---------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Back to the list only from a device."""
        if action in ("open", "close") and self.has_class("device") is (action == "open"):
            return False
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """The device alone."""
        self.add_class("device")
        self.set_focus(self.query_one(VerticalScroll))
        self.refresh_bindings()

    def action_close(self) -> None:
        """The list again."""
        self.remove_class("device")
        self.query_one(VerticalScroll).scroll_home(animate=False)
        self.set_focus(self.query_one(ChoiceList))
        self.refresh_bindings()

    @on(ChoiceList.Chosen)
    def _clicked(self) -> None:
        self.action_open()

    def action_length(self) -> None:
        """Another stretch of time."""
        self._length = (self._length + 1) % (len(LENGTHS) + (self._record is not None))
        self._chart_due = 0.0
        self._show()

    def action_sort(self) -> None:
        """Another order."""
        self._sort = (self._sort + 1) % len(gpu.SORTS)
        self._show()

    def copyable(self) -> tuple[str, str] | None:
        """Everything that is known of all of them."""
        panels = gpu.panels(self._gpus.latest, self._host.latest, self._clock.boottime_s())
        lines = [line for one in panels for line in panel_lines(one, 100)]
        return "what is known of all GPUs", "\n".join(line.plain for line in lines)
