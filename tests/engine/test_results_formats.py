"""Everything beside the detail log: summaries, accuracy, power, compliance, Endpoints, places."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA

from tui.engine import catalog
from tui.engine.catalog import Catalog
from tui.engine.errors import NotFoundError
from tui.engine.results import accuracy, iter_results, loadgen, read_results, summary
from tui.engine.results.model import Result

LOADGEN, PUBLISHED = DATA / "loadgen", DATA / "published"


@pytest.fixture(scope="module")
def known() -> Catalog:
    return catalog.load()


# --- summary alone ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", sorted(one.parent.name for one in LOADGEN.glob("*/mlperf_log_summary.txt"))
)
def test_a_summary_alone_tells_what_the_detail_log_does(
    case: str, tmp_path: Path, known: Catalog
) -> None:
    shutil.copy(LOADGEN / case / "mlperf_log_summary.txt", tmp_path)
    (short,) = read_results(tmp_path, known)
    (full,) = read_results(LOADGEN / case, known)
    assert short.source == "summary"
    for field in ("verdict", "kind", "loadgen_verdict", "mode", "latency_ns", "ttft_ns", "tpot_ns"):
        if case != "server_killed_midrun":  # whose summary is empty
            assert getattr(short, field) == getattr(full, field), field
    assert [one.code for one in short.reasons] == [one.code for one in full.reasons]
    if full.metric is not None:
        assert short.metric is not None
        assert short.metric.value == pytest.approx(full.metric.value, rel=1e-3)
        assert short.metric.unit == full.metric.unit
        assert "summary-only" in [one.code for one in short.notices]


def test_both_logs_of_a_run_are_one_result(tmp_path: Path, known: Catalog) -> None:
    for name in ("detail", "summary"):
        shutil.copy(LOADGEN / "server_valid/mlperf_log_detail.txt", tmp_path / "x_detail.txt")
        shutil.copy(LOADGEN / "singlestream_valid" / f"mlperf_log_{name}.txt", tmp_path)
    assert [Path(one.path).name for one in read_results(tmp_path, known)] == [
        "mlperf_log_detail.txt",
        "x_detail.txt",
    ]


def test_a_zero_that_loadgen_never_writes_is_no_absence_of_errors(tmp_path: Path) -> None:
    page = (LOADGEN / "singlestream_valid/mlperf_log_summary.txt").read_text()
    path = tmp_path / "mlperf_log_summary.txt"
    path.write_text(page.replace("No errors encountered", "00 ERRORS encountered"))
    assert summary.read(path)[0].errors == 1


def test_logs_of_before_v1_are_read_from_their_summary(tmp_path: Path, known: Catalog) -> None:
    lines = (
        '"pid": 5710, "tid": 5710, "ts": 6506ns : version : .5a1 @ 61220457de\n'
        '"pid": 5710, "tid": 5710, "ts": 9912ns : Starting performance mode:\n'
    )
    (tmp_path / "mlperf_log_detail.txt").write_text(lines)
    (alone,) = read_results(tmp_path, known)
    assert (alone.status, [one.code for one in alone.reasons]) == ("corrupt", ["before-v1"])
    shutil.copy(LOADGEN / "multistream_valid/mlperf_log_summary.txt", tmp_path)
    (beside,) = read_results(tmp_path, known)
    assert (beside.verdict, beside.source) == ("VALID", "summary")


# --- accuracy.txt -------------------------------------------------------------------------------

ACCURACIES = {
    # file: the benchmark whose window it is judged by, its values (read in the files)
    "acc": ("resnet50", {"acc": 76.156}),
    "WER": ("rnnt", {"WER": 92.54774628514735}),
    "DICE": ("3d-unet-99", {"DICE": 0.86242}),
    "F1": ("bert-99", {"F1": 90.46798543449019}),
    "AUC": ("dlrm-v2-99", {"AUC": 80.166}),
    "mAP": ("retinanet", {"mAP": 37.318}),
    "ACCURACY": ("whisper", {"ACCURACY": 97.83206600873645}),
    "gptj": (
        "gptj-99",
        {"ROUGE1": 42.9603, "ROUGE2": 20.1366, "ROUGEL": 29.9612, "GEN_LEN": 4047046},
    ),
    "llama3.1-8b": (
        "llama3.1-8b",
        {
            "ROUGE1": 38.4882,
            "ROUGE2": 15.9096,
            "ROUGEL": 24.3244,
            "ROUGELSUM": 35.6328,
            "GEN_LEN": 8151723,
        },
    ),
    "mixtral": (
        "mixtral-8x7b",
        {
            "ROUGE1": 45.3563,
            "ROUGE2": 23.2486,
            "ROUGEL": 30.3161,
            "TOKENS_PER_SAMPLE": 145.9,
            "gsm8k_accuracy": 73.1,
            "mbxp_accuracy": 59.94,
        },
    ),
    "sdxl": ("sdxl", {"CLIP_SCORE": 31.780162643492222, "FID_SCORE": 23.69402235901714}),
    "deepseek-r1": (
        "deepseek-r1",
        {"exact_match": 81.44940747493163, "TOKENS_PER_SAMPLE": 3758.8457155879673},
    ),
    "gpt-oss-120b": ("gpt-oss-120b", {"exact_match": 82.996}),
}


@pytest.mark.parametrize("name", ACCURACIES)
def test_what_the_accuracy_scripts_print(name: str, known: Catalog) -> None:
    benchmark, values = ACCURACIES[name]
    rules = known.benchmarks[benchmark].rules
    found = accuracy.read(DATA / f"accuracy/{name}.txt", rules.targets, rules.upper_limits)
    assert found is not None
    assert {one.name: one.value for one in found.values} == values
    assert found.ok is True, found
    assert found.has_hash


def test_texts_that_are_only_made_for_other_benchmarks(tmp_path: Path) -> None:
    lines = {
        "vbench_score": ("{'vbench_score': 70.16, 'num': 248}", 70.16),
        "F1_HIERARCHICAL": ('{"category": 1, "f1": 0.7874682472480947}', 0.7874682472480947),
        "DLRM_NE": ("I0212 metric/lifetime_ne/rating: 0.8677", 0.8677),
        "E2E_ACCURACY": ("Accuracy: 34.2", 34.2),
    }
    for name, (line, value) in lines.items():
        (tmp_path / "accuracy.txt").write_text(f"noise\n{line}\nhash=ab\n")
        found = accuracy.read(tmp_path / "accuracy.txt", {name: 0.5}, {})
        assert found is not None, name
        assert found.values[0].value == value


def test_the_last_line_that_matches_counts(tmp_path: Path) -> None:
    (tmp_path / "accuracy.txt").write_text(
        "accuracy=1.0%, good=1, total=9\naccuracy=76.1%, good=8, total=9\n"
    )
    found = accuracy.read(tmp_path / "accuracy.txt", {"acc": 75}, {})
    assert found is not None
    assert (found.values[0].value, found.ok, found.has_hash) == (76.1, True, False)


def accuracy_run(folder: Path, text: str, known: Catalog) -> Result:
    shutil.copy(LOADGEN / "offline_accuracy/mlperf_log_detail.txt", folder)
    (folder / "accuracy.txt").write_text(text)
    (found,) = read_results(folder, known)
    return found


def test_a_window_has_two_sides(tmp_path: Path, known: Catalog) -> None:
    place = tmp_path / "system/sdxl/offline/accuracy"
    place.mkdir(parents=True)
    low = accuracy_run(place, "{'FID_SCORE': 23.1, 'CLIP_SCORE': 31.1}", known)
    assert (low.verdict, [one.code for one in low.reasons]) == ("INVALID", ["below-target"])
    high = accuracy_run(place, "{'FID_SCORE': 24.1, 'CLIP_SCORE': 31.7}", known)
    assert (high.verdict, [one.code for one in high.reasons]) == ("INVALID", ["above-limit"])
    half = accuracy_run(place, "{'FID_SCORE': 23.1}", known)
    assert (half.verdict, half.accuracy and half.accuracy.ok) == ("INCOMPLETE", None)
    good = accuracy_run(place, "{'FID_SCORE': 23.1, 'CLIP_SCORE': 31.7}", known)
    assert (good.verdict, good.reasons) == ("VALID", ())


@pytest.mark.parametrize(
    ("text", "code"),
    [(None, "no-accuracy"), ("nothing that is a number", "unknown-accuracy")],
)
def test_accuracy_that_is_not_known_is_not_called_invalid(
    tmp_path: Path, text: str | None, code: str, known: Catalog
) -> None:
    shutil.copy(LOADGEN / "offline_accuracy/mlperf_log_detail.txt", tmp_path)
    if text:
        (tmp_path / "accuracy.txt").write_text(text)
    (result,) = read_results(tmp_path, known)
    assert result.verdict == "INCOMPLETE"
    assert [one.code for one in result.reasons] == [code]


# --- power --------------------------------------------------------------------------------------


def powered(folder: Path, case: str, lines: list[str], known: Catalog) -> Result:
    shutil.copy(LOADGEN / case / "mlperf_log_detail.txt", folder)
    (folder / "spl.txt").write_text("\n".join(lines) + "\n")
    (found,) = read_results(folder, known)
    return found


def test_wall_power_is_the_mean_between_begin_and_end(tmp_path: Path, known: Catalog) -> None:
    """offline_valid: 11-24-2026 14:26:11.285 to 14:26:16.130."""
    lines = [
        "Time,11-24-2026 14:26:11.285,Watts,900.0,Volts,230",  # at the beginning: not after it
        "Time,11-24-2026 14:26:12.285,Watts,100.0,Volts,230",
        "Time,11-24-2026 14:26:13.285,Watts,-1.0,Volts,230",
        "Time,11-24-2026 14:26:14.285,Watts,nan,Volts,230",
        "not a line",
        "Time,11-24-2026 14:26:16.129,Watts,200.5,Volts,230,Mark,run,Ch1,Watts,7",
        "Time,11-24-2026 14:26:16.130,Watts,900.0,Volts,230",
    ]
    power = powered(tmp_path, "offline_valid", lines, known).power
    assert power is not None
    assert (power.value, power.unit, power.source) == (150.25, "W", "wall")


def test_power_of_a_query(tmp_path: Path, known: Catalog) -> None:
    full = loadgen.read(LOADGEN / "singlestream_valid/mlperf_log_detail.txt")[0]
    begin = full.log_values["power_begin"]
    stamp = begin[:-1] + chr(ord(begin[-1]) + 1) if begin[-1] < "9" else begin[:-2] + "99"
    result = powered(tmp_path, "singlestream_valid", [f"Time,{stamp},Watts,300.0,Volts,1"], known)
    assert result.power is not None
    assert result.duration_s is not None
    assert result.queries is not None
    each = 300.0 * result.duration_s * 1000 / result.queries
    assert (result.power.value, result.power.unit) == (each, "mJ/query")
    assert result.power.inferred_multi_stream == pytest.approx(8 * each, rel=1e-15)


def test_no_power_in_the_window_is_no_power(tmp_path: Path, known: Catalog) -> None:
    lines = ["Time,11-24-2020 14:26:12.285,Watts,100.0,Volts,230"]
    assert powered(tmp_path, "offline_valid", lines, known).power is None


def test_ranging_runs_are_recognised_and_left_out(tmp_path: Path, known: Catalog) -> None:
    for part in ("ranging", "run_1"):
        place = tmp_path / "s/resnet50/Offline/performance" / part
        place.mkdir(parents=True)
        shutil.copy(LOADGEN / "offline_valid/mlperf_log_detail.txt", place)
    told: list[Path] = []
    found = list(iter_results(tmp_path, known, lambda path, _: told.append(path)))
    assert [Path(one.path).parent.name for one in found] == ["run_1"]
    assert [one.parent.name for one in told] == ["ranging"]
    with pytest.raises(NotFoundError, match="a power ranging run is no result"):
        read_results(tmp_path / "s/resnet50/Offline/performance/ranging", known)


# --- compliance ---------------------------------------------------------------------------------


def verification(folder: Path, files: dict[str, str], known: Catalog) -> Result:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (found,) = read_results(folder, known)
    return found


@pytest.mark.parametrize(
    ("test", "files", "verdict"),
    [
        (
            "TEST04",
            {"verify_performance.txt": "reference score = 9\ntest score = 9\nTEST PASS"},
            "VALID",
        ),
        ("TEST04", {"verify_performance.txt": "TEST FAIL: Test score invalid"}, "INVALID"),
        ("TEST01", {"verify_accuracy.txt": "TEST PASS"}, "INCOMPLETE"),
        (
            "TEST01",
            {"verify_accuracy.txt": "TEST FAIL", "verify_performance.txt": "TEST PASS"},
            "INCOMPLETE",
        ),
        (
            "TEST01",
            {
                "verify_accuracy.txt": "TEST FAIL",
                "verify_performance.txt": "TEST PASS",
                "accuracy/baseline_accuracy.txt": "accuracy=76.0%, good=1, total=2",
                "accuracy/compliance_accuracy.txt": "accuracy=76.5%, good=1, total=2",
            },
            "VALID",
        ),
        (
            "TEST01",
            {
                "verify_accuracy.txt": "TEST FAIL",
                "verify_performance.txt": "TEST PASS",
                "accuracy/baseline_accuracy.txt": "accuracy=76.0%, good=1, total=2",
                "accuracy/compliance_accuracy.txt": "accuracy=70.0%, good=1, total=2",
            },
            "INVALID",
        ),
        (
            "TEST06",
            {
                "verify_accuracy.txt": "First token check pass: Skipped\nEOS check pass: True\n"
                "Sample length check pass: True\nTEST06 verification complete"
            },
            "VALID",
        ),
        (
            "TEST06",
            {
                "verify_accuracy.txt": "First token check pass: True\nEOS check pass: False\n"
                "Sample length check pass: True\nTEST06 verification complete"
            },
            "INVALID",
        ),
        ("TEST09", {"verify_output_len.txt": "TEST PASS"}, "VALID"),
    ],
)
def test_what_the_verify_scripts_wrote(
    test: str, files: dict[str, str], verdict: str, tmp_path: Path, known: Catalog
) -> None:
    result = verification(tmp_path / test, files, known)
    assert (result.kind, result.verdict, result.source) == ("compliance", verdict, "verification")
    if verdict == "INVALID":
        assert result.reasons


# --- Endpoints ----------------------------------------------------------------------------------


def test_endpoints_runs_are_read_and_judged(known: Catalog) -> None:
    scores, run = read_results(DATA / "endpoints", known)
    assert (run.kind, run.source, run.round, run.benchmark, run.scenario) == (
        "performance",
        "endpoints",
        "v6.1",
        "deepseek-r1",
        "Server",
    )
    assert run.metric is not None
    assert (run.metric.value, run.metric.unit) == (1175890.2208168241, "Tokens/s")
    assert run.ttft_ns is not None
    assert (run.ttft_ns["p99"], run.ttft_limit_ns) == (304652135, 2_000_000_000)
    assert (run.verdict, run.reasons, run.samples) == ("VALID", (), 600000)
    assert (scores.kind, scores.verdict) == ("accuracy", "VALID")
    assert scores.accuracy is not None
    assert scores.accuracy.values[0].value == 81.42661804922516
    assert scores.accuracy.values[0].target == 80.544618


@pytest.mark.parametrize(
    ("change", "verdict", "code"),
    [
        ({"n_samples_failed": 3}, "ERRORS", "errors"),
        ({"complete": False, "state": "aborted"}, "INCOMPLETE", "incomplete"),
        ({"duration_ns": 1_000_000_000}, "INVALID", "min-duration"),
        ({"ttft": {"early_stopping_percentiles": {"99.0": 3e9}}}, "INVALID", "ttft-limit"),
    ],
)
def test_endpoints_does_not_judge_itself(
    change: dict[str, Any], verdict: str, code: str, tmp_path: Path, known: Catalog
) -> None:
    shutil.copytree(DATA / "endpoints", tmp_path, dirs_exist_ok=True)
    path = tmp_path / "deepseek-r1/Server/performance/result_summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    (result,) = read_results(path, known)
    assert (result.verdict, [one.code for one in result.reasons]) == (verdict, [code])


# --- finding ------------------------------------------------------------------------------------


def test_every_layout_leads_to_the_same_result(tmp_path: Path, known: Catalog) -> None:
    (run,) = (PUBLISHED / "v5.1").rglob("performance/run_1")
    paths = [run, run / "mlperf_log_detail.txt", run.parent, *list(run.parents)[:7]]
    for path in paths:
        (found,) = [one for one in read_results(path, known) if one.kind == "performance"]
        assert found.metric is not None
        assert (found.metric.value, found.metric.unit) == (102903, "Tokens/s")
        assert (found.benchmark, found.scenario, found.round) == (
            "llama3.1-8b",
            "Interactive",
            "v5.1",
        )
        assert found.official.ok is True


def test_an_inferred_result_says_so(known: Catalog) -> None:
    place = "v3.0/closed/NVIDIA/results/L4x1_TRT/3d-unet-99/Offline/performance"
    (found,) = read_results(PUBLISHED / place, known)
    assert found.scenario == "SingleStream"
    assert found.inferred[0].metric.value == 1.07674
    checks = {one.id: one.ok for one in found.official.checks}
    assert checks["inferred"] is True  # the L4 system is an edge one, too


def test_links_are_followed_once_and_loops_end(tmp_path: Path, known: Catalog) -> None:
    real, far = tmp_path / "tree/b/run_1", tmp_path / "elsewhere/run_2"
    for place in (real, far):
        place.mkdir(parents=True)
        shutil.copy(LOADGEN / "offline_valid/mlperf_log_detail.txt", place)
    tree = tmp_path / "tree"
    (tree / "a-latest").symlink_to(real)
    (tree / "b/up").symlink_to(tree)
    (tree / "far").symlink_to(far.parent)
    (tree / "same.txt").symlink_to(real / "mlperf_log_detail.txt")
    (tree / "b/mlperf_log_detail.txt").symlink_to(real / "mlperf_log_detail.txt")
    found = [Path(one.path).relative_to(tree) for one in read_results(tree, known)]
    assert [str(one.parent) for one in found] == ["b/run_1", "far/run_2"]


def test_hard_links_are_runs_of_their_own(tmp_path: Path, known: Catalog) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    shutil.copy(LOADGEN / "offline_valid/mlperf_log_detail.txt", tmp_path / "a")
    os.link(tmp_path / "a/mlperf_log_detail.txt", tmp_path / "b/mlperf_log_detail.txt")
    assert len(read_results(tmp_path, known)) == 2


def test_a_very_deep_folder_is_no_error(tmp_path: Path, known: Catalog) -> None:
    start = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
        shutil.copy(LOADGEN / "offline_valid/mlperf_log_detail.txt", ".")
    finally:
        os.chdir(start)
    try:
        results = list(iter_results(tmp_path, known))
    finally:
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)  # rmtree recurses
    assert len(results) == 1


def test_what_cannot_be_read_is_reported_by_name(tmp_path: Path, known: Catalog) -> None:
    for name in ("dangling", "pipe", "good"):
        (tmp_path / name).mkdir()
    (tmp_path / "dangling/mlperf_log_detail.txt").symlink_to("/nowhere")
    os.mkfifo(tmp_path / "pipe/mlperf_log_detail.txt")
    shutil.copy(LOADGEN / "offline_valid/mlperf_log_detail.txt", tmp_path / "good")
    (tmp_path / "folder/mlperf_log_detail.txt").mkdir(parents=True)
    summary_there = LOADGEN / "singlestream_valid/mlperf_log_summary.txt"
    shutil.copy(summary_there, tmp_path / "folder")
    found = {result.path.split("/")[-2]: result for result in read_results(tmp_path, known)}
    assert sorted(found) == ["dangling", "folder", "good", "pipe"]
    good, dangling = found["good"], found["dangling"]
    assert "it is no file" in found["pipe"].reasons[0].text
    assert good.verdict == "VALID"
    assert (dangling.status, dangling.verdict) == ("corrupt", "INCOMPLETE")
    assert "the link leads nowhere" in dangling.reasons[0].text
    assert dangling.path.endswith("dangling/mlperf_log_detail.txt")


def test_a_ranging_run_is_one_however_it_is_named(tmp_path: Path, known: Catalog) -> None:
    log = tmp_path / "Offline/performance/ranging/run_1/mlperf_log_detail.txt"
    log.parent.mkdir(parents=True)
    shutil.copy(LOADGEN / "offline_valid/mlperf_log_detail.txt", log)
    for path in (tmp_path, log.parent, log):
        with pytest.raises(NotFoundError, match="a power ranging run is no result"):
            read_results(path, known)


@pytest.mark.parametrize("ordinal", ["99th", "99.0th"])
def test_of_two_estimates_in_a_summary_singlestream_has_the_90th(
    ordinal: str, tmp_path: Path, known: Catalog
) -> None:
    page = (LOADGEN / "singlestream_valid/mlperf_log_summary.txt").read_text()
    assert "99.0th percentile estimate" in page
    log = tmp_path / "mlperf_log_summary.txt"
    log.write_text(page.replace("99.0th percentile", f"{ordinal} percentile"))
    (found,) = read_results(log, known)
    (whole,) = read_results(LOADGEN / "singlestream_valid/mlperf_log_detail.txt", known)
    assert found.metric is not None
    assert whole.metric is not None
    assert found.metric.value == whole.metric.value


def endpoints_case(folder: Path, **changes: Any) -> Path:
    """The endpoints run of the test data, with other values, in a folder of another name."""
    shutil.copytree(DATA / "endpoints/deepseek-r1/Server", folder)
    page = folder / "performance/result_summary.json"
    page.write_text(json.dumps({**json.loads(page.read_text()), **changes}))
    return folder


def test_endpoints_singlestream_is_told_by_its_folder(tmp_path: Path, known: Catalog) -> None:
    folder = endpoints_case(tmp_path / "wan-2.2-t2v-a14b/SingleStream")
    _, run = read_results(folder, known)
    assert (run.benchmark, run.scenario) == ("wan-2.2-t2v-a14b", "SingleStream")
    assert run.metric is not None
    mean = json.loads((folder / "performance/result_summary.json").read_text())["latency"]["avg"]
    assert (run.metric.value, run.metric.unit) == (pytest.approx(mean / 1e9), "s")


@pytest.mark.parametrize(
    ("model", "changes", "code"),
    [
        ("deepseek-r1", {"ttft": None}, "limits-unknown"),
        ("some-model", {}, "limits-unknown"),
        ("deepseek-r1", {"n_samples_completed": 10}, "incomplete"),
    ],
)
def test_endpoints_runs_that_cannot_be_judged_are_not_valid(
    model: str, changes: dict[str, Any], code: str, tmp_path: Path, known: Catalog
) -> None:
    found = read_results(endpoints_case(tmp_path / model / "Server", **changes), known)
    run = next(one for one in found if one.kind == "performance")
    assert run.verdict == "INCOMPLETE"
    assert [one.code for one in run.reasons] == [code]
    assert next(one.ok for one in run.official.checks if one.id == "valid") is not True


def test_endpoints_latency_is_held_against_the_rounds_limit(tmp_path: Path, known: Catalog) -> None:
    _, run = read_results(endpoints_case(tmp_path / "qwen3-vl-235b-a22b/Server"), known)
    checks = {one.id: one.ok for one in run.official.checks}
    assert (run.verdict, checks["latency-limits"]) == ("INVALID", False)


@pytest.mark.parametrize("scores", [5, True, 1.5, "x", {"a": 1}])
def test_scores_of_a_wrong_type_are_none(scores: Any, tmp_path: Path, known: Catalog) -> None:
    (tmp_path / "accuracy_results.json").write_text(json.dumps({"accuracy_scores": scores}))
    (found,) = read_results(tmp_path, known)
    assert found.verdict == "INCOMPLETE"


def test_llm_runs_must_be_timed_by_their_tokens(tmp_path: Path, known: Catalog) -> None:
    shutil.copytree(PUBLISHED / "v5.1", tmp_path, dirs_exist_ok=True)
    (log,) = tmp_path.rglob("performance/run_1/mlperf_log_detail.txt")
    said = log.read_text()
    off = re.sub(r'("requested_use_token_latencies", "value": )true', r"\1false", said)
    for page, ok in ((said, True), (off, False)):
        log.write_text(page)
        (run,) = read_results(log, known)
        assert {one.id: one.ok for one in run.official.checks}["token-latencies"] is ok
    assert off != said


def test_a_description_needs_the_fields_of_its_round(tmp_path: Path, known: Catalog) -> None:
    shutil.copytree(PUBLISHED / "v5.1", tmp_path, dirs_exist_ok=True)
    (log,) = tmp_path.rglob("performance/run_1/mlperf_log_detail.txt")
    (system,) = tmp_path.rglob("systems/*.json")
    told = json.loads(system.read_text())
    for field in ("hw_notes", "system_type_detail"):
        system.write_text(json.dumps({key: told[key] for key in told if key != field}))
        (run,) = read_results(log, known)
        found = next(one for one in run.official.checks if one.id == "system-description")
        assert (found.ok, found.detail) == (False, f"lacks {field}")


def test_a_number_without_end_in_host_json_is_passed_over(tmp_path: Path, known: Catalog) -> None:
    shutil.copy(LOADGEN / "server_valid/mlperf_log_detail.txt", tmp_path)
    host = f'{{"seconds": 1.5, "involuntary_switches": 1{"0" * 400}, "steal_pct": 0.0}}'
    (tmp_path / "host.json").write_text(host)
    (run,) = read_results(tmp_path, known)
    assert [one.id for one in run.host_checks] == ["tail", "steal", "clock"]
