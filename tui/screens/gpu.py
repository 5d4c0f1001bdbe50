"""Every GPU of this machine now; without a driver, that in words."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from tui.engine.telemetry.nvml import GpuSnapshot, GpuSource
from tui.engine.telemetry.reading import Reading, Source, SourceUnavailable
from tui.present import gpu
from tui.screens.frame import TabScreen
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

    class Read(Message):
        """A snapshot."""

        def __init__(self, snapshot: GpuSnapshot | None, error: str | None, host: Reading) -> None:
            super().__init__()
            self.snapshot, self.error, self.host = snapshot, error, host

        def can_replace(self, message: Message) -> bool:
            """Only the latest matters."""
            return isinstance(message, GpuScreen.Read)

    def __init__(self, nvml: Callable[[], GpuSource], host: Callable[[], Source]) -> None:
        super().__init__()
        self._nvml, self._host = nvml, host
        self._hidden = Event()
        self._latest: GpuScreen.Read | None = None

    def body(self) -> ComposeResult:
        """Lines above, panels below."""
        yield Meters(MOST_DEVICES)
        yield Rule()
        with VerticalScroll():
            yield PanelView()

    def on_mount(self) -> None:
        """Scroll with the keys."""
        self.set_focus(self.query_one(VerticalScroll))

    def on_screen_resume(self) -> None:
        """Seen: read."""
        self._hidden = Event()
        self._read()

    def on_screen_suspend(self) -> None:
        """Not seen: nothing is read."""
        self._hidden.set()

    def on_unmount(self) -> None:
        """Gone."""
        self._hidden.set()

    @work(thread=True, exclusive=True)
    def _read(self) -> None:
        """In a thread: a hanging driver stops nothing else."""
        hidden, source, error = self._hidden, None, None
        try:
            source = self._nvml()
        except SourceUnavailable as problem:
            error = str(problem)
        host = self._host()
        hidden.wait(0.1)  # CPU load is a difference
        while not hidden.is_set():
            snapshot = source.snapshot() if source else None
            (load,) = host.read()
            self.post_message(self.Read(snapshot, error, load))
            hidden.wait(PERIOD_S)

    @on(Read)
    def _show(self, event: Read) -> None:
        self._latest = event
        self.query_one(Meters).show(gpu.meters(event.snapshot, event.error, event.host))
        self.query_one(PanelView).show(gpu.panels(event.snapshot, event.error, event.host))

    def copyable(self) -> tuple[str, str] | None:
        """Everything that is shown."""
        if self._latest is None:
            return None
        latest = self._latest
        panels = gpu.panels(latest.snapshot, latest.error, latest.host)
        lines = [line for one in panels for line in panel_lines(one, 100)]
        return "what is shown", "\n".join(line.plain for line in lines)
