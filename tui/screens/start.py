"""Starting runs from a screen: a look at the machine first, and a question where it is needed."""

from __future__ import annotations

from textual import work
from textual.message import Message

from tui.engine import launch
from tui.engine.catalog import Catalog
from tui.engine.errors import MlperfTuiError
from tui.engine.launch import Plan
from tui.engine.store import Run, RunStore
from tui.engine.sut import SystemFacts
from tui.screens.frame import FrameScreen, in_words
from widgets.rows import Tone


class StartScreen(FrameScreen):
    """A screen that starts what is chosen on it."""

    class Started(Message):
        """Runs are on their way; the first one is named."""

        def __init__(self, run: Run, count: int) -> None:
            super().__init__()
            self.run, self.count = run, count

    def __init__(self, catalog: Catalog, store: RunStore, facts: SystemFacts) -> None:
        super().__init__()
        self._catalog, self._store, self._facts = catalog, store, facts
        self._starting = False

    def start_runs(self, plan: Plan) -> None:
        """Start what is planned; where the machine is not fit for it, after a yes."""
        if not self._starting:
            self._starting = True
            self.say("starting …")
            self._look(plan)

    @work(thread=True)
    def _look(self, plan: Plan) -> None:
        from tui.present import doctor as present

        found = launch.checked(plan, self._catalog, self._store)
        words = present.against(found)
        self.app.call_from_thread(self._confirm, plan, words)

    def _confirm(self, plan: Plan, words: str) -> None:
        if not words:
            self._start(plan)
            return
        from widgets.dialog import Confirm

        def answered(yes: bool | None) -> None:
            if yes:
                self._start(plan)
            else:
                self._starting = False
                self.say("not started; 6 Doctor says what to do", Tone.WARNING)

        question = Confirm("Start all the same?", words, "start", "no")
        self.app.push_screen(question, answered)

    @work(thread=True)
    def _start(self, plan: Plan) -> None:
        made: list[Run] = []
        problem = ""
        try:
            for _ in launch.begin(plan, self._store, self._facts, made):
                pass
        except (MlperfTuiError, OSError) as error:
            problem = in_words(error)
        self.app.call_from_thread(self._begun, made, problem)

    def _begun(self, made: list[Run], problem: str) -> None:
        self._starting = False
        self.heard()
        if problem:
            self.say(problem, Tone.BAD)
        if made:
            self.post_message(self.Started(made[0], len(made)))
