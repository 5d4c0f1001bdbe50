"""The health probe: its verdict on a GPU, every number against ceiling and baseline, over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.engine import follow, launch
from tui.engine.catalog import Catalog
from tui.engine.errors import MlperfTuiError, NotFoundError
from tui.engine.probe import history, record, verdict
from tui.engine.probe.history import Past
from tui.engine.probe.record import Measured
from tui.engine.runners import runner_of
from tui.engine.store import Run, RunStore
from tui.engine.sut import SystemFacts
from tui.engine.telemetry.gpus import GpuDevice, GpuSnapshot
from tui.engine.telemetry.sampler import Sampler
from tui.present import metrics
from tui.present import probe as present
from tui.present import run as present_run
from tui.present.live import LiveRun
from tui.screens.frame import Clock, TabScreen, in_words, stop
from widgets.choice_list import ChoiceList
from widgets.dialog import Sheet
from widgets.elapsed import Elapsed
from widgets.line import Line, Rule
from widgets.panel import PanelView, panel_lines
from widgets.rows import Badge, Panel, Reason, Tone
from widgets.steps import Steps
from widgets.tones import QUIET, STRONG, badge_text
from widgets.trend import ChartView

LOOK_S = 1.0
EMPTY = "No probe yet. Enter starts one: 10 seconds, nothing on the GPU is changed."
NO_NUMBERS = "It gave no numbers. w tells what is known, l shows what it printed."
NOTHING_YET = "The first numbers come in a moment."
CHART_SHARE = 3
"""The trend takes one line of so many."""
MOST_NOTES = 2
MOST_REASONS = 3
TALL = 40


class ProbeScreen(TabScreen):
    """One GPU's newest probe, live or over, and its earlier ones."""

    NAME = "Probe"
    HELP = (
        "A health check of about ten seconds: does the GPU keep what is written to its memory, "
        "does it compute rightly, is it as fast as its datasheet and as it was before. Run it "
        "before hours of MLPerf, and again after each layer is added. Enter starts it, u a quick "
        "one, x ends it; left and right go to other GPUs, w tells everything about the last one, "
        "l opens its run. The curve shows the metric under the cursor over this GPU's probes."
    )
    CSS_PATH = "probe.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+j", "start(False)", "probe", priority=True),
        Binding("u", "start(True)", "quick"),
        Binding("x", "stop", "cancel"),
        Binding("right", "device(1)", "other GPU", key_display="←→"),
        Binding("left", "device(-1)", "GPU before", show=False),
        Binding("w", "explain", "why"),
        Binding("l", "open", "log"),
        Binding("y", "app.copy", "copy"),
    ]

    class Opened(Message):
        """The run of a probe is to be shown."""

        def __init__(self, run: Run) -> None:
            super().__init__()
            self.run = run

    class Happened(Message):
        """Something happened to the probe that is followed."""

        def __init__(self, gone: Event, events: list[follow.RunEvent]) -> None:
            super().__init__()
            self.gone, self.events = gone, events

    def __init__(
        self,
        catalog: Catalog,
        store: RunStore,
        facts: SystemFacts,
        gpus: Sampler[GpuSnapshot],
        clock: Clock,
    ) -> None:
        super().__init__()
        self._catalog, self._store, self._facts = catalog, store, facts
        self._gpus, self._clock = gpus, clock
        self._here = 0
        """Which GPU, by its place among those that NVML shows."""
        self._ids: list[str] = []
        self._shown_of: str | None = None
        """Of which GPU the probes below were looked up."""
        self._run: Run | None = None
        """The newest probe of this GPU, whatever became of it."""
        self._live: LiveRun | None = None
        """Of that one, while it goes on."""
        self._result: dict[str, Any] | None = None
        self._rows: Sequence[dict[str, Any]] = ()
        self._past: list[Past] = []
        """This GPU's probes with a verdict, newest first."""
        self._metric: str | None = None
        """That under the cursor."""
        self._starting = False
        self._measured: Measured | None = None
        """What the one that goes on has told so far."""
        self._gone = Event()
        """Set for whoever follows a probe that is not in view any more."""

    def body(self) -> ComposeResult:
        """Verdict, why, the numbers, one of them over time."""
        yield Line(id="verdict")
        yield Steps()
        yield Elapsed()
        yield PanelView(heading=False, id="why")
        yield ChoiceList(present.COLUMNS, EMPTY)
        yield Rule()
        yield ChartView()

    def on_mount(self) -> None:
        """Look at the folder every second while this is seen."""
        self.set_focus(self.query_one(ChoiceList))
        self._timer = self.set_interval(LOOK_S, self._look)
        self._look()

    def on_unmount(self) -> None:
        """Nobody follows any more."""
        self._gone.set()

    def on_screen_resume(self) -> None:
        """Seen again."""
        super().on_screen_resume()
        self._look()
        self._timer.resume()

    def on_screen_suspend(self) -> None:
        """Not seen: nothing is read."""
        self._timer.pause()

    def on_resize(self) -> None:
        """There is more room for the curve, or less."""
        self.call_after_refresh(self._show)

    # --- what is known --------------------------------------------------------------------------

    @property
    def _device(self) -> GpuDevice | None:
        sample = self._gpus.latest.sample
        devices = sample.devices if sample is not None else ()
        return devices[self._here % len(devices)] if devices else None

    @property
    def _called(self) -> str:
        """As runs call it."""
        device = self._device
        return f"gpu{device.index}" if device is not None else "gpu"

    def _look(self) -> None:
        """Is there a newer probe of this GPU?"""
        if not self.is_mounted:
            return
        ids = [one for one in self._store.ids() if history.MARK in one]
        if ids != self._ids or self._called != self._shown_of:
            self._ids, self._shown_of = ids, self._called
            self._read()
        self._show_verdict()

    def _read(self) -> None:
        """The newest probe, and those before it."""
        device = self._device
        self._run = next((run for run in map(self._opened, self._ids) if self._is_here(run)), None)
        self._result, self._live, self._metric, self._measured = None, None, None, None
        self._gone.set()
        self._gone = Event()
        if self._run is not None:
            self._result = self._run.probe
            if not self._run.stored_state.is_final:
                self._live = LiveRun(self._run.stored_spec)
                self._follow(self._run, self._gone)
        uuid = (self._result or {}).get("device") or {}
        known = uuid.get("uuid") or (device.uuid if device is not None else None)
        self._past = history.of_gpu(self._store, known) if known else []
        self._rows = (self._result or {}).get("metrics") or ()
        if not self._rows and self._past:  # it failed: what is known of the GPU stays in view
            self._rows = self._past[0].result["metrics"]
        if self._live is not None:
            self._measure()
        self._show()
        marked = (nth for nth, one in enumerate(self._rows) if one["slow"])
        self.query_one(ChoiceList).go_to(next(marked, 0))  # what is wrong is seen first

    def _opened(self, run_id: str) -> Run:
        return Run(self._store.runs / run_id)

    def _is_here(self, run: Run) -> bool:
        """Of this machine and this GPU: by its UUID, where it came so far, else by its number."""
        try:
            spec = run.stored_spec
        except NotFoundError:
            return False
        host = (spec.get("host") or {}).get("host")
        if spec.get("kind") != history.KIND or host != self._facts.host:
            return False
        device = self._device
        probed = ((run.probe or {}).get("device") or {}).get("uuid")
        if device is None:
            return True
        if probed and device.uuid:
            slices = [one.uuid for one in device.mig or ()]
            return probed in (device.uuid, *slices)
        mode = str(spec.get("mode"))
        return mode.partition("/")[0] in (self._called, "gpu")

    def _measure(self) -> None:
        """What the probe has told so far, against ceiling and baseline."""
        assert self._run is not None
        try:
            self._measured = measured = record.read(self._run.console)
        except OSError:
            return  # it has not begun
        spec = self._run.stored_spec
        before = history.baseline(
            self._past,
            driver=measured.driver,
            environment=str(spec.get("environment")),
            quick=spec.get("scenario") == "quick",
        )
        model = self._catalog.gpu_named((measured.device or {}).get("name"))
        self._rows = verdict.grade(measured, model, before).metrics

    @work(thread=True, group="follow")
    def _follow(self, run: Run, gone: Event) -> None:
        try:
            runner_of(run).attend(run)
            for events in follow.batches(run, gone):
                self.post_message(self.Happened(gone, events))
                if any(isinstance(one, follow.Tick) for one in events):
                    runner_of(run).attend(run)
        except (MlperfTuiError, OSError) as error:
            self.post_message(self.Happened(gone, [follow.Alert(str(error))]))

    @on(Happened)
    def _take(self, event: Happened) -> None:
        if self._live is None or event.gone is not self._gone:
            return
        self._live.take(event.events)
        if self._live.state.is_final:
            self._read()
            return
        if not all(isinstance(one, follow.Reading) for one in event.events):
            self._measure()
            self._show()

    # --- what is shown --------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.is_mounted:
            return
        self._show_verdict()
        live, now = self._live, self._clock.boottime_s()
        steps, elapsed = self.query_one(Steps), self.query_one(Elapsed)
        steps.display = elapsed.display = live is not None
        if live is not None:
            steps.show(live.steps(now))
            elapsed.show(*self._progress())
        self._show_why()
        rows = self.query_one(ChoiceList)
        names = [one["name"] for one in self._rows]
        empty = NOTHING_YET if live is not None else NO_NUMBERS if self._run is not None else EMPTY
        rows.set_rows(len(self._rows), lambda nth: present.row(self._rows[nth]), empty=empty)
        if self._metric in names:  # rows come in between: the cursor stays on its metric
            rows.go_to(names.index(self._metric))
        self._show_trend()
        self.refresh_bindings()

    def _progress(self) -> tuple[float | None, str]:
        """The share of its steps that are over."""
        found = self._measured
        if found is None or not found.of:
            return None, ""
        done = (found.nth - 1) / found.of
        return done, f"{100 * done:.0f} %"

    def _show_verdict(self) -> None:
        device = self._device
        sample = self._gpus.latest
        if device is not None:
            from tui.present import gpu

            name = f"GPU {device.index}  {gpu.short_name(device.name)}"
        else:
            name = "no GPU" if sample.error else "looking for GPUs …"
        self.query_one("#verdict", Line).show(Text(name, STRONG), self._badge())

    def _badge(self) -> Text:
        run, live = self._run, self._live
        if run is None:
            return Text("never probed here", QUIET)
        if live is not None:
            return badge_text(live.badge(self._clock.boottime_s(), None))
        age = metrics.seconds_since(run.stored_spec.get("created"), self._clock.utc())
        ago = f"  {metrics.age(age)} ago" if age is not None else ""
        length = run.stored_spec.get("scenario")
        words = f"{ago}, {length}"
        if self._past:
            words += f"; {metrics.count(len(self._past), 'probe', 'probes')} of this GPU"
        return Text.assemble(badge_text(self._outcome(run)), (words, QUIET))

    def _outcome(self, run: Run) -> Badge:
        if self._result is not None and self._result["verdict"] is not None:
            return present.badge(self._result["verdict"])
        return present_run.state_badge(run.current_state())

    def _show_why(self) -> None:
        """Reasons first; of the notes as many as have room."""
        view = self.query_one("#why", PanelView)
        panel = self._why()
        view.display = panel is not None
        if panel is not None:
            view.show([panel])

    def _why(self) -> Panel | None:
        nothing = Badge("", Tone.PLAIN)
        if self._live is not None:
            alerts = tuple(f"▲ {one}" for one in self._live.alerts[-MOST_NOTES:])
            return Panel("", nothing, notes=alerts) if alerts else None
        if self._result is not None:
            most = len(self._result["notes"]) if self.size.height >= TALL else MOST_NOTES
            notes = tuple(one["text"] for one in self._result["notes"][:most])
            if not self._result["metrics"] and self._past:
                ago = present.last_words(self._past[0], self._clock.utc())
                notes += (f"The numbers below are those of the probe {ago}.",)
            reasons = present.reasons(self._result)
            if len(reasons) > 1 and self.size.height < TALL:  # one with its fix, of others a line
                left = len(reasons) - MOST_REASONS
                reasons = (reasons[0], *(Reason(one.text) for one in reasons[1:MOST_REASONS]))
                notes = (f"{left} more reasons: w tells all",) if left > 0 else ()
            return Panel("", nothing, notes=notes, reasons=reasons) if notes or reasons else None
        if self._run is not None and (cause := self._run.stored_state.cause) is not None:
            return Panel("", nothing, reasons=(Reason(cause.text, cause.fix),))
        error = self._gpus.latest.error
        return Panel("", nothing, notes=(error,)) if error and self._run is None else None

    @on(ChoiceList.Highlighted)
    def _show_trend(self) -> None:
        """The metric under the cursor over this GPU's probes."""
        chart, rule = self.query_one(ChartView), self.query_one(Rule)
        place = self.query_one(ChoiceList).cursor
        name = self._rows[place]["name"] if place < len(self._rows) else None
        self._metric = name or self._metric
        quick = self._run is not None and self._run.stored_spec.get("scenario") == "quick"
        same = [one for one in self._past if one.result["quick"] == quick]
        chart.display = rule.display = name is not None and bool(same)
        if name is not None:
            chart.show(present.trend(name, same), height=self.size.height // CHART_SHARE)

    # --- what can be done -----------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Start where none goes on, cancel where one does."""
        sample = self._gpus.latest.sample
        possible: dict[str, Callable[[], bool]] = {
            "start": lambda: self._live is None,
            "stop": lambda: self._live is not None,
            "device": lambda: sample is not None and len(sample.devices) > 1,
            "explain": lambda: self._result is not None,
            "open": lambda: self._run is not None,
        }
        able = possible.get(action)
        return (able is None or able()) and super().check_action(action, parameters)

    def action_start(self, quick: bool) -> None:
        """Probe this GPU."""
        if not self._starting:
            self._starting = True
            self.say("starting …")
            device = self._device
            self._start(launch.ProbeRequest(device.index if device else None, quick))

    @work(thread=True)
    def _start(self, request: launch.ProbeRequest) -> None:
        problem = ""
        try:
            gpus = self._gpus.latest.sample
            specs, _ = launch.prepare_probe(request, self._catalog, self._facts, gpus)
            launch.begin_probe(specs, self._store, self._facts, [])
        except (MlperfTuiError, OSError) as error:
            problem = in_words(error)
        self.app.call_from_thread(self._begun, problem)

    def _begun(self, problem: str) -> None:
        self._starting = False
        self.heard()
        if problem:
            self.say(problem, Tone.BAD)
        self._look()

    def action_stop(self) -> None:
        """Cancel: no question, a probe is soon made again."""
        if self._run is not None:
            self.say("cancelling …")
            self._stop(self._run)

    @work(thread=True)
    def _stop(self, run: Run) -> None:
        self.app.call_from_thread(self._ended, stop(run))

    def _ended(self, problem: str) -> None:
        self.heard()
        if problem:
            self.say(problem, Tone.BAD)

    def action_device(self, step: int) -> None:
        """The next GPU (the one before)."""
        self._here += step
        self._look()

    def action_explain(self) -> None:
        """Everything about the newest probe."""
        if (panel := self._panel()) is not None:
            width = max(10, min(110, self.app.size.width - 6))
            self.app.push_screen(Sheet("The last probe", panel_lines(panel, width)))

    def action_open(self) -> None:
        """Its run: log, telemetry, phases."""
        if self._run is not None:
            self.post_message(self.Opened(self._run))

    @on(ChoiceList.Chosen)
    def _clicked(self) -> None:
        if self._live is None:
            self.action_start(False)

    def _panel(self) -> Panel | None:
        if self._result is None or self._run is None:
            return None
        return present.panel(self._result, str(self._run.stored_spec.get("scenario")))

    def copyable(self) -> tuple[str, str] | None:
        """Everything about the newest probe."""
        panel = self._panel()
        if panel is None:
            return None
        return "the probe", "\n".join(line.plain.rstrip() for line in panel_lines(panel, 100))
