"""The catalogue: every file loads, and it says what MLCommons' own tables say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Cli
from tui.engine import catalog
from tui.engine.catalog import Catalog
from tui.engine.rules import Rules
from tui.engine.scenario import Scenario

GUIDE = ("resnet50", "retinanet", "bert-99", "rnnt", "3d-unet-99", "gptj-99", "sdxl")


@pytest.fixture(scope="module")
def known() -> Catalog:
    return catalog.load()


@pytest.fixture(scope="module")
def published(corpus: Path) -> Any:
    """MLCommons' figures: made from the submission checker and mlperf.conf of each round."""
    text = (corpus / "facts/catalogue.yaml").read_text()
    return yaml.load(text, Loader=yaml.CSafeLoader)


def test_the_guides_benchmarks_come_first_after_smoke(known: Catalog) -> None:
    names = list(known.benchmarks)
    assert names[0] == "smoke"
    assert [one for one in names if one in GUIDE] == list(GUIDE)
    assert max(names.index(one) for one in GUIDE) < 12


def test_a_retired_benchmark_names_its_last_round_and_no_later_one_lists_it(known: Catalog) -> None:
    retired = [one for one in known.benchmarks.values() if one.retired]
    assert {one.name: one.retired for one in retired}.items() >= {
        "rnnt": "v4.0",
        "gptj-99": "v5.0",
        "retinanet": "v5.1",
        "mixtral-8x7b": "v6.0",
    }.items()
    newest = max(known.rounds)
    for one in known.benchmarks.values():
        if one.official and not one.retired:
            assert newest in known.rounds_of(one), one.name
        elif one.retired:
            assert newest not in known.rounds_of(one), one.name
            assert one.retired in known.rounds_of(one), one.name


def test_seeds_tell_the_rounds_apart(known: Catalog) -> None:
    seeds = [one.seeds["qsl_rng_seed"] for one in known.rounds.values()]
    assert len(set(seeds)) == len(seeds) == 12
    assert known.rounds["v5.1"].seeds["qsl_rng_seed"] == 1780908523862526354


def test_a_rounds_file_overlays_the_benchmarks_own(known: Catalog) -> None:
    now = known.benchmarks["resnet50"].rules
    then = known.rounds["v4.1"].rules["resnet50"]
    assert now.scenarios_of("datacenter") == ()
    assert then.scenarios_of("datacenter") == (Scenario.SERVER, Scenario.OFFLINE)
    assert then.latency_limits_ms == {"Server": {"p99": 15}}
    assert then.targets == now.targets == {"acc": 75.6954}


def test_scenarios_that_no_category_has_any_more_still_run(known: Catalog) -> None:
    resnet50 = known.benchmarks["resnet50"]
    assert Scenario.SERVER in resnet50.all_scenarios
    assert Scenario.SERVER not in resnet50.rules.scenarios_of("edge")


def test_the_benchmarks_verb_shows_it_all(cli: Cli) -> None:
    found = {one["name"]: one for one in cli.json("benchmarks")}
    sdxl = found["sdxl"]
    assert sdxl["scenarios"] == {"datacenter": [], "edge": ["SingleStream", "Offline"]}
    assert {one["metric"]: (one["value"], one["upper"]) for one in sdxl["targets"]} == {
        "CLIP_SCORE": (31.686319, 31.813318),
        "FID_SCORE": (23.010858, 23.950076),
    }
    assert sdxl["rounds"][0] == "v4.0"
    assert found["llama2-70b-99.9"]["latency_limits_ms"]["Interactive"] == {"ttft": 450, "tpot": 40}
    assert found["llama3.1-8b"]["needs"]["licence"].startswith("the Llama 3.1 licence")
    assert found["rnnt"]["retired"] == "v4.0"


def ours(published_name: str) -> str:
    return {"resnet": "resnet50", "stable-diffusion-xl": "sdxl"}.get(published_name, published_name)


def test_no_round_differs_from_mlcommons_tables(known: Catalog, published: Any) -> None:
    """Targets, scenarios, limits, counts, units, keys and seeds of every benchmark and round."""
    held = [one for one in known.rounds.values() if one.rules]  # older ones: seeds alone
    assert [one.name for one in held] == list(published["rounds"])
    compared = 0
    for name, theirs in published["rounds"].items():
        mine = known.rounds[name]
        assert mine.seeds == theirs["seeds"]
        assert mine.min_duration_ms == theirs["min_duration_ms"]
        assert mine.percentiles == theirs["default_percentile"]
        assert mine.samples_per_query == {"MultiStream": theirs["multistream_samples_per_query"]}
        assert set(mine.rules) == set(map(ours, theirs["benchmarks"]))
        for benchmark, rules in theirs["benchmarks"].items():
            assert differences(mine.rules[ours(benchmark)], rules) == {}, (name, benchmark)
            compared += 1
    assert compared == sum(len(one["benchmarks"]) for one in published["rounds"].values()) > 130


def test_every_published_model_is_here_and_its_file_holds_its_newest_rules(
    known: Catalog, published: Any
) -> None:
    for name in published["models"]:
        newest = [one for one in known.rounds.values() if ours(name) in one.rules][-1]
        assert known.benchmarks[ours(name)].rules == newest.rules[ours(name)], name
        assert known.benchmarks[ours(name)].submission_name == name


def differences(mine: Rules, theirs: Any) -> dict[str, Any]:
    """What differs between a Rules and the tables' entry: {field: (ours, theirs)}."""
    wanted = {
        "targets": _targets(theirs["accuracy_target_min"]),
        "upper_limits": theirs["accuracy_upper_limit"] or {},
        "latency_limits_ms": _limits(theirs.get("latency", {})),
        "token_latencies": bool(theirs.get("latency", {}).get("token_latencies")),
        "equal_issue_mode": bool(theirs.get("equal_issue_mode")),
        "result_keys": theirs["result_key"],
        "units": {name: unit["true_unit"] for name, unit in theirs["units"].items()},
        "performance": theirs["performance_sample_count"],
        "offline_least": theirs.get("offline_min_query_count"),
        "percentiles": (
            {"SingleStream": theirs["singlestream_percentile"]}
            if "singlestream_percentile" in theirs
            else {}
        ),
    }
    found: dict[str, Any] = {
        "targets": {"": dict(mine.targets), **mine.scenario_targets},
        "upper_limits": mine.upper_limits,
        "latency_limits_ms": mine.latency_limits_ms,
        "token_latencies": mine.token_latencies,
        "equal_issue_mode": mine.equal_issue_mode,
        "result_keys": mine.result_keys,
        "units": mine.units,
        "performance": mine.samples["performance"],
        "offline_least": mine.samples.get("offline_least"),
        "percentiles": mine.percentiles,
    }
    for category in ("datacenter", "edge"):
        for kind, some in (("required", mine.scenarios), ("optional", mine.optional_scenarios)):
            wanted[f"{category}_{kind}"] = set(theirs["scenarios"][f"{category}_{kind}"])
            found[f"{category}_{kind}"] = {str(one) for one in some.get(category, ())}
    return {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]}


def _targets(theirs: dict[str, Any]) -> dict[str, Any]:
    if not any(isinstance(one, dict) for one in theirs.values()):
        return {"": theirs}
    usual = theirs["Offline"]
    return {"": usual, **{name: one for name, one in theirs.items() if one != usual}}


def _limits(latency: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "server_target_latency_ms" in latency:
        found["Server"] = {"p99": latency["server_target_latency_ms"]}
    for scenario in ("server", "interactive"):
        if f"{scenario}_ttft_latency_ms" in latency:
            found[scenario.capitalize()] = {
                "ttft": latency[f"{scenario}_ttft_latency_ms"],
                "tpot": latency[f"{scenario}_tpot_latency_ms"],
            }
    return found
