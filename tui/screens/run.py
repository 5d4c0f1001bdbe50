"""One run: where it is, how long yet, what the GPU does, its log; at the end its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message

from tui.engine import beside, follow, launch, learned, spec, sut
from tui.engine.errors import MlperfTuiError
from tui.engine.process import boottime
from tui.engine.published import Published
from tui.engine.queue import queue_of
from tui.engine.runners import runner_of
from tui.engine.store import Run, RunStore
from tui.engine.telemetry.record import Record
from tui.present import charts
from tui.present import explain as present_explain
from tui.present import probe as present_probe
from tui.present import result as present_result
from tui.present import run as present_run
from tui.present.live import LiveRun
from tui.present.log import line_look
from tui.screens.frame import Clock, stop
from tui.screens.log_frame import LogFrame
from tui.screens.result_keys import ResultKeys
from widgets.dialog import Confirm, Sheet
from widgets.elapsed import Elapsed
from widgets.line import Line, Rule
from widgets.log_view import LogView
from widgets.meters import Meters
from widgets.panel import PanelView, panel_lines
from widgets.rows import Badge, Chart, Panel, Tone
from widgets.steps import Steps
from widgets.tones import STRONG, badge_text
from widgets.trend import ChartView

WIDE = 150
"""Columns from which there is a side pane."""
MOST_METERS = 3
TRENDS_S = 5.0
"""A curve of an hour is no other one a second later."""
MOST_ALERTS = 2


class RunScreen(LogFrame, ResultKeys):
    """A run, live or long over."""

    NAME = "Run"
    HELP = (
        "The run goes on when you leave this screen or the program. The first line says whether it "
        "still runs, the next ones which phase, how long at least, and what the GPU does. The log "
        "follows its end until you move up in it; f or G follows again. w explains what is known. "
        "p shows what the GPUs did. At its end Enter shows every check of a closed-division "
        "result, m and M LoadGen's own logs, and R runs it again with what would make it VALID."
    )
    CSS_PATH = "run.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "stop", "stop", priority=True),
        Binding("w", "explain", "why"),
        Binding("W", "cause", "to the cause", show=False),
        Binding("right_curly_bracket", "phase(1)", "next phase", key_display="}", show=False),
        Binding("left_curly_bracket", "phase(-1)", "phase before", key_display="{", show=False),
        Binding("y", "app.copy", "copy"),
        Binding("r", "again", "rerun"),
        Binding("R", "mend", "rerun so"),
        Binding("l", "log", "log only"),
        Binding("p", "record", "GPU"),
        Binding("escape", "leave", "back"),
    ]

    class Again(Message):
        """The same run was started once more."""

        def __init__(self, run: Run) -> None:
            super().__init__()
            self.run = run

    class RecordWanted(Message):
        """What GPUs and host did is to be shown."""

        def __init__(self, run: Run) -> None:
            super().__init__()
            self.run = run

    class Happened(Message):
        """Something happened to the run."""

        def __init__(self, events: list[follow.RunEvent]) -> None:
            super().__init__()
            self.events = events

    def __init__(
        self,
        run: Run,
        store: RunStore,
        clock: Clock,
        published: Published,
        *,
        ascii_only: bool = False,
    ) -> None:
        super().__init__(run.console)
        self._published = published
        self._clock = clock
        self.run_shown = run
        self._store = store
        at_least = ">=" if ascii_only else "≥"
        over = run.stored_state.is_final
        known = {} if over else learned.durations(store, run.stored_spec, run.id)
        self._live = LiveRun(run.stored_spec, at_least=at_least, learned=known)
        self._results = run.result or []
        self._record = Record(run.folder)
        self._probed = present_run.probe_before(run)
        self._queue_place: int | None = None
        self._trends_due = 0.0
        self._seeks_cause = False
        """The line that names the cause has still to be shown, once the log is known so far."""

    def body(self) -> ComposeResult:
        """State above, log below; with room, curves and options beside the log."""
        yield Line(id="head")
        yield Steps()
        yield Elapsed()
        yield Meters(MOST_METERS)
        with VerticalScroll(id="result"):
            yield PanelView(heading=False)
        yield PanelView(heading=False, id="alerts")
        yield Rule()
        with Horizontal():
            yield LogView()
            with Vertical(id="side"):
                yield ChartView()
                yield PanelView(id="options")

    def on_mount(self) -> None:
        """Follow the run."""
        live = not self._live_state_is_final()
        self.query_one(LogView).show(self._log, line_look, live=live)
        self.set_focus(self.query_one(LogView))
        self.query_one("#options", PanelView).show([self._live.options()])
        self._show()
        self._watch()

    def _live_state_is_final(self) -> bool:
        return self.run_shown.stored_state.is_final

    @work(thread=True, group="watch")
    def _watch(self) -> None:
        """Tell what happens, and see that the run has a supervisor."""
        run = self.run_shown
        try:
            runner_of(run).attend(run)
            for events in follow.batches(run, self._gone):
                self.post_message(self.Happened(events))
                if any(isinstance(one, follow.Tick) for one in events):
                    runner_of(run).attend(run)
        except (MlperfTuiError, OSError) as error:
            self.post_message(self.Happened([follow.Alert(str(error))]))

    @on(Happened)
    def _take(self, event: Happened) -> None:
        was_final = self._live.state.is_final
        self._live.take(event.events)
        if self._live.state.state == "queued":
            self._queue_place = queue_of(self.run_shown).place(self.run_shown.id)
        if self._live.state.is_final and not was_final:
            self._results = self.run_shown.result or []
            self.query_one(LogView).finish()
            self.refresh_bindings()
            self.heard()
            self._seeks_cause = True
            self._show_cause()
        if not all(isinstance(one, follow.Reading) for one in event.events):
            self._show()  # readings wait for the next tick: one picture a second will do

    @on(LogView.Moved)
    def _show_cause(self) -> None:
        """Of a failure its line in place of mlcr's last words, unless one has moved in the log."""
        view, cause = self.query_one(LogView), self._live.state.cause
        line = cause.line if cause is not None else None
        if not self._seeks_cause or line is None or not view.following:
            return
        if self._log.lines >= line:
            self._seeks_cause = False
            self.call_after_refresh(view.go_to, line - 1)

    # --- what is shown ------------------------------------------------------------------------

    def _show(self) -> None:
        live, now = self._live, self._clock.boottime_s()
        over = live.state.is_final
        verdict = present_run.verdict_of(self.run_shown) if over else None
        self.query_one("#head", Line).show(
            Text(live.title(), STRONG), badge_text(self._badge(now, verdict))
        )
        self.query_one(Steps).show(live.steps(now))
        elapsed, meters = self.query_one(Elapsed), self.query_one(Meters)
        elapsed.display = meters.display = not over
        if not over:
            here = self._clock.utc().astimezone()
            elapsed.show(*live.progress(now, here, self._silent_s(here)))
            meters.show(live.meters(now))
        result = self.query_one("#result", VerticalScroll)
        result.display = over and not self.has_class("log-only")
        if over:
            result.query_one(PanelView).show(list(self._panels()))
        alerts = self.query_one("#alerts", PanelView)
        shown = live.alerts[-MOST_ALERTS:]
        alerts.display = bool(shown)
        alerts.show([Panel("", Badge("", Tone.PLAIN), headline=f"▲ {one}") for one in shown])
        if self.has_class("wide") and boottime() >= self._trends_due:
            self._trends_due = boottime() + (TRENDS_S if live.devices else 0)
            self._record.overview.read()
            self.query_one(ChartView).show(self._chart(now))
        self.show_rule()

    def _silent_s(self, here: datetime) -> float | None:
        """How long ago the last line came."""
        try:
            return max(0.0, here.timestamp() - self.run_shown.console.stat().st_mtime)
        except OSError:
            return None

    def _chart(self, now: float) -> Chart:
        """The whole run so far, every GPU that there is room for, and the host."""
        begin = self._live.state.started_boottime_s or now
        end = self._live.state.ended_boottime_s or now
        return charts.side(
            self._live,
            self._record.overview.curves,
            beside.phases(self.run_shown, now),
            (begin, end),
        )

    def _badge(self, now: float, verdict: str | None) -> Badge:
        badge = self._live.badge(now, verdict)
        if self._live.state.state == "queued" and self._queue_place:
            return Badge(f"queued, place {self._queue_place}", badge.tone)
        return badge

    def _panels(self) -> Iterator[Panel]:
        """The results, and the key that mends them; without any, why."""
        if mends := self._mends:
            how = f"R runs it again with {' '.join(mends)}"
            yield Panel("", Badge("", Tone.PLAIN), headline=how)
        if (probed := self.run_shown.probe) is not None and probed["metrics"]:
            yield present_probe.panel(probed)
            return
        for one in self._results:
            panel = present_result.panel(one, self._published.beside(one))
            facts = tuple(one for one in panel.facts if one.label != "log")
            yield replace(panel, facts=(*facts, *self._probed))
        cause = self._live.state.cause
        if cause is not None:
            yield Panel("", Badge("", Tone.PLAIN), reasons=(present_explain.reason(cause),))
        elif not self._results:
            words = {
                "stopped": "Stopped on request; there is no result.",
                "lost": "The command is gone and nothing says how it ended.",
            }
            text = words.get(self._live.state.state, "It left no result.")
            yield Panel("", Badge("", Tone.PLAIN), headline=text)

    def on_resize(self) -> None:
        """A side pane where there is room for one."""
        self.set_class(self.app.size.width >= WIDE, "wide")
        self._trends_due = 0.0
        if self.is_mounted:
            self._show()

    # --- what can be done ---------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop only what runs; run again only what is over."""
        over = self._live.state.is_final
        possible: dict[str, bool] = {
            "stop": not over,
            "again": over,
            "log": over,
            "mend": over and bool(self._mends),
        }
        return possible.get(action, True) and super().check_action(action, parameters)

    async def action_stop(self) -> None:
        """Stop the run, after a yes."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.say("stopping: gently first, then hard …")
                self._stop()

        words = f"{self._live.title()}: what it measured so far is lost; its log stays."
        question = Confirm("Stop this run?", words, "stop it", "let it go on")
        await self.app.push_screen(question, answered)

    @work(thread=True)
    def _stop(self) -> None:
        if problem := stop(self.run_shown):
            self.app.call_from_thread(self.say, problem, Tone.BAD)

    def action_explain(self) -> None:
        """What is known so far, in sentences."""
        panel = self._live.explain(self._clock.boottime_s(), self._results)
        width = max(10, min(92, self.app.size.width - 6))
        self.app.push_screen(Sheet("What is known", panel_lines(panel, width)))

    def action_cause(self) -> None:
        """The line of the log that names the cause."""
        cause = self._live.state.cause
        if cause is None or cause.line is None:
            self.say("no line is known to name a cause")
            return
        self.query_one(LogView).go_to(cause.line - 1)

    @property
    def _mends(self) -> list[str]:
        """mlcr's options that would mend an INVALID run, or a failed one."""
        cause = self._live.state.cause
        options = list(cause.rerun_with or ()) if cause is not None else []
        return present_result.rerun_options(self._results) or spec.not_owned(options)

    async def action_mend(self) -> None:
        """Run it again with the changes that its reasons ask for, after a yes."""
        options = self._mends

        def answered(yes: bool | None) -> None:
            if yes:
                self._again(options)

        words = f"The same command with {' '.join(options)}, in a run of its own."
        await self.app.push_screen(Confirm("Run again so?", words, "run it", "no"), answered)

    def action_again(self) -> None:
        """The same run once more."""
        self._again([])

    @work(thread=True, exclusive=True, group="again")
    def _again(self, options: list[str]) -> None:
        try:
            made = launch.again(self.run_shown, self._store, sut.describe(), options)
        except (MlperfTuiError, OSError) as error:
            self.app.call_from_thread(self.say, str(error), Tone.BAD)
            return
        self.post_message(self.Again(made))

    def action_log(self) -> None:
        """The log alone, or the result again."""
        self.toggle_class("log-only")
        self._show()

    def action_record(self) -> None:
        """What GPUs and host did beside the run."""
        self.post_message(self.RecordWanted(self.run_shown))

    def action_leave(self) -> None:
        """Back; a search ends first."""
        if not self.end_search():
            self.app.pop_screen()

    @property
    def is_growing(self) -> bool:
        """Until the run is over."""
        return not self._live.state.is_final

    @property
    def results_here(self) -> Sequence[Mapping[str, Any]]:
        """The run's, once it is over."""
        return self._results if self._live.state.is_final else ()

    @property
    def export_root(self) -> Path:
        """The data root."""
        return self._store.root

    def copyable(self) -> tuple[str, str] | None:
        """The result where there is one, else the command."""
        if (probed := self.run_shown.probe) is not None:
            told = panel_lines(present_probe.panel(probed), 100)
            return "the probe", "\n".join(line.plain.rstrip() for line in told)
        if self._results:
            width = 100
            lines = [
                line.plain.rstrip()
                for one in self._results
                for line in panel_lines(
                    present_result.panel(one, self._published.beside(one)), width
                )
            ]
            return "the result", "\n".join(lines)
        return "the command", present_run.command(self.run_shown)

    def action_phase(self, step: int) -> None:
        """The line where the next phase begins (the one before)."""
        view = self.query_one(LogView)
        here = view.marked if view.marked is not None else view.top
        lines = self._live.phase_lines
        after = [line for line in lines if (line > here if step > 0 else line < here)]
        if not after:
            self.say("no phase begins after this line" if step > 0 else "no phase before this line")
            return
        view.go_to(after[0] if step > 0 else after[-1])
