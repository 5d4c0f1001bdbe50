"""The doctor: what was found on this machine, problems first, each with its fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.engine import doctor
from tui.engine.doctor import Check, Fix, Outside
from tui.engine.queue import live_runs
from tui.engine.store import RunStore
from tui.present import doctor as present
from tui.present import metrics
from tui.screens.frame import Clock, TabScreen
from widgets.choice_list import ChoiceList
from widgets.dialog import Confirm, Sheet
from widgets.line import Line, Rule
from widgets.panel import PanelView, panel_lines
from widgets.rows import Tone
from widgets.tones import QUIET, STRONG, badge_text

LOOK_S = 10.0
LOOKING = "Looking at this machine; a few seconds."


class DoctorScreen(TabScreen):
    """Every check of this machine; the one under the cursor with its reason and its fix."""

    NAME = "Doctor"
    HELP = (
        "Checks of this machine and of what is set up on it, in under three seconds; nothing is "
        "changed. Problems come first. Below the list: why the check under the cursor matters, and "
        "what to do about it, as a command. y copies that; F runs it after a yes, where it touches "
        "only what is mlperf-tui's own or mlcr's cache, and says else why it must be run by hand. "
        "r looks again, a also asks whether GitHub and pip's index can be reached."
    )
    CSS_PATH = "doctor.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+j", "explain", "all of it", priority=True),
        Binding("F", "fix", "run the fix"),
        Binding("r", "again(False)", "look again"),
        Binding("a", "again(True)", "network too"),
        Binding("i", "setup", "set up"),
        Binding("y", "app.copy", "copy"),
    ]

    class Found(Message):
        """A check was made."""

        def __init__(self, examination: int, check: Check) -> None:
            super().__init__()
            self.examination, self.check = examination, check

    class Over(Message):
        """All were made."""

        def __init__(self, examination: int) -> None:
            super().__init__()
            self.examination = examination

    def __init__(self, outside: Callable[[], Outside], store: RunStore, clock: Clock) -> None:
        super().__init__()
        self._outside, self._store, self._clock = outside, store, clock
        self._found: dict[str, Check] = {}
        self._rows: list[Check] = []
        self._examination = 0
        """Which one this is: an earlier one that still answers is not heard."""
        self._new: set[str] = set()
        """What this examination has told so far."""
        self._of = 0
        self._over_at_s: float | None = None
        self._has_network = False
        self._chosen: str | None = None
        """The check where the user has put the cursor; None: it stays on the first."""

    def body(self) -> ComposeResult:
        """How many of what, the list, the one under the cursor."""
        yield Line(id="verdict")
        yield ChoiceList(present.COLUMNS, LOOKING)
        yield Rule()
        yield PanelView(id="about")

    def on_mount(self) -> None:
        """Begin at once."""
        self.set_focus(self.query_one(ChoiceList))
        self.set_interval(LOOK_S, self._show_verdict)
        self._begin()

    # --- looking --------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._examination += 1
        self._new, self._over_at_s = set(), None
        self._show_verdict()
        self._examine(self._examination, self._has_network)

    @work(thread=True, group="examine")
    def _examine(self, examination: int, has_network: bool) -> None:
        world = replace(self._outside(), has_network=has_network)
        self._of = len(doctor.asked_of(world))
        for one in doctor.examine(world):
            self.post_message(self.Found(examination, one))
        self.post_message(self.Over(examination))

    @on(Found)
    def _take(self, event: Found) -> None:
        if event.examination == self._examination:
            self._found[event.check.id] = event.check
            self._new.add(event.check.id)
            self._show()

    @on(Over)
    def _end(self, event: Over) -> None:
        if event.examination == self._examination:
            self._found = {name: one for name, one in self._found.items() if name in self._new}
            self._over_at_s = self._clock.boottime_s()
            self._show()

    # --- what is shown --------------------------------------------------------------------------

    @property
    def _here(self) -> Check | None:
        """The check under the cursor."""
        place = self.query_one(ChoiceList).cursor
        return self._rows[place] if place < len(self._rows) else None

    def _show(self) -> None:
        self._rows = doctor.in_order(self._found.values())
        rows = self.query_one(ChoiceList)
        rows.set_rows(len(self._rows), lambda nth: present.row(self._rows[nth]))
        ids = [one.id for one in self._rows]
        rows.go_to(ids.index(self._chosen) if self._chosen in ids else 0)
        self._show_verdict()
        self._show_about()

    def _show_verdict(self) -> None:
        words = Text("  ").join(badge_text(one) for one in present.summary(self._rows))
        left = words if self._rows else Text("Doctor", STRONG)
        self.query_one("#verdict", Line).show(left, Text(self._progress(), QUIET))

    def _progress(self) -> str:
        if self._over_at_s is None:
            return f"looking: {len(self._new)} of {self._of}" if self._of else "looking …"
        return f"seen {metrics.age(self._clock.boottime_s() - self._over_at_s)} ago"

    def _show_about(self) -> None:
        here = self._here
        self.query_one("#about", PanelView).show([present.panel(here)] if here is not None else [])
        self.refresh_bindings()

    @on(ChoiceList.Highlighted)
    def _moved(self) -> None:
        here = self._here
        if here is not None and self.query_one(ChoiceList).has_focus:
            self._chosen = here.id if self.query_one(ChoiceList).cursor else None
        self._show_about()

    # --- what can be done -----------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A fix can be run only where there is one."""
        if action == "fix" and (self._here is None or self._here.fix is None):
            return False
        return super().check_action(action, parameters)

    def action_again(self, has_network: bool) -> None:
        """Look once more; what is known stays in view meanwhile."""
        self._has_network = has_network
        self._begin()

    def action_explain(self) -> None:
        """Everything about the check under the cursor."""
        if (here := self._here) is not None:
            width = max(10, min(92, self.app.size.width - 6))
            copied = here.fix.command if here.fix is not None and here.fix.command else ""
            lines = panel_lines(present.panel(here, with_key=False), width)
            self.app.push_screen(Sheet("Doctor", lines, copyable=copied))

    @on(ChoiceList.Chosen)
    def _clicked(self) -> None:
        self.action_explain()

    def action_fix(self) -> None:
        """Run the fix, after a yes; where it is not ours to run, say why."""
        here = self._here
        if here is None or here.fix is None:
            return
        fix = here.fix
        if not fix.is_safe:
            self.say(f"by hand: {fix.by_hand}", Tone.WARNING)
            return
        if live_runs(self._store)[0]:
            self.say("a run goes on: wait for its end, then run the fix", Tone.WARNING)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.say("running the fix …")
                self._repair(fix)

        words = f"{fix.text}\n\n$ {fix.command}"
        self.app.push_screen(Confirm("Run this fix?", words, "run it", "leave it"), answered)

    @work(thread=True)
    def _repair(self, fix: Fix) -> None:
        self.app.call_from_thread(self._repaired, doctor.repair(fix))

    def _repaired(self, problem: str) -> None:
        if problem:
            self.say(problem, Tone.BAD)
        else:
            self.say("done; looking again")
        self._begin()

    def copyable(self) -> tuple[str, str] | None:
        """The fix as a command, else everything about the check."""
        here = self._here
        if here is None:
            return None
        if here.fix is not None and here.fix.command:
            return "the fix", here.fix.command
        lines = panel_lines(present.panel(here), 100)
        return "the check", "\n".join(one.plain.rstrip() for one in lines)
