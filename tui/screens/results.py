"""Results found below any path: a list, and the panel of the one under the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from tui.engine.catalog import Catalog
from tui.engine.errors import MlperfTuiError
from tui.engine.published import Published
from tui.engine.results import iter_results
from tui.present import metrics
from tui.present import result as present_result
from tui.screens.result_keys import ResultKeys
from widgets.choice_list import ChoiceList
from widgets.line import Line, Rule
from widgets.panel import PanelView, panel_lines
from widgets.rows import Cell, Tone
from widgets.tones import QUIET, STRONG

BATCH = 20
"""So many results are told of at once."""
COPIED_WIDTH = 100


class ResultsScreen(ResultKeys):
    """LoadGen output wherever it lies: a log, a folder, a whole submission."""

    NAME = "Results"
    HELP = (
        "Every LoadGen run below the path, each once, with its kind, our verdict and MLCommons' "
        "number. Enter shows every official check of the one under the cursor, m and M its raw "
        "summary and detail log, e writes what is seen as a picture. Tab leads into the panel."
    )
    CSS_PATH = "results.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "app.copy", "copy"),
        Binding("escape", "app.pop_screen", "back"),
    ]

    class Read(Message):
        """More results were read."""

        def __init__(self, results: list[dict[str, Any]]) -> None:
            super().__init__()
            self.results = results

    class Ended(Message):
        """All was read; or it cannot be."""

        def __init__(self, problem: str, left_out: int) -> None:
            super().__init__()
            self.problem, self.left_out = problem, left_out

    def __init__(self, path: Path, catalog: Catalog, root: Path) -> None:
        super().__init__()
        self._path, self._catalog, self._root = path, catalog, root
        self._published = Published(catalog)
        self._results: list[dict[str, Any]] = []
        self._gone = Event()
        self._words = "reading …"

    def body(self) -> ComposeResult:
        """The path, the list, the panel."""
        yield Line(id="head")
        yield ChoiceList(present_result.LISTED, "Nothing read yet.")
        yield Rule()
        with VerticalScroll(id="result"):
            yield PanelView()

    def on_mount(self) -> None:
        """Read in a thread: a submission has thousands of logs."""
        self.set_focus(self.query_one(ChoiceList))
        self._show_head()
        self._read()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self._gone.set()

    @work(thread=True, group="read")
    def _read(self) -> None:
        batch: list[dict[str, Any]] = []
        left_out: list[Path] = []
        problem = ""
        try:
            found = iter_results(self._path, self._catalog, lambda path, _: left_out.append(path))
            for one in found:
                if self._gone.is_set():
                    return
                batch.append(one.to_json())
                if len(batch) >= BATCH or not self._results:
                    self.post_message(self.Read(batch))
                    batch = []
        except (MlperfTuiError, OSError) as error:
            problem = str(error)
        self.post_message(self.Read(batch))
        self.post_message(self.Ended(problem, len(left_out)))

    @on(Read)
    def _more(self, event: Read) -> None:
        if not event.results:
            return
        is_first = not self._results
        self._results += event.results
        rows = self.query_one(ChoiceList)
        here = rows.cursor
        rows.set_rows(len(self._results), self._row, empty="")
        rows.go_to(here)
        self._show_head()
        if is_first:
            self._show_panel()

    @on(Ended)
    def _ended(self, event: Ended) -> None:
        self._words = ""
        if event.left_out:
            self._words = f"{event.left_out} left out"
        self._show_head()
        if event.problem:
            self.say(event.problem, Tone.BAD)
            if not self._results:
                self.query_one(ChoiceList).set_rows(0, self._row, empty=event.problem)

    def _row(self, index: int) -> Sequence[Cell]:
        return present_result.listed_row(self._results[index], str(self._path.absolute()))

    def _show_head(self) -> None:
        count = metrics.count(len(self._results), "result", "results")
        words = " · ".join(word for word in (count, self._words) if word)
        self.query_one("#head", Line).show(Text(str(self._path), STRONG), Text(words, QUIET))

    @on(ChoiceList.Highlighted)
    def _show_panel(self) -> None:
        panels = [
            present_result.panel(one, self._published.beside(one)) for one in self.results_here
        ]
        # Where it lies stands in the list.
        shown = [
            replace(one, facts=tuple(fact for fact in one.facts if fact.label != "log"))
            for one in panels
        ]
        self.query_one(PanelView).show(shown)
        self.query_one("#result", VerticalScroll).scroll_home(animate=False)
        self.refresh_bindings()

    @on(ChoiceList.Chosen)
    def _chosen(self) -> None:
        self.action_checks()

    @property
    def results_here(self) -> Sequence[Mapping[str, Any]]:
        """The one under the cursor."""
        if not self.is_mounted:
            return ()
        index = self.query_one(ChoiceList).cursor
        return self._results[index : index + 1]

    @property
    def export_root(self) -> Path:
        """The data root."""
        return self._root

    def copyable(self) -> tuple[str, str] | None:
        """The panel that is shown."""
        lines = [
            line.plain.rstrip()
            for one in self.results_here
            for line in panel_lines(
                present_result.panel(one, self._published.beside(one)), COPIED_WIDTH
            )
        ]
        return ("the result", "\n".join(lines)) if lines else None
