"""Published figures: which GPU a name means, and what is set beside a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tui.engine import catalog
from tui.engine.catalog import Catalog
from tui.engine.published import Gpu, Published, gpu_of, read


@pytest.fixture(scope="module")
def known() -> Catalog:
    return catalog.load()


@pytest.mark.parametrize(
    ("name", "gpu"),
    [
        ("NVIDIA H100 80GB HBM3", Gpu("H100", "SXM", 80)),  # as NVML calls it
        ("NVIDIA H100-SXM-80GB", Gpu("H100", "SXM", 80)),  # as submissions do
        ("NVIDIA H100 PCIe", Gpu("H100", "PCIE", None)),
        ("NVIDIA H100-80C", Gpu("H100", None, 80)),  # a vGPU profile
        ("Virtualized NVIDIA H100-SXM-80GB", Gpu("H100", "SXM", 80)),
        ("NVIDIA A100-SXM4-80GB", Gpu("A100", "SXM", 80)),
        ("NVIDIA A100 80GB PCIe", Gpu("A100", "PCIE", 80)),
        ("NVIDIA H200", Gpu("H200", "SXM", None)),
        ("NVIDIA H200 NVL", Gpu("H200", "NVL", None)),
        ("NVIDIA GH200 480GB", Gpu("GH200", None, None)),
        ("NVIDIA GH200 Grace Hopper Superchip 144GB", Gpu("GH200", None, 144)),
        ("NVIDIA L4", Gpu("L4", None, None)),
        ("NVIDIA L40S", Gpu("L40S", None, None)),
        ("Tesla T4", Gpu("T4", None, None)),
        ("NVIDIA GeForce RTX 4090 (Ada Lovelace)", Gpu("RTX 4090", None, None)),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", Gpu("RTX PRO 6000", None, None)),
        ("AMD Instinct MI300X", None),
        ("", None),
    ],
)
def test_a_name_tells_the_model(name: str, gpu: Gpu | None) -> None:
    assert gpu_of(name) == gpu


def test_forms_and_memories_that_differ_are_other_gpus() -> None:
    sxm, pcie = Gpu("H100", "SXM", 80), Gpu("H100", "PCIE", 80)
    assert not sxm.can_be(pcie)
    assert sxm.can_be(Gpu("H100"))
    assert not Gpu("A100", "SXM", 40).can_be(Gpu("A100", "SXM", 80))


def run_on(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "performance",
        "benchmark": "resnet50",
        "scenario": "Offline",
        "round": "v3.0",
        "metric": {"name": "rate", "value": 552.6, "unit": "Samples/s", "better": "higher"},
        "accelerator": {"name": "NVIDIA L4", "count": 1},
        **changes,
    }


def test_the_best_of_the_runs_own_round_and_the_marked_ones(known: Catalog) -> None:
    plain, capped = Published(known).beside(run_on())
    assert (plain.value, plain.unit, plain.round, plain.mark) == (13157.8, "Samples/s", "v3.0", "")
    assert plain.source == (
        "inference_results_v3.0/closed/NVIDIA/results/L4x1_TRT/resnet50/Offline"
    )
    assert (capped.value, capped.mark) == (12657.8, "power-capped")


@pytest.mark.parametrize(
    "changes",
    [
        {"accelerator": None},
        {"accelerator": {"name": "NVIDIA L4", "count": 7}},
        {"accelerator": {"name": "a GPU of mine", "count": 1}},
        {"metric": None},
        {"metric": {"name": "", "value": 1, "unit": "Tokens/s", "better": "higher"}},
        {"benchmark": None},
        {"kind": "accuracy"},
    ],
)
def test_nothing_is_set_beside_what_is_another_thing(
    known: Catalog, changes: dict[str, Any]
) -> None:
    assert Published(known).beside(run_on(**changes)) == []


def test_without_figures_of_its_round_the_newest_ones_are_taken(known: Catalog) -> None:
    figures = Published(known).beside(run_on(round="v6.1"))
    assert {one.round for one in figures} == {"v4.0"}


def test_of_latencies_the_least_is_the_best(known: Catalog) -> None:
    metric = {"name": "", "value": 1.0, "unit": "ms", "better": "lower"}
    found = Published(known).beside(run_on(scenario="SingleStream", metric=metric))
    values = [
        one.value
        for one in read(catalog.profile_files("rounds")["v3.0"].with_suffix(".csv"), "v3.0")
        if (one.benchmark, one.scenario, one.count, one.mark) == ("resnet50", "SingleStream", 1, "")
        and one.accelerator.startswith("NVIDIA L4")
        and not one.accelerator.startswith("NVIDIA L40")
    ]
    assert found[0].value == min(values)


def test_every_figure_is_one_of_the_published_table(known: Catalog, corpus: Path) -> None:
    """The best per GPU, count, benchmark, scenario and mark; nothing made up, nothing missed."""
    import csv

    with open(corpus / "facts/published.csv", encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    rows = {
        (
            row["round"],
            f"{row['results_repo'].removeprefix('mlcommons/')}/{row['results_path']}",
        ): row
        for row in table
    }
    names = {one.submission_name: one.name for one in known.benchmarks.values()}
    figures = [one for some in Published(known)._figures.values() for one in some]
    assert len(figures) > 2_000
    for one in figures:
        row = rows[one.round, one.source]
        assert (one.value, one.unit) == (float(row["value"]), row["units_effective"])
        assert (one.benchmark, one.scenario) == (names[row["model"]], row["scenario"])
        assert row["cpu_only_hint"] != "yes"
        assert row["division"] != "closed-network"
        assert (one.mark == "power-capped") == (row["powercap_hint"] == "maxq")
        if one.mark == "virtualised":
            assert row["virtualized_hint"] == "yes"
    best = {
        (one.round, gpu_of(one.accelerator), one.count, one.benchmark, one.scenario, one.unit): one
        for one in figures
        if not one.mark
    }
    for row in table:
        key = (
            row["round"],
            gpu_of(row["accelerator"]),
            int(row["accelerators_total"]),
            names[row["model"]],
            row["scenario"],
            row["units_effective"],
        )
        if row["powercap_hint"] or row["virtualized_hint"] or key not in best:
            continue
        if row["inferred"] == "1" or "inferred" in row["verified"]:
            continue
        if "MIG" in row["accelerator"] or row["division"] == "closed-network":
            continue
        ours, theirs = best[key].value, float(row["value"])
        assert ours <= theirs if row["units_effective"] in ("ms", "s") else ours >= theirs
