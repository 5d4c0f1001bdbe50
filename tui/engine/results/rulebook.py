"""Which round, which benchmark, which scenario a log is of; and so which rules hold for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui.engine.catalog import Benchmark, Catalog, Round
from tui.engine.results import description, text
from tui.engine.results.locate import Place
from tui.engine.results.model import Result
from tui.engine.rules import Rules

SEEDS = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
LEVELS = 3
"""How many folders above a log may be named for its benchmark, outside the usual layouts."""


@dataclass(frozen=True)
class Case:
    """What is known of the run behind a result."""

    round: Round | None
    benchmark: Benchmark | None
    benchmark_name: str | None
    """Also of a benchmark that the catalogue does not have: as its folder is called."""
    twins: tuple[Rules, ...]
    """The rules of all benchmarks that it can be, where it can be several (bert-99, bert-99.9)."""
    twin_names: tuple[str, ...]
    rules: Rules | None
    """The benchmark's in that round; without a round, its newest; None where that is not known."""
    scenario: str | None
    """As the rules call it: Interactive is a Server run with its own limits."""


class Rulebook:
    """Everything that tells runs apart, made ready once for many logs."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.rounds = catalog.rounds
        self._by_seeds = {
            tuple(one.seeds[name] for name in SEEDS): one for one in self.rounds.values()
        }
        self._by_seed = {one.seeds[SEEDS[0]]: one for one in self.rounds.values()}
        self._by_schedule = {one.seeds[SEEDS[2]]: one for one in self.rounds.values()}
        self._names = self._all_names()

    def _all_names(self) -> dict[str, Benchmark]:
        """Every name of a benchmark that means no other one."""
        meant: dict[str, set[str]] = {}
        for one in self._catalog.benchmarks.values():
            own = (one.name, one.submission_name, one.mlcr.get("model", ""), one.loadgen_model)
            for name in own:
                meant.setdefault(_plain(name), set()).add(one.name)
        for one in self._catalog.benchmarks.values():  # its own name is always its own
            meant[_plain(one.name)] = {one.name}
        meant.pop("", None)
        single = {name: found for name, found in meant.items() if len(found) == 1}
        return {name: self._catalog.benchmarks[min(found)] for name, found in single.items()}

    def case(self, result: Result, place: Place, folder: Path) -> Case:
        """What the log and its place tell.

        Args:
            result: as read.
            place: where its log lies.
            folder: the log's own.
        """
        found = self.round_of(result.log_values)
        benchmark, name = self._by_place(place, folder)
        fitting: list[tuple[Benchmark, Rules]] = []
        if name is None:
            fitting = self._fitting(result, found)
            if len(fitting) == 1:
                benchmark = fitting[0][0]
                name = benchmark.name
        twins = tuple(rules for _, rules in fitting)
        names = tuple(one.name for one, _ in fitting)
        rules = self._rules(benchmark, found)
        limits = (rules,) if rules else twins or tuple(found.rules.values() if found else ())
        scenario = _scenario(result, place, limits)
        return Case(found, benchmark, name, twins, names, rules, scenario)

    def round_of(self, values: Mapping[str, Any]) -> Round | None:
        """By the seed of the QSL, which no two rounds share; Endpoints runs have only others."""
        seed = values.get("effective_qsl_rng_seed")
        if isinstance(seed, int):
            return self._by_seed.get(seed)
        schedule = values.get("effective_schedule_rng_seed")
        return self._by_schedule.get(schedule) if isinstance(schedule, int) else None

    def _rules(self, benchmark: Benchmark | None, found: Round | None) -> Rules | None:
        if benchmark is None:
            return None
        return found.rules.get(benchmark.name) if found else benchmark.rules

    def _by_place(self, place: Place, folder: Path) -> tuple[Benchmark | None, str | None]:
        if place.model is not None:
            known = self._names.get(_plain(place.model)) or self._mapped(place)
            return known, known.name if known else place.model
        here = place.base
        for _ in range(LEVELS):
            if known := self._names.get(_plain(here.name)):
                return known, known.name
            here = here.parent
        folders = dict.fromkeys((folder, place.base, place.base / "measurements"))
        models = description.conf_models(*(one / "user.conf" for one in folders))
        named = {one.name: one for model in models if (one := self._names.get(_plain(model)))}
        if len(named) == 1:
            (known,) = named.values()
            return known, known.name
        return None, None

    def _mapped(self, place: Place) -> Benchmark | None:
        """A submitter's own name for a model stands in a model_mapping.json above it."""
        model = place.model or ""
        places = [place.base, *place.base.parents[:2]]
        if place.submitter:
            places += [place.submitter / "results", place.submitter]
        for folder in places:
            mapped = (text.json_object(folder / "model_mapping.json") or {}).get(model)
            if isinstance(mapped, str) and (known := self._names.get(_plain(mapped))):
                return known
        return None

    def _fitting(self, result: Result, found: Round | None) -> list[tuple[Benchmark, Rules]]:
        """The round's benchmarks that the log can be of: by the size of its dataset first of all.

        Only with a round's seeds: any number of other programs have 500 samples.
        """
        values = result.log_values
        total = text.whole(values.get("qsl_reported_total_count"))
        if found is None or total is None:
            return []
        return [
            (self._catalog.benchmarks[name], rules)
            for name, rules in found.rules.items()
            if total in _dataset_sizes(rules) and _agrees(values, rules)
        ]


def _dataset_sizes(rules: Rules) -> tuple[int | None, ...]:
    samples = rules.samples
    return samples.get("dataset", samples.get("performance")), samples.get("accuracy")


def _agrees(values: Mapping[str, Any], rules: Rules) -> bool:
    """Neither tokens nor limits of the log speak against these rules."""
    tokens = values.get("requested_use_token_latencies")
    if tokens is True and not rules.token_latencies:
        return False
    limits = _token_limits_ms(values)
    if limits is None:
        return True
    return any(_is_token_limit(one, limits) for one in rules.latency_limits_ms.values())


def _token_limits_ms(values: Mapping[str, Any]) -> tuple[float, float] | None:
    """TTFT and TPOT limits of a run whose tokens were timed."""
    found = [
        text.positive(values.get(f"requested_server_{name}_latency")) for name in ("ttft", "tpot")
    ]
    if None in found or values.get("effective_scenario") != "Server":
        return None
    return tuple(one / 1e6 for one in found if one is not None)  # type: ignore[return-value]


def _is_token_limit(limit: Mapping[str, float], found: tuple[float, float]) -> bool:
    return (limit.get("ttft"), limit.get("tpot")) == found


def _scenario(result: Result, place: Place, rules: tuple[Rules, ...]) -> str | None:
    """Interactive where the folder says so, or where only its limits fit the log's."""
    if result.scenario is None and result.kind == "accuracy":
        return place.scenario
    # Endpoints itself knows online and offline alone (map_endpoints_scenario of the checker).
    if result.source == "endpoints" and place.scenario == "SingleStream":
        return place.scenario
    if result.scenario != "Server":
        return result.scenario
    if place.scenario is not None:
        return "Interactive" if place.scenario == "Interactive" else result.scenario
    limits = _token_limits_ms(result.log_values)
    if limits is None:
        return result.scenario
    named = {
        scenario
        for one in rules
        for scenario, limit in one.latency_limits_ms.items()
        if _is_token_limit(limit, limits)
    }
    return "Interactive" if named == {"Interactive"} else result.scenario


def _plain(name: str) -> str:
    """Names differ in case and in `_` for `.`: llama3_1-8b is llama3.1-8b."""
    return name.lower().replace("_", ".")
