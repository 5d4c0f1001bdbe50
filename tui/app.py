"""The terminal app: which screens there are and how one leads to another; theme, keys, the end."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import RenderableType
from rich.style import Style
from rich.text import Text
from textual import events, on, work
from textual._compositor import ChopsUpdate
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from tui import terminal
from tui.engine import home
from tui.engine.catalog import Catalog
from tui.engine.errors import MlperfTuiError
from tui.engine.published import Published
from tui.engine.queue import live_runs
from tui.engine.store import Run, RunStore
from tui.engine.sut import SystemFacts
from tui.engine.telemetry.history import History
from tui.engine.telemetry.reading import NO_DRIVER
from tui.screens.benchmarks import BenchmarksScreen
from tui.screens.frame import Clock, FrameScreen, TabScreen
from tui.screens.start import StartScreen
from widgets.key_line import help_lines
from widgets.rows import Badge, Meter, Tone
from widgets.tones import KEY, QUIET, STRONG, badge_text

if TYPE_CHECKING:
    from pathlib import Path

    from tui.engine.doctor import Outside
    from tui.engine.telemetry.gpus import GpuSnapshot
    from tui.engine.telemetry.host import HostSample
    from tui.engine.telemetry.sampler import GpuSource, HostTeller, Sampler
    from tui.screens.history import HistoryScreen
    from tui.screens.launch import LaunchScreen
    from tui.screens.probe import ProbeScreen
    from tui.screens.run import RunScreen
    from tui.screens.setup import SetupScreen

LOOK_S = 1.0
TABS = {
    "benchmarks": ("1", "Benchmarks"),
    "history": ("2", "Runs"),
    "gpu": ("4", "GPU"),
    "probe": ("5", "Probe"),
    "doctor": ("6", "Doctor"),
}
"""Number and word of each; 3 is kept for study."""


class MlperfTui(App[None]):
    """Screens by number, a run on top of them; quitting leaves runs going."""

    CSS_PATH = "app.tcss"
    TITLE = "mlperf-tui"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(number, f"tab({name!r})", word, show=False, priority=True)
            for name, (number, word) in TABS.items()
        ),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("q", "quit", "quit"),
        Binding("ctrl+q,ctrl+c", "quit", "quit", show=False),
        Binding("Y", "copy_to_file", "copy to a file", show=False),
        Binding("ctrl+z", "suspend_process", "suspend", show=False),
    ]
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        catalog: Catalog,
        store: RunStore,
        facts: SystemFacts,
        *,
        ascii_only: bool = False,
        clock: Clock | None = None,
        nvml: Callable[[], GpuSource] | None = None,
        host: Callable[[], HostTeller] | None = None,
        history: History | None = None,
        outside: Callable[[], Outside] | None = None,
    ) -> None:
        super().__init__(ansi_color=True)
        self._catalog, self._store, self._facts = catalog, store, facts
        self._clock = clock or Clock()
        self._history = history or History()
        self._gpu_sampler, self._host_sampler = _samplers(nvml, host, self._clock, self._history)
        self._outside = outside
        self._published = Published(catalog)
        self._ascii = terminal.Ascii(enabled=ascii_only)
        self._gpus = ""
        self._tab = "benchmarks"
        self._top: tuple[str, ...] = ()
        self._setup: SetupScreen | None = None
        self.register_theme(terminal.TERMINAL)
        self.theme = terminal.TERMINAL.name
        self.animation_level = "none"

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and ours for terminals without UTF-8."""
        return [*super().get_line_filters(), *([self._ascii] if self._ascii.enabled else [])]

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if isinstance(renderable, ChopsUpdate):
            renderable = terminal.Changes(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, renderable)

    def on_mount(self) -> None:
        """Begin with the benchmarks."""
        terminal.end_by_signal(self.exit, has_terminal=not self.is_headless)
        self.app_resume_signal.subscribe(self, self._repaint)
        self.install_screen(self._screen_of("benchmarks"), "benchmarks")
        self.push_screen("benchmarks")
        self.set_interval(LOOK_S, self._show_top)
        self._gpu_sampler.start()
        self._attend()

    @work(thread=True)
    def _attend(self) -> None:
        """Runs go on without us; those whose supervisor was killed get another."""
        from tui.engine import launch

        launch.attend_unwatched(self._store)

    def on_ready(self) -> None:
        """The first screen is seen: from here on garbage is collected."""
        gc.freeze()
        gc.enable()

    def _screen_of(self, tab: str) -> TabScreen:
        # Imported when they are first wanted: the first screen is seen sooner.
        if tab == "history":
            from tui.screens.history import HistoryScreen

            return HistoryScreen(self._store, self._clock, self._open)
        if tab == "gpu":
            from tui.screens.gpu import GpuScreen

            self._host_sampler.start()
            return GpuScreen(
                self._gpu_sampler,
                self._host_sampler,
                self._history,
                self._live_run,
                self._clock,
            )
        if tab == "probe":
            from tui.screens.probe import ProbeScreen

            return ProbeScreen(
                self._catalog, self._store, self._facts, self._gpu_sampler, self._clock
            )
        if tab == "doctor":
            from tui.engine import doctor
            from tui.screens.doctor import DoctorScreen

            environments = self._catalog.environments.values()
            outside = self._outside or partial(doctor.outside, self._store.root, environments)
            return DoctorScreen(outside, self._store, self._clock)
        return BenchmarksScreen(self._catalog, self._store, self._facts, self._clock)

    # --- how one screen leads to another --------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While one types, a number is text."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        return not (action == "tab" and isinstance(screen, FrameScreen) and screen.is_typing)

    async def action_tab(self, name: str) -> None:
        """The screen of a tab. Awaited, so that keys typed ahead go to it."""
        while len(self.screen_stack) > 2:
            await self.pop_screen()
        if name != self._tab:
            self._tab, self._top = name, ()
            if not self.is_screen_installed(name):
                self.install_screen(self._screen_of(name), name)  # kept, with what was chosen there
            await self.switch_screen(name)

    async def on_start_screen_started(self, event: StartScreen.Started) -> None:
        """A run was started: show it."""
        await self._open(event.run)

    async def on_benchmarks_screen_form_wanted(self, event: BenchmarksScreen.FormWanted) -> None:
        """All fields of a choice."""
        from tui.screens.launch import LaunchScreen

        await self.push_screen(
            LaunchScreen(
                event.request,
                self._catalog,
                self._store,
                self._facts,
                with_presets=event.with_presets,
            )
        )

    async def on_launch_screen_closed(self, event: LaunchScreen.Closed) -> None:
        """Back to the benchmarks, which take the choice over."""
        await self.pop_screen()
        if isinstance(self.screen, BenchmarksScreen):
            self.screen.take(event.request)

    async def on_tab_screen_setup_wanted(self) -> None:
        """The screen that makes an official installation; kept, because a setup goes on in it."""
        from tui.screens.setup import SetupScreen

        if self._setup is None:
            self._setup = SetupScreen(self._facts, self._store.root, self._clock)
            self.install_screen(self._setup, "setup")
        await self.push_screen("setup")

    async def on_history_screen_opened(self, event: HistoryScreen.Opened) -> None:
        """A run was started once more: show that one."""
        await self._open(event.run)

    async def on_probe_screen_opened(self, event: ProbeScreen.Opened) -> None:
        """The run of a probe is to be shown."""
        await self._open(event.run)

    async def on_run_screen_again(self, event: RunScreen.Again) -> None:
        """A run was started once more: show that one."""
        await self._open(event.run)

    async def on_run_screen_record_wanted(self, event: RunScreen.RecordWanted) -> None:
        """What GPUs and host did beside a run."""
        from tui.screens.record import RecordScreen

        await self.push_screen(RecordScreen(event.run, self._clock))

    async def _open(self, run: Run) -> None:
        from tui.screens.run import RunScreen

        while len(self.screen_stack) > 2:
            await self.pop_screen()
        await self.push_screen(
            RunScreen(
                run, self._store, self._clock, self._published, ascii_only=self._ascii.enabled
            )
        )

    async def on_history_screen_path_wanted(self, event: HistoryScreen.PathWanted) -> None:
        """LoadGen output from elsewhere is to be shown."""
        from tui.screens.results import ResultsScreen

        while len(self.screen_stack) > 2:
            await self.pop_screen()
        await self.push_screen(ResultsScreen(event.path, self._catalog, self._store.root))

    @property
    def setup_left_at(self) -> Path | None:
        """The folder of a setup that the app's end stopped; None: none was at work."""
        return self._setup.left_at if self._setup is not None else None

    # --- the top line -------------------------------------------------------------------------

    @on(TabScreen.Seen)
    def _seen(self) -> None:
        self._top = ()
        self._show_top()

    def _show_top(self) -> None:
        screen = self.screen_stack[-1] if self.screen_stack else None  # none any more at the end
        if not isinstance(screen, TabScreen) or not screen.is_complete:
            self._top = ()
            return
        self._gpus = self._gpu_words()
        screen.set_strip(self._strip())
        running, waiting = live_runs(self._store)
        setting_up = self._setup is not None and self._setup.is_working
        now = (self._tab, self._gpus, str(len(running)), str(len(waiting)), str(setting_up))
        if now != self._top:
            self._top = now
            screen.set_top(self._machine(), _live_words(running, waiting, setting_up), self._tabs())

    def _machine(self) -> Text:
        facts = self._facts
        words = " · ".join(word for word in (facts.host, facts.machine, self._gpus) if word)
        return Text.assemble(("mlperf-tui", STRONG), "  ", (words, QUIET))

    def _tabs(self) -> Text:
        parts = []
        for name, (number, word) in TABS.items():
            # As a key: the screen of the click is gone before its own handler could return.
            meta = Style(meta={"@click": f"app.simulate_key({number!r})"})
            look = Style(bold=True, reverse=True) if name == self._tab else Style.null()
            parts.append(Text.assemble((number, KEY + meta), (" ", meta), (f"{word}", look + meta)))
        return Text("  ").join(parts)

    def _strip(self) -> list[Meter]:
        from tui.present import gpu

        latest = self._gpu_sampler.latest
        if latest.sample is None and latest.error == NO_DRIVER:
            return []  # said at the top
        return gpu.gpu_meters(latest, self._clock.boottime_s())

    def _live_run(self) -> Run | None:
        """The run that goes on, to be marked beside what the GPUs do."""
        running, _ = live_runs(self._store)
        return self._store.open(running[0]) if running else None

    def _gpu_words(self) -> str:
        from tui.present import gpu

        latest = self._gpu_sampler.latest
        return gpu.names(latest.sample) or ("no GPU" if latest.error == NO_DRIVER else "")

    # --- help, copy, settings -----------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """A key or a click: what the user was told has been read."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        if isinstance(event, (events.Key, events.MouseDown)) and isinstance(screen, FrameScreen):
            screen.heard()
        if (
            isinstance(event, events.Key)
            and not event.is_forwarded
            and isinstance(screen, FrameScreen)
            and not screen.is_typing
            and (
                await self._check_bindings(event.key, priority=True)
                or await self._check_bindings(event.key)
            )
        ):
            # At once. Textual sends a key from widget to widget first, where others overtake it:
            # Enter, typed fast after an arrow, took the row that the arrow had not yet left.
            return
        await super().on_event(event)

    async def action_help(self) -> None:
        """What one does here, and every key that works."""
        screen = self.screen
        if isinstance(screen, FrameScreen):
            from widgets.dialog import Sheet

            keys = help_lines(screen)
            await self.push_screen(
                Sheet(f"{screen.NAME}: help", [Text(screen.HELP), Text(""), *keys])
            )

    def _copyable(self) -> tuple[str, str] | None:
        screen = self.screen
        if isinstance(screen, FrameScreen):
            return screen.copyable()
        text = getattr(screen, "copyable", None)  # a sheet over it
        return ("the text", text) if isinstance(text, str) else None

    def action_copy(self) -> None:
        """By OSC 52, into the clipboard of the terminal at the other end of SSH."""
        if (found := self._copyable()) is None:
            self._say("there is nothing to copy here", Tone.WARNING)
            return
        what, text = found
        self.copy_to_clipboard(text)
        self._say(f"copied {what} (OSC 52); Y writes it to a file, for terminals without it")

    def action_copy_to_file(self) -> None:
        """The same into a file, for terminals that refuse OSC 52."""
        if (found := self._copyable()) is None:
            self._say("there is nothing to copy here", Tone.WARNING)
            return
        what, text = found
        path = self._store.root / "copied.txt"
        try:
            home.write_atomic(path, text + "\n")
        except OSError as error:
            self._say(f"{path}: {error.strerror}", Tone.BAD)
        else:
            self._say(f"wrote {what} to {path}")

    def _say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, FrameScreen):
                screen.say(text, tone)
                return
            if (say := getattr(screen, "say", None)) is not None:  # a sheet over it
                say(badge_text(Badge(text, tone)))
                return

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the palette offers beside the keys of the screen."""
        for name, (number, word) in TABS.items():
            yield SystemCommand(
                word, f"Go to the screen ({number})", partial(self.action_tab, name)
            )
        yield SystemCommand("Help", "What one does here, and every key (?)", self.action_help)
        yield SystemCommand("Copy", "By OSC 52 (y)", self.action_copy)
        yield SystemCommand(
            "Copy to a file", "For terminals without it (Y)", self.action_copy_to_file
        )
        for words, value in (("Mouse on", True), ("Mouse off", False)):
            yield SystemCommand(
                words,
                "Remembered for the next start; off, the terminal selects text by itself",
                partial(self._remember_mouse, value),
            )
        yield SystemCommand("Screenshot", "As SVG, in the data root", self._write_screenshot)
        yield SystemCommand("Quit", "Runs go on (q)", self.action_quit)

    def _remember_mouse(self, wanted: bool) -> None:
        try:
            path = home.write_setting("mouse", "true" if wanted else "false")
        except MlperfTuiError as error:
            self._say(str(error), Tone.BAD)
        else:
            self._say(f"mouse {'on' if wanted else 'off'} from the next start on ({path})")

    def _write_screenshot(self) -> None:
        path = self._store.root / "screenshot.svg"
        try:
            home.write_atomic(path, self.export_screenshot())
        except OSError as error:
            self._say(f"{path}: {error.strerror}", Tone.BAD)
        else:
            self._say(f"wrote {path}")

    # --- the end ------------------------------------------------------------------------------

    def _repaint(self, _: object) -> None:
        """After fg the screen stays blank (Textual 8.2)."""
        self.screen.refresh(repaint=True, layout=True)


def _samplers(
    nvml: Callable[[], GpuSource] | None,
    host: Callable[[], HostTeller] | None,
    clock: Clock,
    history: History,
) -> tuple[Sampler[GpuSnapshot], Sampler[HostSample]]:
    """GPUs and host, once a second; each in a thread of its own, which holds up no end."""
    from tui.engine.telemetry.sampler import gpu_sampler, host_sampler

    now = clock.boottime_s
    return (
        gpu_sampler(
            nvml or _nvml, clock=now, heard=lambda sample, at: history.add(at, sample.readings)
        ),
        host_sampler(host or _host, clock=now),
    )


def _nvml() -> GpuSource:
    from tui.engine.telemetry.nvml import NvmlSource

    return NvmlSource()


def _host() -> HostTeller:
    from tui.engine.telemetry.host import HostSource

    return HostSource()


def _live_words(running: Sequence[str], waiting: Sequence[str], setting_up: bool) -> Text:
    parts = [badge_text(Badge("setup", Tone.ACTIVE))] if setting_up else []
    if running:
        parts.append(badge_text(Badge(f"{len(running)} running", Tone.ACTIVE)))
    if waiting:
        parts.append(badge_text(Badge(f"{len(waiting)} queued", Tone.WAITING)))
    return Text("  ").join(parts) if parts else Text("nothing runs", QUIET)


def open_app(*, ascii_only: bool) -> int:
    """Open the app, and say at its end what goes on.

    Raises:
        MlperfTuiError: a profile, the settings or the data root are not usable.
    """
    from tui.engine import catalog, sut

    store = RunStore(home.data_root())
    mouse = home.read_settings().get("mouse", True) is not False
    app = MlperfTui(catalog.load(), store, sut.describe(), ascii_only=ascii_only)
    app.run(mouse=mouse)
    running, waiting = live_runs(store)
    for run_id in (*running, *waiting):
        sys.stderr.write(
            f"{run_id} goes on; mlperf-tui shows it, mlperf-tui stop {run_id} ends it\n"
        )
    if (folder := app.setup_left_at) is not None:
        sys.stderr.write(f"setup was stopped; mlperf-tui setup {folder} goes on from there\n")
    return app.return_code or 0
