"""A choice: what is refused before it starts, the exact words, containers, needs, presets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import mlcr_repository
from tui.engine import catalog, checks, launch, mlcflow, mlcr_options, needs, presets, spec, sut
from tui.engine.errors import ProfileError, SpecError, StorageError
from tui.engine.launch import Request
from tui.engine.mlcflow import Installation
from tui.engine.spec import Choice
from tui.engine.store import RunStore

KNOWN = catalog.load(with_users=False)
TAKES = mlcr_options.snapshot()
RESNET = Request("resnet50", "Offline")


def choose(request: Request, **values: str) -> Choice:
    request = replace(request, settings={**request.settings, **values})
    benchmark = KNOWN.benchmark(request.benchmark)
    return spec.choose(benchmark, request.scenario, launch.options_of(request), TAKES)


def refused(request: Request, **values: str) -> str:
    with pytest.raises(SpecError) as caught:
        spec.check(choose(request, **values), KNOWN.benchmark(request.benchmark), TAKES)
    return str(caught.value)


def words(request: Request, **values: str) -> list[str]:
    choice = choose(request, **values)
    spec.check(choice, KNOWN.benchmark(request.benchmark), TAKES)
    return spec.words(choice, TAKES)


COMBINATIONS: list[tuple[Request, dict[str, str], Iterable[str]]] = [
    (
        Request("retinanet", "Offline"),
        {"framework": "tf"},
        ("'tf' does not go with model retinanet", "allowed: onnxruntime, pytorch"),
    ),
    (
        Request("gptj-99", "Offline"),
        {"framework": "tf"},
        ("'tf' does not go with model gptj-99", "pytorch"),
    ),
    (
        Request("gptj-99", "Offline", variations=("r5.1",)),
        {},
        ("_r5.1 does not go with model gptj-99", "r5.0-dev"),
    ),
    *(
        (
            RESNET,
            {"implementation": "nvidia", "framework": framework},
            (f"'{framework}' does not go with implementation nvidia", "allowed: tensorrt"),
        )
        for framework in ("tf", "onnxruntime", "pytorch")
    ),
]


@pytest.mark.parametrize(("request_", "values", "told"), COMBINATIONS)
def test_impossible_combinations_are_named_with_what_to_change(
    request_: Request, values: dict[str, str], told: Iterable[str]
) -> None:
    said = refused(request_, **values)
    assert "mlcr's own metadata calls that invalid" in said
    assert all(one in said for one in told), said
    assert "tf," not in said.partition("allowed:")[2]


REFUSED: list[tuple[Request, dict[str, str], str]] = [
    (RESNET, {"framwork": "tf"}, "'framwork' is not a key of this installation's mlcr; allowed:"),
    (RESNET, {"zzz": "1"}, "'zzz' is not a key of this installation's mlcr (all keys: mlperf-tui"),
    (RESNET, {"framework": "tensorflo"}, "'tensorflo' is not a value of framework; allowed:"),
    (RESNET, {"implementation": "amdd"}, "'amdd' is not a value of implementation"),
    (RESNET, {"division": "wide"}, "'wide' is not a value of division; allowed: open, closed"),
    (RESNET, {"batch_size": "-1"}, "batch_size=-1 is not a whole number"),
    (RESNET, {"target_qps": "fast"}, "target_qps=fast is not a number"),
    (RESNET, {"power": "perhaps"}, "'perhaps' is not a value of power; allowed: yes, no"),
    (RESNET, {"hw_name": "größe"}, "characters that mlcr refuses (not ASCII)"),
    (RESNET, {"model": "bert"}, "'model' is given by BENCHMARK"),
    (RESNET, {"debug": "yes"}, "it opens a shell"),
    (RESNET, {"docker_it": "yes"}, "a run has no terminal"),
    (RESNET, {"batch_size": "1", "max_batchsize": "2"}, "are two names of one key"),
    (RESNET, {"framework": "tf", "backend": "tf"}, "are two names of one key"),
    (RESNET, {"imagenet_path": "images"}, "must begin with /"),
    (RESNET, {"imagenet_path": "/no/such"}, "there is no such folder (mlcr would ignore it"),
    (RESNET, {"nvidia_llama2_dataset_file_path": "/"}, "there is no such file"),
    (RESNET, {checks.MODEL_PATH: "/no/such"}, "there is no such file"),
    (RESNET, {"docker_shm_size": "8gb"}, "'docker_shm_size' has no effect without docker"),
    (RESNET, {"docker": "yes", "max_batchsize": "1"}, "'max_batchsize' does not get into a"),
    (RESNET, {"docker": "yes", "max_batchsize": "1"}, "allowed: batch_size"),
    (replace(RESNET, device="cpu"), {"implementation": "nvidia"}, "does not run on 'cpu'; allowed"),
    (RESNET, {"implementation": "qualcomm"}, "resnet50 does not run on 'qaic'"),
    (replace(RESNET, mode="quick"), {}, "'quick' is not a mode; allowed: performance, accuracy"),
    (replace(RESNET, variations=("fulll",)), {}, "'_fulll' is not a variation"),
    (replace(RESNET, variations=("full", "short")), {}, "_full and _short exclude each other"),
    (replace(RESNET, variations=("r5.0", "r5.1")), {}, "_r5.0 and _r5.1 exclude each other"),
    (replace(RESNET, variations=("full", "scc24-base")), {}, "exclude each other"),
    (
        replace(RESNET, mode="accuracy", variations=("_find-performance",)),
        {},
        "'accuracy' and _find-performance exclude each other",
    ),
    (replace(RESNET, scenario="Interactive"), {}, "'Interactive' is not offered by resnet50"),
]


@pytest.mark.parametrize(("request_", "values", "told"), REFUSED)
def test_what_cannot_be_is_refused_before_it_starts(
    request_: Request, values: dict[str, str], told: str
) -> None:
    assert told in refused(request_, **values)


def test_a_model_that_this_mlcr_has_not_is_refused() -> None:
    benchmark = replace(KNOWN.benchmark("resnet50"), mlcr={"model": "resnet51"})
    choice = spec.choose(benchmark, "Offline", spec.Options(), TAKES)
    with pytest.raises(SpecError, match="this mlcr has no model 'resnet51'; allowed: resnet50"):
        spec.check(choice, benchmark, TAKES)


def images(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"ILSVRC2012_val_{number:08d}.JPEG").touch()
    return folder


def test_the_full_style_asks_for_the_whole_imagenet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = str(images(tmp_path / "some", 501))
    full, short = (replace(RESNET, variations=(style,)) for style in spec.STYLES[::-1])
    assert "only 501 files are there, and _full asks for 50,000" in refused(
        full, imagenet_path=some
    )
    assert f"--imagenet_path={some}" in words(short, imagenet_path=some)
    monkeypatch.setattr(checks, "IMAGENET_IMAGES", 501)
    assert f"--imagenet_path={some}" in words(full, imagenet_path=some)
    archive = tmp_path / "val.tar"
    archive.touch()
    assert f"--imagenet_path={archive}" in words(full, imagenet_path=str(archive))


def test_resnet50s_own_model_file_must_have_the_name_that_the_benchmark_looks_for(
    tmp_path: Path,
) -> None:
    for name in ("mine.onnx", "resnet50_v1.onnx"):
        (tmp_path / name).touch()
    key = checks.MODEL_PATH
    assert "must be called resnet50_v1.onnx" in refused(RESNET, **{key: f"{tmp_path}/mine.onnx"})
    assert words(RESNET, **{key: f"{tmp_path}/resnet50_v1.onnx"})


def test_only_what_differs_from_the_default_is_written() -> None:
    plain = words(RESNET)
    assert plain[0] == "run-mlperf,inference,_performance-only,_full,_r5.1-dev"
    assert words(RESNET, division="open", power="no", docker="no") == plain
    assert set(words(RESNET, division="closed", batch_size="8")) - set(plain) == {
        "--division=closed",
        "--batch_size=8",
    }
    assert "_r6.1-dev" not in words(replace(RESNET, variations=("r6.1-dev",)))[0]
    for name in ("model", "implementation", "framework", "category", "scenario", "device"):
        assert any(one.startswith(f"--{name}=") for one in plain), name


def test_the_compiler_can_be_another_and_the_rest_of_ours_cannot() -> None:
    plain, other = words(RESNET), words(RESNET, **{"adr.compiler.tags": "llvm"})
    assert "--adr.compiler.tags=gcc" in plain
    assert "--adr.compiler.tags=llvm" in other
    assert "--adr.compiler.tags=gcc" not in other
    assert "--results_dir={run}/results" in plain
    assert "--quiet" in plain


def test_a_style_that_another_variation_brings_is_not_written_twice() -> None:
    assert "_full" not in words(replace(RESNET, variations=("scc24-base",)))[0]


def test_a_container_is_labelled_and_keeps_what_it_needs() -> None:
    made = words(RESNET, docker="yes")
    (extra,) = (one for one in made if one.startswith("--docker_extra_run_args="))
    assert "--docker" in made
    assert extra.startswith("--docker_extra_run_args=--cap-add SYS_ADMIN ")
    assert extra.endswith(" --rm --label mlperf-tui.run={run-id}")
    assert "--docker_dt=yes" not in made  # what is printed inside is seen at once
    assert "--docker_dt=yes" in words(replace(RESNET, mode="both"), docker="yes")
    own = words(RESNET, docker="yes", docker_extra_run_args="--ipc=host")
    assert "--docker_extra_run_args=--ipc=host --rm --label mlperf-tui.run={run-id}" in own


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """A stand-in, which is the default."""
    folder = mlcr_repository.make(tmp_path / "official")
    monkeypatch.setenv("MLPERF_TUI_INSTALLATION", str(folder))
    return mlcflow.official(folder)


def plan(request: Request, store: RunStore) -> launch.Plan:
    return launch.prepare(request, catalog.load(), store, sut.describe())


def test_the_label_is_the_runs_id_and_a_rerun_has_its_own(
    store: RunStore, official: Installation
) -> None:
    request = replace(RESNET, device="cpu", settings={"docker": "yes"})
    first = store.create(plan(request, store).spec, {})
    assert any(one.endswith(f"--label mlperf-tui.run={first.id}") for one in first.spec.argv)
    second = launch.again(first, store, sut.describe())
    assert any(one.endswith(f"--label mlperf-tui.run={second.id}") for one in second.spec.argv)
    assert not any(first.id in one for one in second.spec.argv)


def test_a_rerun_replaces_every_name_of_a_key(store: RunStore, official: Installation) -> None:
    request = replace(RESNET, device="cpu", settings={"batch_size": "32"})
    first = store.create(plan(request, store).spec, {})
    second = launch.again(first, store, sut.describe(), ["--max_batchsize=1"])
    assert "--max_batchsize=1" in second.spec.argv
    assert "--batch_size=32" not in second.spec.argv


def test_a_new_key_of_the_installation_is_taken_and_an_old_one_is_not(
    store: RunStore, official: Installation
) -> None:
    assert "--new_key=2" in plan(replace(RESNET, settings={"new_key": "2"}), store).spec.argv
    with pytest.raises(SpecError, match="'target_qps' is not a key"):
        plan(replace(RESNET, settings={"target_qps": "5"}), store)


# --- needs ----------------------------------------------------------------------------------------


def needed(request: Request, official: Installation, **values: str) -> needs.RunNeeds:
    return needs.of(KNOWN.benchmark(request.benchmark), choose(request, **values), official)


def test_disk_time_and_licence_follow_the_choice(official: Installation, tmp_path: Path) -> None:
    whole = needed(RESNET, official)
    assert (whole.disk_bytes, whole.parts, whole.least_s) == (45_000_000_000, 1, None)
    assert "ImageNet" in str(whole.licence)
    small = needed(replace(RESNET, variations=("short",)), official)
    assert (small.disk_bytes, small.licence) == (5_000_000_000, None)
    there = needed(RESNET, official, imagenet_preprocessed_path=str(tmp_path))
    assert there.disk_bytes == 5_000_000_000
    both = needed(replace(RESNET, mode="both"), official, execution_mode="valid")
    assert (both.parts, both.least_s) == (2, 1200.0)
    every = replace(RESNET, mode="both", variations=("all-scenarios",))
    assert needed(every, official).parts == 6
    gated = needed(Request("llama2-70b-99", "Offline"), official)
    assert "Llama 2 licence" in str(gated.licence)


def concerns(request: Request, official: Installation, **values: str) -> str:
    benchmark, choice = KNOWN.benchmark(request.benchmark), choose(request, **values)
    found = needs.of(benchmark, choice, official)
    return "\n".join(needs.concerns(benchmark, choice, found, official))


def test_settings_that_mlcr_takes_and_does_not_use_are_said(official: Installation) -> None:
    assert "min_duration has no effect here" in concerns(RESNET, official, min_duration="600000")
    stream = Request("resnet50", "SingleStream")
    valid = {"execution_mode": "valid", "min_duration": "600"}
    assert "in milliseconds: 600 is less" in concerns(stream, official, **valid)
    assert "a batch size has no effect" in concerns(stream, official, batch_size="8")
    assert "test_query_count has no effect in execution_mode valid" in concerns(
        RESNET, official, execution_mode="valid", test_query_count="100"
    )


def test_what_docker_and_nvidia_ask_for_is_said(
    official: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "made for its own container" in concerns(RESNET, official, implementation="nvidia")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "docker is not installed" in concerns(RESNET, official, docker="yes")


def test_a_disk_that_is_too_small_is_said_unless_something_is_there_already(
    official: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "_free", lambda _: 10**9)
    assert "may be too small" in concerns(RESNET, official)
    (official.mlc_repos / needs.CACHE / "get-dataset-imagenet_0").mkdir(parents=True)
    assert "may be too small" not in concerns(RESNET, official)


# --- presets --------------------------------------------------------------------------------------


def test_a_choice_is_kept_as_a_preset_and_comes_back(root: Path) -> None:
    request = Request(
        "bert-99",
        "SingleStream",
        mode="accuracy",
        device="cpu",
        environment="xen",
        repeats=3,
        settings={"batch_size": "8", "env.A": "on", "min_query_count": "007", "hw_name": "yes"},
        variations=("short", "r6.1-dev"),
    )
    path = presets.save("mine", request, KNOWN, title="Mine: a name, with signs")
    known = catalog.load()
    assert presets.request_of(known.preset("mine")) == request
    assert known.preset("mine").title == "Mine: a name, with signs"
    assert path.parent.parent.name == "profiles"


def test_a_preset_is_never_replaced_in_silence(root: Path) -> None:
    known = catalog.load()
    presets.save("mine", RESNET, known)
    for taken in ("mine", "guide-small-batch"):
        with pytest.raises(SpecError, match=f"there is one called {taken}"):
            presets.save(taken, RESNET, known)
    presets.save("mine", replace(RESNET, scenario="Server"), known, replace=True)
    assert known.preset("mine").scenario == "Server"
    for bad in ("", "a/b", "../x", "ä", "-x", " "):
        with pytest.raises(SpecError, match="more than letters"):
            presets.save(bad, RESNET, known)


def test_a_folder_that_cannot_be_made_is_a_sentence(root: Path, tmp_path: Path) -> None:
    (tmp_path / "profiles").write_text("in the way")
    with pytest.raises(StorageError, match="profiles"):
        presets.save("mine", RESNET, KNOWN)


WRONG: list[tuple[str, str]] = [
    ("name: mine\nbenchmark: resnet51\nscenario: Offline", "benchmark is 'resnet51'; allowed: "),
    ("name: mine\nbenchmark: resnet50\nscenario: offline", "scenario is 'offline'; allowed: "),
    ("name: mine\nscenario: Offline", "benchmark is missing"),
    ("name: mine\nbenchmark: smoke\nscenario: Offline\nmode: x", "mode is 'x'; allowed: perf"),
    ("name: mine\nbenchmark: smoke\nscenario: Offline\nset: {}", "set is not a key; allowed: "),
    ("name: mine\nbenchmark: smoke\nscenario: Offline\nsettings: {a: [1]}", "settings.a is [1]"),
    ("name: his\nbenchmark: smoke\nscenario: Offline", "name is 'his'; allowed: mine"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_a_wrong_preset_names_file_key_and_what_is_allowed(
    root: Path, tmp_path: Path, text: str, sentence: str
) -> None:
    folder = tmp_path / "profiles/presets"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(text)
    with pytest.raises(ProfileError) as caught:
        catalog.load().read_presets()
    assert str(folder / "mine.yaml") in str(caught.value)
    assert sentence in str(caught.value)


def test_numbers_in_a_preset_are_words_of_the_command(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "profiles/presets"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "name: mine\nbenchmark: smoke\nscenario: Offline\nsettings: {a: 1, b: 2.5, c: true}\n"
    )
    kept: dict[str, Any] = dict(catalog.load().preset("mine").settings)
    assert kept == {"a": "1", "b": "2.5", "c": "yes"}
