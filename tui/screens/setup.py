"""Make an official installation: what would be run, its steps as they go, the log."""

from __future__ import annotations

import shlex
from contextlib import closing
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget

from tui.engine import home
from tui.engine.errors import MlperfTuiError
from tui.engine.log_index import LogIndex
from tui.engine.setup import options, place, steps, told
from tui.engine.setup import work as engine
from tui.engine.setup.step import TITLES, Request
from tui.engine.setup.steps import Plan
from tui.engine.sut import SystemFacts
from tui.present import setup as present
from tui.present.log import line_look
from tui.screens.frame import Clock, in_words
from tui.screens.log_frame import LogFrame
from widgets.choice_list import ChoiceList
from widgets.dialog import Paragraphs
from widgets.line import Line, Rule
from widgets.log_view import LogView
from widgets.panel import PanelView
from widgets.rows import Cell, Tone
from widgets.tones import QUIET, STRONG, badge_text

if TYPE_CHECKING:
    from pathlib import Path

    from widgets.prompt import Prompt

LOOK_S = 1.0


class SetupScreen(LogFrame):
    """The commands before anything is started; then the steps, and below them the log."""

    NAME = "Setup"
    HELP = (
        "Makes the MLCFlow installation that official runs use: a Python environment of its own, "
        "mlcflow, the engines, MLPerf's automation scripts, and a proof that mlcr works. What is "
        "there already is taken as it is. Enter starts what is shown; o changes the folder, or "
        "takes clones on disk in place of GitHub (--from-mirror DIR). It goes on when you leave "
        "this screen; x, or quitting mlperf-tui, stops it, and the next setup goes on from there. "
        "Where it fails, y copies the command that helps."
    )
    CSS_PATH = "setup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+j", "start", "start", priority=True),
        Binding("x", "stop", "stop"),
        Binding("o", "options", "options"),
        Binding("u", "make_default", "use for runs"),
        Binding("y", "app.copy", "copy"),
        Binding("escape", "leave", "back"),
    ]

    class Happened(Message):
        """The setup has come to something."""

        def __init__(self, event: told.Event) -> None:
            super().__init__()
            self.event = event

    class Heard(Message):
        """How far the step that goes on is."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

        def can_replace(self, message: Message) -> bool:
            """Only the latest matters."""
            return isinstance(message, SetupScreen.Heard)

    class Broken(Message):
        """It could not be started, or not go on."""

        def __init__(self, why: str) -> None:
            super().__init__()
            self.why = why

    def __init__(self, facts: SystemFacts, data_root: Path, clock: Clock) -> None:
        self._has_gpu = facts.nvidia_driver is not None
        self._data_root = data_root
        self._now_s = clock.boottime_s
        self._request = Request(place.default_folder(), has_gpu=self._has_gpu)
        super().__init__(place.Place(self._request.folder).log)
        self._plan: Plan | None = None
        self._problem = ""
        """Why nothing can be started."""
        self._steps: dict[str, told.StepChanged] = {}
        self._notes: list[str] = []
        self._end: told.Finished | None = None
        self._began_s: float | None = None
        self._step_began_s = 0.0
        self._words = ""
        """How far the step that goes on is."""
        self._stopped = Event()
        self.left_at: Path | None = None
        """The folder of a setup that the end of the app has stopped."""

    def body(self) -> ComposeResult:
        """Where, the steps, what is wrong, the commands or the log."""
        yield Line(id="head")
        yield ChoiceList(present.COLUMNS, "", heading=False, id="steps")
        yield PanelView(heading=False, id="said")
        yield Rule()
        with VerticalScroll(id="commands"):
            yield Paragraphs(())
        yield LogView()

    def on_mount(self) -> None:
        """Say what would be run."""
        self.query_one(ChoiceList).can_focus = False
        self.query_one(LogView).display = False
        self._timer = self.set_interval(LOOK_S, self._show_steps)
        self._replan()

    def on_unmount(self) -> None:
        """The app ends: what was started is stopped."""
        if self.is_working:
            self.left_at = self._request.folder
        self._stopped.set()

    def on_screen_resume(self) -> None:
        """Seen again."""
        self._timer.resume()
        if self._began_s is None:
            self._replan()
        self._show()

    def on_screen_suspend(self) -> None:
        """Not seen; the setup goes on."""
        self._timer.pause()

    @property
    def is_working(self) -> bool:
        """A setup goes on."""
        return self._began_s is not None and self._end is None

    @property
    def is_growing(self) -> bool:
        """The log may get longer."""
        return self.is_working

    # --- what would be done ---------------------------------------------------------------------

    @work(thread=True, exclusive=True, group="plan")
    def _replan(self) -> None:
        try:
            plan, problem = steps.plan(self._request), ""
        except (MlperfTuiError, OSError) as error:
            plan, problem = None, in_words(error)
        self.app.call_from_thread(self._planned, plan, problem)

    def _planned(self, plan: Plan | None, problem: str) -> None:
        if self.is_working:
            return
        self._plan, self._problem = plan, problem
        if self.is_mounted:
            self._show()
            self.refresh_bindings()

    async def action_options(self) -> None:
        """Another folder, a mirror, a branch."""
        await self.ask("setup", options.words(self._request), self.query_one(Rule), id="options")

    async def on_prompt_sent(self, event: Prompt.Sent) -> None:
        """What to set up, or a word to look for."""
        if not self.query("#options"):
            return  # the base looks for it
        event.prevent_default()
        try:
            request = options.parse(shlex.split(event.text), has_gpu=self._has_gpu)
            place.at(request.folder)
        except (MlperfTuiError, ValueError) as error:
            self.say(in_words(error), Tone.BAD)
            self.query_one("Prompt").field.again()  # type: ignore[attr-defined]
            return
        await self.close_prompt(self.resting_place)
        self._request = request
        self._steps, self._notes = {}, []
        self._end, self._began_s = None, None
        self._replan()
        self._show()

    @property
    def resting_place(self) -> Widget:
        """The commands; the log, once there is one."""
        return self.query_one(LogView if self._began_s is not None else "#commands")

    # --- doing it -------------------------------------------------------------------------------

    def action_start(self) -> None:
        """Start what is shown, or go on where it ended."""
        if self._plan is None:
            self.say(self._problem or "a moment …", Tone.BAD if self._problem else Tone.PLAIN)
            return
        self._steps, self._notes, self._end = {}, [], None
        self._began_s = self._step_began_s = self._now_s()
        self._stopped = Event()
        self._log.close()
        self._log = LogIndex(self._plan.place.log)
        view = self.query_one(LogView)
        view.finish()
        view.show(self._log, line_look, live=True)
        self._work(self._plan, self._stopped)
        self._show()
        self.set_focus(view)
        self.refresh_bindings()

    @work(thread=True, group="setup")
    def _work(self, plan: Plan, stopped: Event) -> None:
        outside = engine.Outside(is_stopped=stopped.is_set, data_root=self._data_root)
        try:
            with closing(engine.run(plan, outside)) as events:
                for event in events:
                    if not isinstance(event, told.Printed):
                        self.post_message(self.Happened(event))
                    elif words := present.progress(event.text):  # the log has all lines
                        self.post_message(self.Heard(words))
        except (MlperfTuiError, OSError) as error:
            self.post_message(self.Broken(in_words(error)))

    @on(Heard)
    def _hear(self, event: Heard) -> None:
        self._words = event.words
        self._show_steps()

    @on(Broken)
    def _broken(self, event: Broken) -> None:
        self._take(self.Happened(told.Finished(False, self._seconds, str(self._request.folder))))
        self.say(event.why, Tone.BAD)

    @on(Happened)
    def _take(self, happened: Happened) -> None:
        event = happened.event
        if isinstance(event, told.StepChanged):
            self._steps[event.name] = event
            self._words = ""
            self._step_began_s = self._now_s()
        elif isinstance(event, told.Noted):
            self._notes.append(event.text)
        elif isinstance(event, told.Finished):
            self._end = event
            self.query_one(LogView).finish()
            self.heard()
            self._replan()  # a call that goes on may have other commands
        self._show()
        self.refresh_bindings()

    def action_stop(self) -> None:
        """Stop it: no question, nothing is lost."""
        self._stopped.set()
        self.say("stopping; the next setup goes on from there …")

    def action_make_default(self) -> None:
        """Official runs take this installation from now on."""
        try:
            file = home.write_setting("installation", str(self._request.folder))
        except MlperfTuiError as error:
            self.say(str(error), Tone.BAD)
        else:
            self.say(f"runs use {self._request.folder} from now on ({file})")
        self._show()
        self.refresh_bindings()

    def action_leave(self) -> None:
        """Back; a search ends first. A setup goes on."""
        if not self.end_search():
            self.app.pop_screen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Start where none goes on, stop where one does."""
        working = self.is_working
        possible: dict[str, bool] = {
            "start": not working and not (self._end is not None and self._end.ok),
            "stop": working,
            "options": not working,
            "make_default": self._can_be_default,
            "search": self._began_s is not None,
        }
        return possible.get(action, True) and super().check_action(action, parameters)

    @property
    def _can_be_default(self) -> bool:
        done = self._end is not None and self._end.ok
        return done and place.can_become_default(self._request.folder)

    # --- what is shown --------------------------------------------------------------------------

    @property
    def _seconds(self) -> float:
        if self._end is not None:
            return self._end.seconds
        return self._now_s() - self._began_s if self._began_s is not None else 0.0

    def _show(self) -> None:
        if not self.is_mounted:
            return
        begun = self._began_s is not None
        self.query_one("#commands").display = not begun
        self.query_one(LogView).display = begun
        self._show_steps()
        view = self.query_one("#said", PanelView)
        panel = present.panel(
            self._steps.values(),
            self._notes,
            self._end,
            problem=self._problem,
            is_working=self.is_working,
            folder=self._request.folder,
        )
        view.show([panel])
        if not begun:
            lines = present.dry_run(self._plan) if self._plan is not None else []
            self.query_one(Paragraphs).show([Text(line) for line in lines])
            self.query_one(Rule).show("", Text("what Enter runs", QUIET))
            if not self.is_typing:
                self.set_focus(self.query_one("#commands"))
        else:
            self.show_rule()

    def _show_steps(self) -> None:
        """Steps and times; nothing else changes by itself."""
        if not self.is_mounted:
            return
        badge = present.badge(self._end, self._seconds, is_working=self.is_working)
        head = Text.assemble(("Setup", STRONG), "  ", str(self._request.folder))
        self.query_one("#head", Line).show(head, badge_text(badge))
        rows = self.query_one(ChoiceList)
        names = [engine.CHECKS, *TITLES]
        rows.set_rows(len(names), lambda nth: self._row(names[nth]))
        here = [nth for nth, name in enumerate(names) if name in self._steps]
        rows.go_to(here[-1] if here else 0)

    def _row(self, name: str) -> tuple[Cell, ...]:
        step = self._steps.get(name)
        seconds = None
        if step is not None:
            going_on = step.state == told.RUNNING
            seconds = self._now_s() - self._step_began_s if going_on else step.seconds
        title = TITLES.get(name, engine.CHECKS_TITLE)
        return present.row(name, title, step, seconds, self._words)

    def copyable(self) -> tuple[str, str] | None:
        """What helps where it failed; before the start all commands; at the end the first run."""
        commands = [
            one.command for step in self._steps.values() for one in step.problems if one.command
        ]
        if commands:
            return "the command", "\n".join(commands)
        if self._end is not None and self._end.ok:
            return "the first run", present.first_run(self._request.folder)
        if self._plan is None:
            return None
        return "the commands", "\n".join(present.dry_run(self._plan))
