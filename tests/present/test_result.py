"""A result as rows: the number, what is published, why not, whether it would count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import DATA

from tui.engine import catalog
from tui.engine.catalog import Catalog
from tui.engine.published import Figure
from tui.engine.results import read_results
from tui.present import result as present
from widgets.rows import Tone

LOADGEN = DATA / "loadgen"


@pytest.fixture(scope="module")
def known() -> Catalog:
    return catalog.load()


def one(path: Path, known: Catalog, kind: str = "performance") -> dict[str, Any]:
    return next(r.to_json() for r in read_results(path, known) if r.kind == kind)


FIGURE = Figure(
    "v3.0", "NVIDIA L4", 1, "resnet50", "Offline", 8000.0, "Samples/s", "NVIDIA", "L4x1_TRT",
    "TensorRT 8.6.0, CUDA 12.0", "", "somewhere",
)  # fmt: skip


def test_the_number_its_direction_and_what_it_is_not(known: Catalog) -> None:
    panel = present.panel(one(LOADGEN / "offline_valid", known), [FIGURE])
    assert panel.headline == "817.4 Samples/s   higher is better"
    assert panel.notes == (
        "Unverified local run, not an official MLPerf result.",
        "published: 8 000.0 Samples/s (v3.0, NVIDIA L4 x1, TensorRT 8.6.0, NVIDIA); "
        "yours is 10.2 %",
    )


def test_times_are_told_as_a_multiple(known: Catalog) -> None:
    figure = Figure(**{**vars(FIGURE), "unit": "ms", "value": 3.610414, "mark": "virtualised"})
    panel = present.panel(one(LOADGEN / "singlestream_valid", known), [figure])
    assert panel.notes[1].endswith("NVIDIA, virtualised); yours is 2 times that")


def test_reasons_come_with_their_change(known: Catalog) -> None:
    result = one(LOADGEN / "server_invalid_latency", known)
    panel = present.panel(result)
    assert (panel.badge.text, panel.badge.tone) == ("INVALID", Tone.BAD)
    assert [bool(reason.fix) for reason in panel.reasons] == [True, True]
    (latency,) = panel.spreads
    assert (latency.tone, latency.limit_text) == (Tone.BAD, "limit 20 ms")
    assert present.rerun_options([result]) == ["--server_target_qps=176"]


def test_of_several_counts_the_greatest_mends_all(known: Catalog) -> None:
    result = one(LOADGEN / "singlestream_invalid_max_query_count", known)
    assert present.rerun_options([result]) == ["--max_query_count=5000"]


def test_tokens_have_three_distributions(known: Catalog) -> None:
    panel = present.panel(one(LOADGEN / "server_tokens_valid", known))
    assert [spread.label for spread in panel.spreads] == ["latency", "TTFT", "TPOT"]
    assert [spread.limit_text for spread in panel.spreads] == [
        "",
        "limit 200 ms",
        "limit 50 ms",
    ]
    for spread in panel.spreads:
        values = [value for value, _ in spread.points]
        assert values == sorted(values)


def test_accuracy_is_a_gauge_against_its_target(known: Catalog) -> None:
    place = DATA / "published/v5.1/closed/NVIDIA/results"
    panel = present.panel(one(place, known, "accuracy"))
    assert [gauge.tone for gauge in panel.gauges] == [Tone.GOOD] * 5
    assert panel.gauges[0].text == "ROUGE1 38.4882, at least 38.3914"
    assert panel.headline == "ROUGE1: 38.4882, target 38.3914"


def test_whether_it_would_count_is_one_line_and_a_list(known: Catalog) -> None:
    published = one(DATA / "published/v5.1/closed/NVIDIA/results", known)
    line = present.counts(published)
    assert line is not None
    assert (line.value, line.tone) == ("all 16 official checks pass", Tone.GOOD)
    local = one(LOADGEN / "server_valid", known)
    line = present.counts(local)
    assert line is not None
    assert line.tone is Tone.PLAIN
    assert "✖ seeds" in line.value
    assert "seeds: they are 0" in line.value
    facts = present.checks_panel(local).facts
    tones = [fact.tone for fact in facts]
    assert tones == sorted(tones, key=[Tone.BAD, Tone.UNKNOWN, Tone.GOOD].index)
    assert len(facts) == len(local["official"]["checks"])


def test_power_says_where_it_was_measured(known: Catalog) -> None:
    result = {
        **one(LOADGEN / "offline_valid", known),
        "power": {"value": 634.01, "unit": "W", "source": "wall"},
    }
    facts = {fact.label: fact.value for fact in present.panel(result).facts}
    assert facts["power"] == "634.0 W (whole system, at the wall)"


def test_results_of_an_older_version_are_shown(known: Catalog) -> None:
    """result.json as it was written before this version."""
    new = ("source", "accelerator", "inferred", "notices", "latency_limit_ns", "ttft_limit_ns")
    old = {
        key: value
        for key, value in one(LOADGEN / "server_valid", known).items()
        if key not in (*new, "tpot_limit_ns")
    }
    old["accuracy"] = {"metric": "top-1 accuracy (%)", "value": 98.4, "target": 98.0, "ok": True}
    assert present.panel(old).headline.startswith("147.9 Queries/s")


def test_a_row_of_the_list_names_the_place_as_seen_from_the_path(known: Catalog) -> None:
    result = one(LOADGEN / "offline_valid", known)
    cells = present.listed_row(result, str(LOADGEN))
    assert [cell.text for cell in cells] == [
        "VALID",
        "–",
        "Offline",
        "817.4 Samples/s",
        "performance",
        "–",
        "offline_valid",
    ]
