"""Every run that was: open, stop, delete, run again; and the queue with its order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from tui.engine import launch, sut
from tui.engine.errors import MlperfTuiError, NotFoundError
from tui.engine.queue import live_runs, queue_of, queues
from tui.engine.store import FINAL, Run, RunStore
from tui.present import metrics
from tui.present import run as present_run
from tui.screens.frame import Clock, TabScreen, stop
from widgets.choice_list import ChoiceList
from widgets.dialog import Confirm
from widgets.line import Line
from widgets.rows import Cell, Tone
from widgets.tones import KEY, QUIET, STRONG

if TYPE_CHECKING:
    from widgets.prompt import Prompt

LOOK_S = 1.0
DAMAGES = (NotFoundError, OSError, KeyError, TypeError, ValueError, AttributeError)
"""What a folder may bring that another version wrote, or half of it; it is shown as damaged."""
EMPTY = "No runs yet. 1 goes to the benchmarks; Enter on smoke starts a 10-second run."
PATH = "path"
"""The prompt for one."""
NO_MATCH = "No run has these words. Esc shows all."


class HistoryScreen(TabScreen):
    """The runs, newest first. Of thousands only those in view are read."""

    NAME = "Runs"
    HELP = (
        "Every run of this data root, newest first; a run is a folder and stays until you delete "
        "it. Enter opens one. Runs on one installation wait for each other: K and J move a waiting "
        "run up and down in its queue. / filters by words: smoke, Server, VALID, failed, xen. i "
        "shows LoadGen output that lies elsewhere: a log, a folder, a whole submission."
    )
    CSS_PATH = "history.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+j", "open", "open", priority=True),
        Binding("x", "stop", "stop", priority=True),
        Binding("r", "again", "rerun"),
        Binding("D,delete", "delete", "delete", key_display="D", priority=True),
        Binding("K", "queue(-1)", "sooner"),
        Binding("J", "queue(1)", "later"),
        Binding("y", "app.copy", "copy"),
        Binding("slash", "filter", "filter", priority=True),
        Binding("i", "open_path", "import a path"),
        Binding("escape", "back", "all", show=False),
    ]

    class Opened(Message):
        """A run was started once more and is to be shown."""

        def __init__(self, run: Run) -> None:
            super().__init__()
            self.run = run

    class PathWanted(Message):
        """LoadGen output from elsewhere is to be shown."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    class Matched(Message):
        """Runs that have the filter's words, newest first."""

        def __init__(self, words: str, ids: list[str]) -> None:
            super().__init__()
            self.words, self.ids = words, ids

    def __init__(
        self, store: RunStore, clock: Clock, show: Callable[[Run], Awaitable[None]]
    ) -> None:
        super().__init__()
        self._clock = clock
        self._show_run = show
        self._store = store
        self._ids: list[str] = []
        self._all: list[str] = []
        self._words = self._matched_words = ""
        self._live: tuple[list[str], list[str]] = ([], [])
        self._read: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str]] = {}
        """What was read of runs that are over: that does not change any more."""
        self._places: dict[str, int] = {}
        self._seen: tuple[Sequence[tuple[Cell, ...]], str] = ((), "")

    # --- what is shown ------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """The list."""
        yield Line(id="filter")
        yield ChoiceList(present_run.HISTORY, EMPTY)

    def on_mount(self) -> None:
        """Look at the folder every second while this is seen."""
        self._timer = self.set_interval(LOOK_S, self._look)
        self.set_focus(self.query_one(ChoiceList))

    def on_screen_resume(self) -> None:
        """Seen again."""
        self._look()
        self._timer.resume()

    def on_screen_suspend(self) -> None:
        """Not seen: nothing is read."""
        self._timer.pause()

    def _look(self) -> None:
        """Read the names, and the rows in view; repaint where something is new."""
        self._places = {
            run_id: n
            for queue in queues(self._store.root)
            for n, (_, run_id) in enumerate(queue.tickets(), 1)
        }
        ids, live = self._store.ids(), live_runs(self._store)
        if ids != self._all or (self._words and live != self._live):
            self._all, self._live = ids, live
            self._match()
        rows = self.query_one(ChoiceList)
        shown = [self._row(index) for index in self._in_view(rows)]
        if (shown, self._words) != self._seen:
            self._seen = (shown, self._words)
            rows.refresh()
            self._show_filter()
            self.refresh_bindings()

    def _in_view(self, rows: ChoiceList) -> range:
        top = int(rows.scroll_offset.y)
        return range(top, min(len(self._ids), top + rows.size.height))

    def _show_filter(self) -> None:
        words = self._words or "filter"
        count = metrics.count(len(self._ids), "run", "runs")
        self.query_one("#filter", Line).show(
            Text.assemble(("/ ", KEY), (words, STRONG if self._words else QUIET)),
            Text(count, QUIET),
        )

    def _row(self, index: int) -> tuple[Cell, ...]:
        run_id = self._ids[index]
        try:
            found, results, environment = self._overview(run_id)
        except DAMAGES:
            return (Cell("damaged", Tone.UNKNOWN), Cell(run_id), *[Cell("")] * 6)
        now = self._clock.utc()
        return present_run.history_row(found, results, environment, self._places.get(run_id), now)

    def _overview(self, run_id: str) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
        if run_id in self._read:
            return self._read[run_id]
        run = Run(self._store.runs / run_id)
        found = present_run.overview(run)
        about = (found, run.result or [], present_run.environment(run.stored_spec))
        # `lost` may be a run that is being made, or one whose state.json is damaged.
        if found["state"] in FINAL and found["state"] != "lost":
            self._read[run_id] = about
        return about

    # --- filter -------------------------------------------------------------------------------

    def _match(self) -> None:
        """The ids alone answer most filters; for the others the runs are read in a thread."""
        words = self._words.lower().split()
        if not words:
            self._show_ids(self._all)
            return
        by_id = [one for one in self._all if all(word in one.lower() for word in words)]
        if by_id and self._matched_words != self._words:
            self._show_ids(by_id)
        self._read_matches(self._words, list(self._all))

    def _show_ids(self, ids: list[str]) -> None:
        here = self.run_here
        self._ids = ids
        rows = self.query_one(ChoiceList)
        rows.set_rows(len(ids), self._row, empty=NO_MATCH if self._words else EMPTY)
        if here is not None and here.id in ids:
            rows.go_to(ids.index(here.id))
        self._show_filter()

    @work(thread=True, exclusive=True, group="match")
    def _read_matches(self, words: str, ids: list[str]) -> None:
        worker, found = get_current_worker(), []
        for run_id in ids:
            if worker.is_cancelled:
                return
            if self._has(run_id, words.lower().split()):
                found.append(run_id)
        self.post_message(self.Matched(words, found))

    def _has(self, run_id: str, words: list[str]) -> bool:
        try:
            found, _, environment = self._overview(run_id)
        except DAMAGES:
            return all(word in run_id.lower() for word in words)
        some = ("state", "verdict", "environment", "mode", "installation", "series")
        text = " ".join((run_id, environment, *(str(found[name]) for name in some))).lower()
        return all(word in text for word in words)

    @on(Matched)
    def _matched(self, event: Matched) -> None:
        if event.words == self._words:
            self._matched_words = event.words
            if event.ids != self._ids:
                self._show_ids(event.ids)

    async def action_filter(self) -> None:
        """Type words that a run must have."""
        self.query_one("#filter").display = False
        await self.ask("/", self._words, self.query_one(ChoiceList))

    async def action_open_path(self) -> None:
        """Type where LoadGen output lies: a log, a folder, a submission."""
        self.query_one("#filter").display = False
        await self.ask("path of LoadGen output", "", self.query_one(ChoiceList), id=PATH)

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        """The filter has other words."""
        if self.query(f"#{PATH}"):
            return
        self._words = event.text
        self._match()

    async def on_prompt_sent(self, event: Prompt.Sent) -> None:
        """The words are complete, or the path."""
        is_path = bool(self.query(f"#{PATH}"))
        await self._close_prompt()
        if not is_path or not event.text.strip():
            return
        path = Path(event.text.strip()).expanduser()
        if path.exists() or path.is_symlink():
            self.post_message(self.PathWanted(path))
        else:
            self.say(f"{path}: no such file or folder", Tone.BAD)

    async def on_prompt_left(self) -> None:
        """Nothing is wanted."""
        if not self.query(f"#{PATH}"):
            self._words = ""
            self._match()
        await self._close_prompt()

    async def _close_prompt(self) -> None:
        self.query_one("#filter").display = True
        self._show_filter()
        await self.close_prompt(self.query_one(ChoiceList))

    def action_back(self) -> None:
        """Show all runs again."""
        if self._words:
            self._words = ""
            self._match()

    # --- what can be done ---------------------------------------------------------------------

    @property
    def run_here(self) -> Run | None:
        """The run under the cursor."""
        index = self.query_one(ChoiceList).cursor
        return Run(self._store.runs / self._ids[index]) if index < len(self._ids) else None

    @on(ChoiceList.Highlighted)
    def _another(self) -> None:
        self.refresh_bindings()

    @on(ChoiceList.Chosen)
    async def _chosen(self) -> None:
        await self.action_open()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop what runs, move what waits, run again or delete what is over."""
        if action not in ("stop", "again", "delete", "queue") or not self.is_mounted:
            return super().check_action(action, parameters)
        run = self.run_here
        if run is None or self.is_typing:
            return False
        over = run.id in self._read or run.current_state().is_final
        waits = run.id in self._places
        return {"stop": not over, "again": over, "delete": over, "queue": waits}[action]

    async def action_open(self) -> None:
        """Show the run. Awaited, so that keys typed ahead go to it."""
        run = self.run_here
        if run is None:
            return
        try:
            _ = run.stored_spec
        except NotFoundError as error:
            self.say(str(error), Tone.BAD)
        else:
            await self._show_run(run)

    async def action_stop(self) -> None:
        """Stop the run, after a yes."""
        run = self.run_here
        if run is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.say("stopping: gently first, then hard …")
                self._stop(run)

        words = f"{run.id}: what it measured so far is lost; its log stays."
        question = Confirm("Stop this run?", words, "stop it", "let it go on")
        await self.app.push_screen(question, answered)

    @work(thread=True)
    def _stop(self, run: Run) -> None:
        self.app.call_from_thread(self._done, stop(run))

    async def action_delete(self) -> None:
        """Delete the run, after a yes."""
        run = self.run_here
        if run is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._delete(run)

        words = f"{run.id}: its log, telemetry and results are gone then."
        question = Confirm("Delete this run?", words, "delete it", "keep it")
        await self.app.push_screen(question, answered)

    @work(thread=True)
    def _delete(self, run: Run) -> None:
        if not run.current_state().is_final or run.is_command_alive():
            self.app.call_from_thread(self._done, "it is not over: stop it first")
            return
        problem = ""
        with suppress(NotFoundError):  # a damaged run.json does not tell the queue
            queue_of(run).leave(run)
        try:
            self._store.delete(run)
        except MlperfTuiError as error:
            problem = str(error)
        self.app.call_from_thread(self._done, problem)

    @work(thread=True, exclusive=True, group="again")
    def action_again(self) -> None:
        """The same run once more."""
        run = self.run_here
        if run is None:
            return
        try:
            made = launch.again(run, self._store, sut.describe())
        except (MlperfTuiError, OSError) as error:
            self.app.call_from_thread(self.say, str(error), Tone.BAD)
            return
        self.post_message(self.Opened(made))

    def _done(self, problem: str) -> None:
        self.heard()
        if problem:
            self.say(problem, Tone.BAD)
        self._look()

    def action_queue(self, places: int) -> None:
        """Move a waiting run in its queue."""
        run = self.run_here
        if run is None:
            return
        try:
            if queue_of(run).move(run.id, places):
                self._look()
            else:
                self.say("it stands there already")
        except (NotFoundError, OSError) as error:
            self.say(str(error), Tone.BAD)

    def copyable(self) -> tuple[str, str] | None:
        """The run's folder."""
        run = self.run_here
        return ("the run's folder", str(run.folder)) if run else None
