"""What can be chosen for a benchmark, and why some of it cannot be just now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui.engine.catalog import MODES, Benchmark, Catalog
from tui.engine.launch import Request
from tui.engine.sut import SystemFacts, label
from tui.present import metrics
from tui.present.benchmark import SHORT
from widgets.rows import Cell, Choice, Column, Fact, Option, Tone

REPEATS = ("1", "2", "3", "5", "10")
USUAL_MODES = tuple(MODES)[:4]
"""The others make a submission; the form has them."""
EXECUTION_MODES = ("test", "fast", "valid")
NO_INSTALLATION = (
    "official installation not found: only the embedded checks can run. i makes one; one that is "
    "somewhere is named in $MLPERF_TUI_INSTALLATION or settings.yaml"
)
FIRST_START = "Press Enter: a 10-second run shows that everything works here."
COLUMNS = (
    Column("benchmark", 15, most=28),
    Column("what it is", 18, most=48, spare=1),
    Column("scenarios", 17),
    Column("", 20, most=24),
)


def list_row(one: Benchmark, *, has_official: bool, has_gpu: bool) -> tuple[Cell, ...]:
    """One row of the list: name, task, scenarios, what stands in the way."""
    return (
        Cell(one.name),
        Cell(one.task, quiet=True),
        Cell(_columns_of_scenarios(one)),
        _status(one, has_official=has_official, has_gpu=has_gpu),
    )


def _columns_of_scenarios(one: Benchmark) -> str:
    """Each scenario at its place, so that they line up."""
    offered = one.all_scenarios
    places = [
        short if scenario in offered else " " * len(short) for scenario, short in SHORT.items()
    ]
    return " ".join(places).rstrip()


def _status(one: Benchmark, *, has_official: bool, has_gpu: bool) -> Cell:
    if one.retired:
        return Cell(f"retired after {one.retired}", Tone.WARNING)
    if not one.all_scenarios:
        return Cell("no scenarios", Tone.WARNING)
    if not one.has_mlcr_model:
        return Cell("results only", quiet=True)
    if one.installation:
        needs_gpu = one.devices == ("cuda",) and not has_gpu
        return Cell("needs a GPU", quiet=True) if needs_gpu else Cell("ready")
    if not has_official:
        return Cell("no installation", quiet=True)
    if one.needs.licence:
        return Cell("needs a licence")
    return Cell(f"{metrics.size(one.needs.disk_bytes)} disk" if one.needs.disk_bytes else "ready")


def matches(one: Benchmark, words: str) -> bool:
    """The filter's words are all in its name, title, task, area or dataset."""
    text = " ".join((one.name, one.title, one.task, one.area, one.dataset)).lower()
    return all(word in text for word in words.lower().split())


def choices(
    one: Benchmark,
    request: Request,
    environment: str,
    catalog: Catalog,
    facts: SystemFacts,
    installations: Sequence[Option],
    chosen_installation: str,
) -> list[Choice]:
    """The row of choices below a benchmark.

    Args:
        one: the benchmark.
        request: what is chosen so far.
        environment: the environment it would run in.
        catalog: for the environments.
        facts: the machine: what it has not cannot be chosen.
        installations: all that are known here.
        chosen_installation: the one it would run on.
    """
    known = [option.value for option in installations]
    if chosen_installation not in known:
        installations = [*installations, Option(chosen_installation)]
    return [
        Choice("scenario", request.scenario, _options(one.all_scenarios)),
        Choice("mode", request.mode, _options(USUAL_MODES)),
        Choice(
            "device",
            request.device or one.devices[0],
            tuple(Option(name, _device_off(name, facts)) for name in one.devices),
        ),
        Choice("repeats", str(request.repeats), _options(REPEATS)),
        Choice(
            "execution_mode",
            request.settings.get("execution_mode") or one.mlcr.get("execution_mode", "test"),
            _options(EXECUTION_MODES),
        ),
        Choice("environment", environment, _environments(catalog, facts)),
        Choice("installation", chosen_installation, _for(one, installations)),
    ]


def _options(values: Iterable[object]) -> tuple[Option, ...]:
    return tuple(Option(str(value)) for value in values)


def _environments(catalog: Catalog, facts: SystemFacts) -> tuple[Option, ...]:
    """By name; the baseline says what machine it is."""
    return tuple(
        Option(one.name, label=label(one, facts) if one.baseline else "")
        for one in catalog.environments.values()
    )


def _device_off(name: str, facts: SystemFacts) -> str | None:
    if name == "cuda" and facts.nvidia_driver is None:
        return "this machine has no NVIDIA driver"
    return None


def _for(one: Benchmark, installations: Sequence[Option]) -> tuple[Option, ...]:
    """The installations, with why this benchmark cannot run on them."""
    found = []
    for option in installations:
        off = option.off
        if one.installation and option.value != one.installation:
            off = f"{one.name} runs on '{one.installation}' only"
        elif not one.installation and option.value == "embedded":
            off = f"{one.name} needs an official installation"
        found.append(Option(option.value, off))
    return tuple(found)


def heading(one: Benchmark) -> str:
    """Name, model and dataset in one line."""
    return f"{one.name} · {one.title} · {one.dataset}"


def description(one: Benchmark) -> list[Fact]:
    """Targets, limits and scenarios of the newest round, and what it needs."""
    rules = one.rules
    facts = []
    if rules.targets:
        goals = (f"{metric} at least {value:.9g}" for metric, value in rules.targets.items())
        facts.append(Fact("target", "  ".join(goals)))
    sides = [
        f"{category} {' '.join(SHORT[scenario] for scenario in some)}"
        for category, some in rules.scenarios.items()
    ]
    limits = [
        f"{scenario} {' '.join(f'{name} {value:g} ms' for name, value in some.items())}"
        for scenario, some in rules.latency_limits_ms.items()
    ]
    if one.official:
        facts.append(Fact("required", "  ".join(sides) or "nothing any more"))
    if limits:
        facts.append(Fact("limits", "  ".join(limits)))
    needs = []
    if one.needs.disk_bytes:
        needs.append(f"{metrics.size(one.needs.disk_bytes)} disk")
    if one.needs.gpu_memory_bytes:
        needs.append(f"{metrics.size(one.needs.gpu_memory_bytes)} GPU memory")
    if one.needs.licence:
        needs.append(one.needs.licence)
    if needs:
        facts.append(Fact("needs", "  ".join(needs)))
    if one.about:
        facts.append(Fact("note", one.about, Tone.WARNING if one.retired else Tone.PLAIN))
    return facts
