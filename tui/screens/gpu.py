"""Every GPU of this machine now; without a driver, that in words."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from tui.engine.telemetry.gpus import GpuSnapshot
from tui.engine.telemetry.host import HostSample
from tui.engine.telemetry.sampler import Sampler
from tui.present import gpu
from tui.screens.frame import Clock, TabScreen
from widgets.line import Rule
from widgets.meters import Meters
from widgets.panel import PanelView, panel_lines

PERIOD_S = 1.0
MOST_DEVICES = 16


class GpuScreen(TabScreen):
    """One line a device, then everything that is known of each."""

    NAME = "GPU"
    HELP = (
        "What NVML tells of each GPU, once a second while you look. A dash is what the card or its "
        "driver does not tell. Nothing here changes a setting of the GPU."
    )
    CSS_PATH = "gpu.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "app.copy", "copy")]

    def __init__(self, gpus: Sampler[GpuSnapshot], host: Sampler[HostSample], clock: Clock) -> None:
        super().__init__()
        self._gpus, self._host, self._clock = gpus, host, clock

    def body(self) -> ComposeResult:
        """Lines above, panels below."""
        yield Meters(MOST_DEVICES)
        yield Rule()
        with VerticalScroll():
            yield PanelView()

    def on_mount(self) -> None:
        """Scroll with the keys; look once a second."""
        self.set_focus(self.query_one(VerticalScroll))
        self.set_interval(PERIOD_S, self._show)

    def on_screen_resume(self) -> None:
        """Seen: show what is known."""
        super().on_screen_resume()
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        if not self.is_current:
            return
        known = (self._gpus.latest, self._host.latest, self._clock.boottime_s())
        self.query_one(Meters).show(gpu.meters(*known))
        self.query_one(PanelView).show(gpu.panels(*known))

    def copyable(self) -> tuple[str, str] | None:
        """Everything that is shown."""
        panels = gpu.panels(self._gpus.latest, self._host.latest, self._clock.boottime_s())
        lines = [line for one in panels for line in panel_lines(one, 100)]
        return "what is shown", "\n".join(line.plain for line in lines)
