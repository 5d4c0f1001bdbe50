"""Pick a benchmark, see what would be run, start it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.engine import launch, mlcflow
from tui.engine.catalog import Benchmark, Catalog
from tui.engine.errors import MlperfTuiError
from tui.engine.launch import Plan, Request
from tui.engine.spec import parse_settings
from tui.engine.store import Run, RunStore
from tui.engine.sut import SystemFacts, recognise
from tui.present import choices, metrics
from tui.present import result as present_result
from tui.present import run as present_run
from tui.screens.frame import Clock, TabScreen, in_words
from tui.screens.start import StartScreen
from widgets.choice_list import ChoiceList
from widgets.form import Form
from widgets.line import Line, Rule
from widgets.panel import PanelView
from widgets.rows import Badge, Cell, Fact, Option, Panel, Reason, Tone
from widgets.tones import KEY, QUIET, STRONG, badge_text

if TYPE_CHECKING:
    from tui.engine.probe.history import Past
    from widgets.prompt import Prompt

MOST_COMMAND_LINES = 4
LOW = 18
"""Rows below which the details make room for the list."""
RECENT = 500
"""So many runs are looked through for the last result of a benchmark."""


class BenchmarksScreen(TabScreen, StartScreen):
    """The catalogue, choices, the exact command."""

    NAME = "Benchmarks"
    HELP = (
        "Every benchmark that MLPerf Inference has or had, and smoke, the embedded check. Up and "
        "down choose one, left and right its scenario; o goes to the usual choices, f to a form "
        "with every field, t to the presets. What Enter would start stands below as a command; y "
        "copies it, d shows it with its variables. Runs go on without this screen."
    )
    CSS_PATH = "benchmarks.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+j", "start", "start", priority=True),
        Binding("left", "scenario(-1)", "scenario before", show=False),
        Binding("right", "scenario(1)", "next scenario", show=False),
        Binding("o", "options", "options"),
        Binding("f", "form(False)", "form"),
        Binding("t", "form(True)", "presets"),
        Binding("y", "app.copy", "copy"),
        Binding("d", "dry_run", "dry run"),
        Binding("s", "settings", "set", priority=True),
        Binding("i", "setup", "install"),
        Binding("slash", "filter", "filter", priority=True),
        Binding("escape", "back", "list", show=False),
    ]

    class FormWanted(Message):
        """Every field of this choice is to be shown; with the presets to choose from first."""

        def __init__(self, request: Request, *, with_presets: bool) -> None:
            super().__init__()
            self.request, self.with_presets = request, with_presets

    def __init__(self, catalog: Catalog, store: RunStore, facts: SystemFacts, clock: Clock) -> None:
        super().__init__(catalog, store, facts)
        self._clock = clock
        self._shown: list[Benchmark] = list(catalog.benchmarks.values())
        self._requests: dict[str, Request] = {}
        """What was chosen for a benchmark; kept while the app is open."""
        self._plan: Plan | None = None
        self._problem = ""
        self._here = ""
        """The name under the cursor: it stays there when the filter changes."""
        self._words = ""
        self._last_probe: tuple[Past | None] | None = None
        """None: not looked up."""
        self._installations = [Option(name) for name in mlcflow.known()]
        self._has_official = any(one.value != mlcflow.EMBEDDED for one in self._installations)

    # --- what is shown ------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """List above, details and choices below."""
        yield Line(id="filter")
        yield ChoiceList(choices.COLUMNS, "No benchmark has these words. Esc shows all.", id="list")
        yield Rule()
        yield Line(id="heading")
        yield PanelView(heading=False, id="about")
        yield Form(id="choices")
        yield Line(id="last")
        yield PanelView(heading=False, id="command")

    def on_mount(self) -> None:
        """Begin with the list."""
        self._fill()
        self.set_focus(self.query_one(ChoiceList))

    def on_screen_resume(self) -> None:
        """A run may have ended meanwhile, a probe too."""
        self._last_probe = None
        self._look_for_installations()
        if self._shown:
            self._show_details()

    def _look_for_installations(self) -> None:
        """One may have been made meanwhile."""
        found = [Option(name) for name in mlcflow.known()]
        if found != self._installations:
            self._installations = found
            self._has_official = any(one.value != mlcflow.EMBEDDED for one in found)
            self._fill()

    def on_resize(self) -> None:
        """There is more room for details, or less."""
        self.set_class(self.size.height < LOW, "low")
        self.call_after_refresh(self._show_details)

    def _fill(self) -> None:
        self._shown = [
            one for one in self._catalog.benchmarks.values() if choices.matches(one, self._words)
        ]
        rows, names = self.query_one(ChoiceList), [one.name for one in self._shown]
        here = self._here
        rows.set_rows(len(self._shown), self._row)
        if here in names:
            rows.go_to(names.index(here))
        self._show_filter()
        self._show_details()

    def _row(self, index: int) -> tuple[Cell, ...]:
        return choices.list_row(
            self._shown[index],
            has_official=self._has_official,
            has_gpu=self._facts.nvidia_driver is not None,
        )

    def _show_filter(self) -> None:
        words = self._words or "filter"
        official = [one.value for one in self._installations if one.value != mlcflow.EMBEDDED]
        where = Text(f"installation: {official[0]}" if official else "", QUIET)
        if not official:
            where = Text.assemble(("no official installation, ", QUIET), ("i", KEY))
            where.append(" makes one", QUIET)
        self.query_one("#filter", Line).show(
            Text.assemble(("/ ", KEY), (words, STRONG if self._words else QUIET)), where
        )

    @property
    def benchmark(self) -> Benchmark | None:
        """The one under the cursor."""
        index = self.query_one(ChoiceList).cursor
        return self._shown[index] if index < len(self._shown) else None

    def _request(self, benchmark: Benchmark) -> Request:
        """What is chosen for it so far; at first what can run here."""
        if benchmark.name not in self._requests:
            offered = [str(one) for one in benchmark.all_scenarios]
            scenario = "Offline" if "Offline" in offered else offered[0] if offered else ""
            device = launch.usual_device(benchmark, self._facts)
            self._requests[benchmark.name] = Request(benchmark.name, scenario, device=device)
        return self._requests[benchmark.name]

    def _show_details(self) -> None:
        if not self.is_mounted:
            return
        one = self.benchmark
        details = [self.query_one(name) for name in ("#about", "#choices", "#last", "#command")]
        for widget in details:
            widget.display = one is not None
        self._plan, self._problem = None, ""
        if one is None:
            self.query_one("#heading", Line).show("")
            return
        self._here = one.name
        request = self._request(one)
        self._make_plan(request)
        self.query_one("#heading", Line).show(Text(choices.heading(one), STRONG))
        facts = tuple(choices.description(one))
        if self.size.height < 30:
            facts = facts[:2]
        self.query_one("#about", PanelView).show([Panel("", Badge("", Tone.PLAIN), facts=facts)])
        installation, _ = launch.installation_name(one, request.installation)
        self.query_one(Form).show(
            choices.choices(
                one,
                request,
                self._environment(request),
                self._catalog,
                self._facts,
                self._installations,
                installation,
            )
        )
        self._show_last(one, request)
        self._show_command()

    def _environment(self, request: Request) -> str:
        if request.environment:
            return request.environment
        found = recognise(self._facts, self._catalog.environments.values()).environment
        return found.name if found else metrics.NOTHING

    def _make_plan(self, request: Request) -> None:
        try:
            self._plan = launch.prepare(request, self._catalog, self._store, self._facts)
        except (MlperfTuiError, OSError) as error:
            self._problem = in_words(error)
            benchmark = self._catalog.benchmarks[request.benchmark]
            needs_official = benchmark.has_mlcr_model and not benchmark.installation
            if needs_official and not self._has_official and not request.installation:
                self._problem = choices.NO_INSTALLATION

    def _show_last(self, one: Benchmark, request: Request) -> None:
        """The newest result of this benchmark and scenario here, and its age."""
        line = self.query_one("#last", Line)
        ids = self._store.ids()
        if not ids and one.installation == mlcflow.EMBEDDED and "cpu" in one.devices:
            line.show(Text(choices.FIRST_START, KEY))
            return
        wanted, probed = f"-{one.name}-{request.scenario}-", self._probed(request)
        for run_id in ids[:RECENT]:
            run = Run(self._store.runs / run_id)
            if wanted in run_id and (results := run.result):
                verdict = present_run.verdict(results)
                found = {"metric": next((r["metric"] for r in results if r["metric"]), None)}
                age = metrics.seconds_since(run.stored_state.ended, self._clock.utc())
                line.show(
                    Text.assemble(
                        ("last here ", QUIET),
                        badge_text(present_result.badge(verdict)),
                        f"  {present_run.outcome(found, results)}",
                        (f"  {metrics.age(age)} ago" if age is not None else "", QUIET),
                    ),
                    probed,
                )
                return
        line.show(Text("no result here yet", QUIET), probed)

    def _probed(self, request: Request) -> Text:
        """The last health probe of this machine's GPU, for a run that will use it."""
        if request.device != "cuda" or self._facts.nvidia_driver is None:
            return Text()
        from tui.engine.probe import history  # most never come here
        from tui.present import probe as present_probe

        if self._last_probe is None:  # looked up once each time the screen is seen
            self._last_probe = (history.last(self._store, self._facts.host),)
        (found,) = self._last_probe
        if found is None:
            return Text.assemble(("GPU never probed here, ", QUIET), ("5", KEY), (" does", QUIET))
        ago = present_probe.last_words(found, self._clock.utc())
        verdict = badge_text(present_probe.badge(found.result["verdict"]))
        return Text.assemble(("last probe ", QUIET), verdict, (f" {ago}, ", QUIET), ("5", KEY))

    def _show_command(self) -> None:
        if not self.is_mounted or self.benchmark is None:
            return
        view = self.query_one("#command", PanelView)
        if self._plan is None:
            reason = (Reason(self._problem),)
            view.show([Panel("", Badge("", Tone.PLAIN), reasons=reason)])
            return
        warning = self._plan.warning
        facts = (Fact("▲", warning, Tone.PLAIN),) if warning else ()
        words = _short_command(self._plan, max(20, self.size.width - 2), MOST_COMMAND_LINES)
        view.show([Panel("", Badge("", Tone.PLAIN), facts=(*facts, Fact("$", words)))])

    # --- choosing -----------------------------------------------------------------------------

    @on(ChoiceList.Highlighted)
    def _another(self) -> None:
        self._show_details()

    @on(ChoiceList.Chosen)
    def _chosen(self) -> None:
        self.action_start()

    @on(Form.Changed)
    def _changed(self, event: Form.Changed) -> None:
        if (one := self.benchmark) is not None:
            self._requests[one.name] = _with(self._request(one), event.name, event.value)
            self._show_details()

    @on(Form.Refused)
    def _refused(self, event: Form.Refused) -> None:
        self.say(event.why, Tone.WARNING)

    def action_scenario(self, step: int) -> None:
        """The next scenario (the one before)."""
        self.query_one(Form).step("scenario", step)

    def action_options(self) -> None:
        """To the choices, or back to the list."""
        form = self.query_one(Form)
        self.set_focus(self.query_one(ChoiceList) if form.has_focus else form)

    def action_back(self) -> None:
        """To the list; there, show all benchmarks again."""
        rows = self.query_one(ChoiceList)
        if rows.has_focus and self._words:
            self._words = ""
            self._fill()
        self.set_focus(rows)

    def action_form(self, with_presets: bool) -> None:
        """To the form, with what is chosen here."""
        if (one := self.benchmark) is not None and one.has_mlcr_model:
            self.post_message(self.FormWanted(self._request(one), with_presets=with_presets))
        else:
            self.say("mlcr cannot run this one: there is nothing to choose", Tone.WARNING)

    def take(self, request: Request) -> None:
        """What was chosen elsewhere: its benchmark comes under the cursor."""
        self._requests[request.benchmark] = request
        self._words, self._here = "", request.benchmark
        self._fill()

    # --- typing -------------------------------------------------------------------------------

    async def action_filter(self) -> None:
        """Type words that a benchmark must have."""
        await self._ask("/", self._words, "words")

    async def action_settings(self) -> None:
        """Type mlcr keys and values."""
        if (one := self.benchmark) is not None:
            now = (f"{name}={value}" for name, value in self._request(one).settings.items())
            await self._ask("set KEY=VALUE …", " ".join(now), "keys")

    async def _ask(self, label: str, text: str, name: str) -> None:
        self.query_one("#filter").display = False
        await self.ask(label, text, self.query_one("#list"), id=name)

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        """The filter has other words."""
        if self.query("#words"):
            self._words = event.text
            self._fill()

    async def on_prompt_sent(self, event: Prompt.Sent) -> None:
        """Words or keys are complete."""
        one = self.benchmark
        if self.query("#keys") and one is not None:
            try:
                settings = parse_settings(shlex.split(event.text))
            except (MlperfTuiError, ValueError) as error:
                self.say(in_words(error), Tone.BAD)
                self.query_one(Prompt).field.again()
                return
            self._requests[one.name] = replace(self._request(one), settings=settings)
        await self._close_prompt()

    async def on_prompt_left(self) -> None:
        """Nothing is wanted."""
        if self.query("#words"):
            self._words = ""
        await self._close_prompt()

    async def _close_prompt(self) -> None:
        self.query_one("#filter").display = True
        self._fill()
        await self.close_prompt(self.query_one(ChoiceList))

    # --- starting -----------------------------------------------------------------------------

    def action_start(self) -> None:
        """Start what stands below."""
        if self._plan is None:
            self.say(self._problem or "nothing is chosen", Tone.BAD)
        else:
            self.start_runs(self._plan)

    def action_dry_run(self) -> None:
        """The whole command with its folder and variables."""
        if self._plan is None:
            self.say(self._problem or "nothing is chosen", Tone.BAD)
            return
        lines = present_run.dry_run(self._plan.spec, self._store)
        from widgets.dialog import Sheet

        self.app.push_screen(Sheet("What would be run", [Text(line) for line in lines]))

    def copyable(self) -> tuple[str, str] | None:
        """The command."""
        if self._plan is None:
            return None
        return "the command", "\n".join(present_run.dry_run(self._plan.spec, self._store))


def _with(request: Request, name: str, value: str) -> Request:
    """The request with one choice changed."""
    if name == "repeats":
        return replace(request, repeats=int(value))
    if name == "execution_mode":
        return replace(request, settings={**request.settings, "execution_mode": value})
    changes: dict[str, Any] = {name: value}
    return replace(request, **changes)


def _short_command(plan: Plan, width: int, most: int) -> str:
    """The command as far as there is room; mlcr without its folder, which the choices name."""
    argv = [word if word != str(plan.installation.mlcr) else "mlcr" for word in plan.spec.argv]
    text, room = shlex.join(argv), width * most - 8
    return text if len(text) <= room else text[: room - 2] + " …"
