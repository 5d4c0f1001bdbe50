"""The form of a run: every field of mlcr, the exact command, presets; a pasted command fills it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.engine import command, launch, mlcflow, presets, spec
from tui.engine.catalog import Benchmark, Catalog
from tui.engine.errors import MlperfTuiError, SpecError
from tui.engine.launch import Plan, Request
from tui.engine.mlcr_options import MlcrOptions
from tui.engine.spec import Choice
from tui.engine.store import RunStore
from tui.engine.sut import SystemFacts, recognise
from tui.present import launch as present
from tui.present import needs
from tui.present import run as present_run
from tui.present.choices import NO_INSTALLATION
from tui.screens.frame import in_words
from tui.screens.start import StartScreen
from widgets.field_list import FieldList
from widgets.line import Line, Rule
from widgets.panel import PanelView
from widgets.rows import Badge, Fact, Field, Panel, Reason, Tone
from widgets.tones import KEY, QUIET, STRONG

if TYPE_CHECKING:
    from widgets.prompt import Prompt

LOW, TALL = 20, 36
"""Rows below which the details make room for the fields, and from which they have more."""
WORDS, VALUE, PASTE, SAVE, ADD = "words", "value", "paste", "save", "add"
"""What is typed into the prompt."""


class LaunchScreen(StartScreen):
    """One choice, field by field, until it is started."""

    NAME = "Form"
    HELP = (
        "Every field of an official run. Up and down go to a field, left and right change it, "
        "Enter types a value (nothing: the default). * marks what is not mlcr's default: only "
        "that, and what says what is measured, stands in the command below. s starts it, t takes "
        "a preset, T keeps this choice as one of yours. Paste any mlcr command (v, or simply "
        "paste): it fills the form."
    )
    CSS_PATH = "launch.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", "start"),
        Binding("t", "presets", "presets"),
        Binding("v", "paste", "paste"),
        Binding("d", "dry_run", "dry run"),
        Binding("T", "save", "save as preset"),
        Binding("slash", "filter", "filter"),
        Binding("a", "add", "add a key"),
        Binding("y", "app.copy", "copy"),
        Binding("escape", "leave", "back"),
    ]

    class Closed(Message):
        """The form is left; the choice stays."""

        def __init__(self, request: Request) -> None:
            super().__init__()
            self.request = request

    def __init__(
        self,
        request: Request,
        catalog: Catalog,
        store: RunStore,
        facts: SystemFacts,
        *,
        with_presets: bool = False,
    ) -> None:
        super().__init__(catalog, store, facts)
        self._request = request
        self._with_presets = with_presets
        self._installations = mlcflow.known()
        self._takes: MlcrOptions
        """What the chosen installation takes."""
        self._choice: Choice | None = None
        self._plan: Plan | None = None
        self._problem: Exception | None = None
        self._typing: str | None = None
        """The field whose value is typed."""
        self._words = ""

    # --- what is shown ------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """Fields above; what the focused one means, what is needed and the command below."""
        yield Line(id="head")
        yield Line(id="filter")
        yield FieldList("No field has these words. Esc shows all.", id="fields")
        yield Rule()
        yield PanelView(heading=False, id="about")
        yield PanelView(heading=False, id="needs")
        yield PanelView(heading=False, id="command")

    def on_mount(self) -> None:
        """Begin with the first field."""
        self._set_classes()
        self._show()
        self.set_focus(self.query_one(FieldList))
        if self._with_presets:
            self.action_presets()

    def on_resize(self) -> None:
        """There is more room for details, or less."""
        self._set_classes()

    def _set_classes(self) -> None:
        self.set_class(self.app.size.height < LOW, "low")
        self.set_class(self.app.size.height >= TALL, "tall")

    @property
    def benchmark(self) -> Benchmark:
        """The one that is chosen."""
        return self._catalog.benchmarks[self._request.benchmark]

    def _plan_it(self) -> None:
        """Complete the choice and check it; what is wrong is kept as the problem."""
        self._plan, self._problem = None, None
        try:
            plan = launch.prepare(self._request, self._catalog, self._store, self._facts)
        except (MlperfTuiError, OSError) as error:
            self._problem = error
            self._check_alone()
        else:
            self._plan, self._choice, self._takes = plan, plan.choice, plan.takes

    def _check_alone(self) -> None:
        """Without an installation the choice can be wrong, too: that is told first."""
        asked, benchmark = self._request, self.benchmark
        self._takes = launch.takes(benchmark, asked.installation, self._store.root)
        try:
            options = launch.options_of(asked, benchmark, self._facts)
            self._choice = spec.choose(benchmark, asked.scenario, options, self._takes)
            spec.check(self._choice, benchmark, self._takes)
        except MlperfTuiError as error:
            self._problem = error

    def _show(self) -> None:
        self._plan_it()
        self._show_head()
        if self._choice is not None:
            self.query_one(FieldList).show(present.groups(self._view(), self._words))
        self._show_about()
        self._show_needs()
        self._show_command()

    def _view(self) -> present.View:
        assert self._choice is not None
        request, problems = self._request, {}
        if isinstance(self._problem, SpecError):
            problems[self._problem.key] = in_words(self._problem)
        environment = request.environment
        if environment is None:
            found = recognise(self._facts, self._catalog.environments.values()).environment
            environment = found.name if found else ""
        installation, _ = launch.installation_name(self.benchmark, request.installation)
        known = self._installations
        return present.View(
            self.benchmark,
            request,
            self._choice,
            self._takes,
            self._catalog,
            self._facts,
            known if installation in known else [installation, *known],
            installation,
            environment,
            problems,
        )

    def _show_head(self) -> None:
        one = self.benchmark
        self.query_one("#head", Line).show(
            Text(f"{one.name} · {one.title}", STRONG), Text(present.source(self._takes), QUIET)
        )
        words = self._words or "filter"
        self.query_one("#filter", Line).show(
            Text.assemble(("/ ", KEY), (words, STRONG if self._words else QUIET)),
            Text("* is not mlcr's default", QUIET),
        )

    def _show_about(self) -> None:
        one = self.query_one(FieldList).field
        view = self.query_one("#about", PanelView)
        if one is None:
            view.show([])
            return
        told = [one.about, one.kind, f"default: {one.default}" if one.default else ""]
        view.show([_panel(facts=[Fact(one.name, " · ".join(filter(None, told)))])])

    def _show_needs(self) -> None:
        view = self.query_one("#needs", PanelView)
        if self._problem is not None:
            view.show([_panel(reasons=[Reason(self._problem_words())])])
        else:
            view.show([_panel(facts=needs.facts(self._plan) if self._plan else [])])

    def _problem_words(self) -> str:
        one = self.benchmark
        is_without = self._installations == [mlcflow.EMBEDDED] and not self._request.installation
        is_choice = isinstance(self._problem, SpecError) and self._problem.key != "installation"
        if is_without and not is_choice and one.has_mlcr_model and not one.installation:
            return NO_INSTALLATION
        return in_words(self._problem) if self._problem is not None else ""

    def _show_command(self) -> None:
        view = self.query_one("#command", PanelView)
        words = self._command()
        view.show([_panel(facts=[Fact("$", words)])] if words else [])

    def _command(self) -> str:
        if self._choice is None:
            return ""
        return present.plain_command(self._choice, self._takes)

    # --- changing -----------------------------------------------------------------------------

    @on(FieldList.Highlighted)
    def _another(self) -> None:
        self._show_about()

    @on(FieldList.Changed)
    def _changed(self, event: FieldList.Changed) -> None:
        self._set(event.name, event.value)

    @on(FieldList.Refused)
    def _refused(self, event: FieldList.Refused) -> None:
        self.say(event.why, Tone.WARNING)

    def _set(self, name: str, value: str) -> None:
        before = self._request
        if name == "benchmark":
            self._take_benchmark(value)
        else:
            self._request = present.with_value(before, name, value, self._takes)
        self._show()
        if name == "implementation" and self._choice is not None:
            chosen = self._choice
            self.say(
                f"{value}: framework {chosen.values.get('framework', 'of its own')}, "
                f"device {chosen.device}"
            )

    def _take_benchmark(self, name: str) -> None:
        if name not in self._catalog.benchmarks:
            self.say(f"there is no benchmark {name}", Tone.WARNING)
            return
        one, now = self._catalog.benchmarks[name], self._request
        offered = [str(scenario) for scenario in one.all_scenarios]
        scenario = now.scenario if now.scenario in offered else (*offered[-1:], "Offline")[0]
        device = now.device if now.device in one.devices else None
        self._request = Request(
            name, scenario, device=device, environment=now.environment, repeats=now.repeats
        )

    # --- typing -------------------------------------------------------------------------------

    @on(FieldList.Asked)
    async def _asked(self, event: FieldList.Asked) -> None:
        await self._ask_value(event.field)

    async def _ask_value(self, field: Field) -> None:
        self._typing = field.name
        await self._ask(f"{field.name}:", field.value, VALUE)

    async def action_filter(self) -> None:
        """Type words that a field must have."""
        await self._ask("/", self._words, WORDS)

    async def action_add(self) -> None:
        """Type a key that no list has: env.NAME=…, adr.compiler.tags=…"""
        await self._ask("add KEY=VALUE:", "", ADD)

    async def action_save(self) -> None:
        """Keep this choice under a name."""
        await self._ask("save as preset, name:", "", SAVE)

    async def action_paste(self) -> None:
        """Paste an mlcr command."""
        await self._ask("paste an mlcr command:", "", PASTE)

    async def _ask(self, label: str, text: str, name: str) -> None:
        self.query_one("#filter").display = False
        await self.ask(label, text, self.query_one("#fields"), id=name)
        from widgets.prompt import Prompt

        self.query_one(Prompt).field.takes_lines = name == PASTE

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        """The filter has other words."""
        if self.query(f"#{WORDS}"):
            self._words = event.text
            self._show()

    async def on_prompt_sent(self, event: Prompt.Sent) -> None:
        """What was typed is complete."""
        try:
            said = self._take(event.text)
        except MlperfTuiError as error:
            self.say(in_words(error), Tone.BAD)
            from widgets.prompt import Prompt

            self.query_one(Prompt).field.again()
            return
        await self._close_prompt()
        if said:
            self.say(said)

    def _take(self, text: str) -> str:
        """Do what the prompt asked for; a word to the user."""
        if self.query(f"#{PASTE}"):
            return self._take_command(text) if text.strip() else ""
        if self.query(f"#{SAVE}"):
            path = presets.save(text.strip(), self._request, self._catalog)
            return f"kept as {path}"
        if self.query(f"#{ADD}"):
            added = spec.parse_settings([text] if text.strip() else [])
            settings = {**self._request.settings, **added}
            self._request = replace(self._request, settings=settings)
        elif self.query(f"#{VALUE}") and self._typing is not None:
            self._set(self._typing, text.strip())
        return ""

    def _take_command(self, text: str) -> str:
        pasted = command.parse(text, self._catalog, self._store.root)
        self._request = replace(
            pasted.request, environment=self._request.environment, repeats=self._request.repeats
        )
        self._words = ""
        self._show()
        if len(pasted.notes) > 1:
            self._show_notes(pasted.notes)
            return ""
        return "; ".join(pasted.notes) or "taken over"

    def _show_notes(self, notes: tuple[str, ...]) -> None:
        from widgets.dialog import Sheet

        lines = [Text(f"· {one}") for one in notes]
        self.app.push_screen(Sheet("How the command was understood", lines))

    async def on_prompt_left(self) -> None:
        """Nothing is wanted."""
        if self.query(f"#{WORDS}"):
            self._words = ""
        await self._close_prompt()

    async def _close_prompt(self) -> None:
        self.query_one("#filter").display = True
        await self.close_prompt(self.query_one(FieldList))
        self._show()

    async def on_prompt_pasted(self, event: Prompt.Pasted) -> None:
        """Several lines went into the prompt for a command."""
        await self._close_prompt()
        self._try_command(event.text)

    def on_paste(self, event: events.Paste) -> None:
        """Pasted without a word: it can only be a command."""
        if not self.is_typing:
            event.stop()
            self._try_command(event.text)

    def _try_command(self, text: str) -> None:
        try:
            if said := self._take_command(text):
                self.say(said)
        except MlperfTuiError as error:
            self.say(in_words(error), Tone.BAD)

    # --- presets ------------------------------------------------------------------------------

    @work
    async def action_presets(self) -> None:
        """Choose among the presets."""
        from widgets.pick import Pick

        try:
            known = list(self._catalog.read_presets().values())
        except MlperfTuiError as error:
            self.say(str(error), Tone.BAD)
            return
        rows = present.preset_rows(known)
        title = "Presets: the guide's commands, and yours"
        chosen = await self.app.push_screen_wait(
            Pick(title, present.PRESET_COLUMNS, rows, "No preset yet.")
        )
        if chosen is not None:
            self._request = presets.request_of(known[chosen])
            self._words = ""
            self._show()
            self.say(known[chosen].about or f"taken over: {known[chosen].title}")

    # --- starting -----------------------------------------------------------------------------

    def action_start(self) -> None:
        """Start what stands below."""
        if self._plan is None:
            self.say(self._problem_words() or "nothing is chosen", Tone.BAD)
        else:
            self.start_runs(self._plan)

    def action_dry_run(self) -> None:
        """The whole command with its folder and variables."""
        if self._plan is None:
            self.say(self._problem_words() or "nothing is chosen", Tone.BAD)
            return
        from widgets.dialog import Sheet

        lines = present_run.dry_run(self._plan.spec, self._store)
        self.app.push_screen(Sheet("What would be run", [Text(line) for line in lines]))

    def copyable(self) -> tuple[str, str] | None:
        """The command for a shell of the installation."""
        words = self._command()
        return ("the command", words) if words else None

    def action_leave(self) -> None:
        """Show all fields again; then back, and the choice stays."""
        if self._words:
            self._words = ""
            self._show()
            return
        self.post_message(self.Closed(self._request))


def _panel(*, facts: list[Fact] | None = None, reasons: list[Reason] | None = None) -> Panel:
    return Panel("", Badge("", Tone.PLAIN), facts=tuple(facts or ()), reasons=tuple(reasons or ()))
