"""Every log of the corpus against its manifest: no mismatch, no case left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tui.engine import catalog
from tui.engine.catalog import Catalog
from tui.engine.results import iter_results, loadgen, read_results, summary
from tui.engine.results.model import Result

KEYS = {
    "SingleStream": ("early_stopping_latency_ss", 1e-6),
    "MultiStream": ("early_stopping_latency_ms", 1e-6),
    "Server": ("result_completed_samples_per_sec", 1),
    "Offline": ("result_samples_per_second", 1),
}
TOKEN_KEYS = {
    "Server": ("result_completed_tokens_per_second", "result_inferred_completed_tokens_per_second"),
    "Offline": ("result_tokens_per_second", "result_inferred_tokens_per_second"),
}
SPREAD = ("min", "mean", "max", "p50", "p90", "p95", "p97", "p99", "p99.9")


@pytest.fixture(scope="module")
def known() -> Catalog:
    return catalog.load()


def read(path: Path, known: Catalog) -> Result:
    (found,) = read_results(path, known)
    return found


def test_every_log_made_by_loadgen_agrees_with_its_manifest(corpus: Path, known: Catalog) -> None:
    cases = json.loads((corpus / "logs/loadgen/MANIFEST.json").read_text())
    assert len(cases) >= 31
    for case in cases:
        name, detail = case["case"], case["detail"]
        result = read(corpus / "logs/loadgen" / name, known)
        assert result.loadgen_verdict == case["result"], name
        assert result.errors == (case["errors"] or 0), name
        assert result.warnings == (case["warnings"] or 0), name
        assert result.scenario == detail["effective_scenario"], name
        assert result.mode == detail["effective_test_mode"], name
        assert result.loadgen_version == detail["loadgen_version"], name
        assert result.queries == detail.get("result_query_count"), name
        assert result.verdict == verdict_of(case), name
        assert bool(result.reasons) == (result.verdict != "VALID"), name
        check_number(result, detail)
        check_spread(result, detail)


def verdict_of(case: dict[str, Any]) -> str:
    if case["result"] == "INVALID":
        return "INVALID"
    if case["result"] is None:
        return "INCOMPLETE"  # killed, or an accuracy run without accuracy.txt
    return "ERRORS" if case["errors"] else "VALID"


def check_number(result: Result, detail: dict[str, Any]) -> None:
    key, scale = KEYS[detail["effective_scenario"]]
    for token_key in TOKEN_KEYS.get(detail["effective_scenario"], ()):
        if token_key in detail:
            key = token_key
    expected = detail.get(key)
    if not expected:
        assert result.metric is None
    else:
        assert result.metric is not None
        assert result.metric.value == pytest.approx(expected * scale, rel=1e-9)


def check_spread(result: Result, detail: dict[str, Any]) -> None:
    query, part = ("query_", "per_query_") if result.scenario == "MultiStream" else ("", "")
    for name in SPREAD:
        if name[0] == "p":
            percent = f"{float(name[1:]):.2f}"
            key = f"result_{percent}_percentile_{part}latency_ns"
        else:
            key = f"result_{name}_{query}latency_ns"
        if key in detail:
            assert result.latency_ns is not None
            assert result.latency_ns[name] == detail[key], (key, result.path)


def test_every_summary_tells_what_its_detail_log_does(corpus: Path) -> None:
    compared = 0
    for path in sorted(corpus.glob("logs/**/mlperf_log_detail.txt")):
        page = path.with_name("mlperf_log_summary.txt")
        if not page.is_file() or not page.stat().st_size:
            continue
        (full,), (short,) = loadgen.read(path), summary.read(page)
        for field in ("loadgen_verdict", "errors", "warnings", "latency_ns", "ttft_ns", "tpot_ns"):
            assert getattr(short, field) == getattr(full, field), (field, path)
        compared += 1
    assert compared > 60


def manifest(corpus: Path) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((corpus / "logs/published/MANIFEST.json").read_text())[
        "cases"
    ]
    assert len(cases) >= 27
    return cases


def check_published(result: Result, case: dict[str, Any]) -> None:
    """Value, unit, power, round and counts of one case."""
    name, logged, value = case["dir"], case["from_detail_log"], case["published_value"]
    assert (result.round, result.verdict, result.errors) == (case["round"], "VALID", 0), name
    if value is not None:
        assert result.metric is not None, name
        number = result.metric
        folder = case["path"].rsplit("/", 1)[-1].lower()
        if folder != str(result.scenario).lower():
            (number,) = [one.metric for one in result.inferred if one.scenario.lower() == folder]
        assert number.value == pytest.approx(value, rel=1e-9), name
        assert number.unit == case["published_units_effective"], name
    if case["published_power"]:
        assert result.power is not None, name
        assert result.power.value == pytest.approx(case["published_power"], rel=1e-9), name
        units = {"Watts": "W", "millijoules": "mJ/query"}
        assert result.power.unit == units[case["published_power_units"]], name
    else:
        assert result.power is None, name
    if logged:
        assert result.loadgen_version == logged["loadgen_version"], name
        assert result.queries == logged.get("result_query_count"), name
        assert result.errors == logged.get("num_errors", 0), name
        if result.ttft_ns is not None:
            key = "result_first_token_99.00_percentile_latency_ns"
            assert result.ttft_ns["p99"] == logged[key], name


def test_every_published_case_agrees_with_what_was_published(corpus: Path, known: Catalog) -> None:
    for case in manifest(corpus):
        found = read_results(corpus / "logs/published" / case["dir"], known)
        (result,) = [one for one in found if one.kind == "performance"]
        check_published(result, case)
        interactive = case["path"].endswith("Interactive")
        assert (result.scenario == "Interactive") == interactive, case["dir"]
        files = {one["file"] for one in case["files"] if "file" in one}
        has_accuracy = "accuracy/accuracy.txt" in files
        assert any(one.kind == "accuracy" and one.accuracy for one in found) == has_accuracy
        assert {one.kind for one in found} <= {"performance", "accuracy", "compliance"}


def test_the_cases_as_submissions_are_read_the_same(
    corpus: Path, known: Catalog, tmp_path: Path
) -> None:
    """In the layouts to v5.1 and from v6.0, all rounds below one folder."""
    cases = manifest(corpus)
    for case in cases:
        for one in case["files"]:
            if "file" in one:
                to = tmp_path / case["round"] / one["path"]
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(corpus / "logs/published" / case["dir"] / one["file"], to)
    left_out: list[Path] = []
    found = list(iter_results(tmp_path, known, lambda path, _: left_out.append(path)))
    assert len({one.path for one in found}) == len(found)
    by_place = {
        str(Path(one.path).parents[2].relative_to(tmp_path)): one
        for one in found
        if one.kind == "performance"
    }
    assert len(by_place) == len(cases)
    for case in cases:
        result = by_place[f"{case['round']}/{case['path']}"]
        check_published(result, case)
        assert result.benchmark is not None, case["dir"]
        # What was published must not fail where nothing of it is missing here.
        failed = [one.id for one in result.official.checks if one.ok is False]
        assert failed in ([], ["compliance"]), (case["dir"], failed)
    ranging = sum("ranging" in str(one.get("file")) for case in cases for one in case["files"])
    assert len(left_out) == ranging


def test_every_published_accuracy_is_above_its_target(corpus: Path, known: Catalog) -> None:
    judged = 0
    for case in manifest(corpus):
        for one in read_results(corpus / "logs/published" / case["dir"], known):
            if one.kind == "accuracy":
                assert one.verdict == "VALID", one.path
                judged += one.accuracy is not None and one.accuracy.ok is True
    assert judged >= 12


def test_every_invalid_summary_says_why(corpus: Path, known: Catalog) -> None:
    paths = sorted((corpus / "logs/published/invalid").glob("*.summary.txt"))
    assert len(paths) >= 16
    for path in paths:
        result = read(path, known)
        scenario = path.name.removesuffix(".summary.txt").rsplit("-", 1)[-1]
        assert result.verdict == "INVALID", path.name
        assert result.scenario in (scenario, "Interactive"), path.name
        assert result.reasons, path.name
        assert all(one.text for one in result.reasons), path.name
    crlf = read(corpus / "logs/published/crlf.summary.txt", known)
    assert (crlf.loadgen_verdict, crlf.round) == ("VALID", "v3.0")


def test_every_results_tree_of_mlcr_is_read(corpus: Path, known: Catalog) -> None:
    found = read_results(corpus / "logs/mlcr/results", known)
    logs = list((corpus / "logs/mlcr/results").rglob("mlperf_log_detail.txt"))
    assert len(found) == len(logs) > 5
    for one in found:
        detail = loadgen.read_log(Path(one.path)).values
        assert one.benchmark == "resnet50"
        assert one.round == "v6.1"
        assert one.scenario == detail["effective_scenario"]
        assert one.loadgen_verdict == detail.get("result_validity")
        assert one.official.ok is not True, one.path
        expected = {"VALID": "VALID", "INVALID": "INVALID"}.get(
            one.loadgen_verdict or "", "INVALID" if one.kind == "accuracy" else "INCOMPLETE"
        )
        assert one.verdict == expected, one.path
