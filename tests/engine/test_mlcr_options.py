"""What mlcr takes: from the scripts' metadata, kept for each state of them, else as shipped."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.fakes import mlcr_repository
from tui.engine import mlcflow, mlcr_options
from tui.engine.mlcflow import Installation
from tui.engine.mlcr_options import MlcrOptions


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return mlcflow.official(mlcr_repository.make(tmp_path / "official"))


def meta_of(installation: Installation, script: str = "run-mlperf-inference-app") -> Path:
    return installation.script.parent / script / "meta.yaml"


def test_keys_of_all_three_scripts_are_taken_with_what_is_known_of_them(
    installation: Installation, root: Path
) -> None:
    takes = mlcr_options.read(installation, root)
    assert takes.commit == mlcr_repository.COMMIT
    assert takes.source == "mlperf-automations 01234567"
    assert {"max_batchsize", "dataset", "new_key"} <= takes.keys.keys()
    assert takes.keys["batch_size"].own
    assert not takes.keys["max_batchsize"].own
    assert takes.keys["new_key"].about == "A key that the shipped list has not"
    assert takes.values("new_key") == ("1", "2")
    assert takes.keys["batch_size"].type == "count"  # by our own explanation
    assert takes.keys["division"].default == "open"
    assert takes.keys["category"].default == "edge"


def test_values_come_from_variations_and_not_from_the_incomplete_descriptions(
    installation: Installation, root: Path
) -> None:
    takes = mlcr_options.read(installation, root)
    assert takes.values("model") == ("resnet50", "retinanet", "bert-99", "llama-edge")
    assert takes.values("implementation") == ("reference", "nvidia-original")
    assert takes.value_of("implementation", "nvidia") == "nvidia-original"
    assert takes.values("execution_mode") == ("test", "fast", "valid")
    assert takes.values("scenario") == ("SingleStream", "MultiStream", "Server", "Offline")
    assert takes.values("batch_size") == ()


def test_defaults_and_container_arguments_follow_the_variations(
    installation: Installation, root: Path
) -> None:
    takes = mlcr_options.read(installation, root)
    assert takes.inner_default("backend", ["reference", "resnet50"]) == "onnxruntime"
    assert takes.inner_default("backend", ["reference", "retinanet"]) is None
    assert takes.inner_default("backend", ["nvidia"]) == "tensorrt"
    assert takes.inner_default("device", ["nvidia-original"]) == "cuda"
    assert takes.inner_default("device", ["reference"]) == "cpu"
    assert takes.default_variation("benchmark-version") == "r6.1-dev"
    assert takes.default_variation("submission-generation-style") == "short"
    assert takes.docker_args_of(["reference"]) == "--cap-add SYS_ADMIN"
    assert takes.docker_args_of(["nvidia"]) == "--runtime=nvidia"


def test_what_was_read_is_read_from_the_cache_the_next_time(
    installation: Installation, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = mlcr_options.read(installation, root)
    monkeypatch.setattr(mlcr_options, "_meta", lambda _: pytest.fail("a script was read"))
    assert mlcr_options.read(installation, root) == first


def test_a_checkout_with_changes_of_its_own_is_read_anew(
    installation: Installation, root: Path
) -> None:
    mlcr_options.read(installation, root)
    path = meta_of(installation)
    path.write_text(path.read_text().replace("new_key: NEW", "newer_key: NEW"))
    takes = mlcr_options.read(installation, root)
    assert "newer_key" in takes.keys
    assert "new_key" not in takes.keys
    called = meta_of(installation, "app-mlperf-inference")
    before = called.stat()
    called.write_text(called.read_text().replace("THREADS}", "THREADZ}"))  # as long as before
    os.utime(called, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert mlcr_options.read(installation, root).keys["num_threads"].env_var == "THREADZ"


def test_another_commit_is_read_anew(installation: Installation, root: Path) -> None:
    mlcr_options.read(installation, root)
    (installation.script.parent.parent / ".git/HEAD").write_text("f" * 40 + "\n")
    assert mlcr_options.read(installation, root).commit == "f" * 40


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"stamp": 1}', "null"])
def test_a_damaged_cache_is_made_anew(installation: Installation, root: Path, damage: str) -> None:
    first = mlcr_options.read(installation, root)
    (kept,) = (root / "cache").iterdir()
    kept.write_text(damage)
    assert mlcr_options.read(installation, root) == first
    assert json.loads(kept.read_text())["options"]["commit"] == mlcr_repository.COMMIT


@pytest.mark.parametrize("key", ["keys", "variations", "invalid", "tags"])
def test_a_cache_whose_inside_is_damaged_is_made_anew(
    installation: Installation, root: Path, key: str
) -> None:
    first = mlcr_options.read(installation, root)
    (kept,) = (root / "cache").iterdir()
    stored = json.loads(kept.read_text())
    stored["options"][key] = 5
    kept.write_text(json.dumps(stored))
    assert mlcr_options.read(installation, root) == first


@pytest.mark.parametrize("text", ["", "[", "5", "a: b", "input_mapping: 5", "x: 2025-13-45"])
def test_unreadable_metadata_is_replaced_by_the_shipped_list_and_said(
    installation: Installation, root: Path, text: str
) -> None:
    meta_of(installation).write_text(text)
    takes = mlcr_options.read(installation, root)
    assert takes.source.startswith("shipped list of ")
    assert str(meta_of(installation)) in takes.source
    assert "resnet50" in takes.values("model")


def test_a_run_script_alone_is_enough(installation: Installation, root: Path) -> None:
    for name in mlcr_options.PASSED_ON:
        meta_of(installation, name).unlink()
    takes = mlcr_options.read(installation, root)
    assert "batch_size" in takes.keys
    assert takes.inner == {}
    assert takes.values("implementation") == ("mlcommons-python", "nvidia")


def test_a_cache_that_cannot_be_written_is_no_error(installation: Installation, root: Path) -> None:
    (root / "cache").write_text("in the way")
    assert "batch_size" in mlcr_options.read(installation, root).keys


def test_the_embedded_installation_goes_the_same_way(root: Path) -> None:
    takes = mlcr_options.read(mlcflow.embedded(root), root)
    assert takes.source == "the embedded installation"
    assert takes.values("framework") == ("onnxruntime", "cupy")
    assert takes.keys["min_duration"].about == "LoadGen min_duration in seconds"
    assert takes.keys["min_duration"].group == "counts"
    assert takes.default_variation("benchmark-version") == "r6.1-dev"


def test_the_shipped_list_is_the_official_repositorys() -> None:
    takes = mlcr_options.snapshot()
    assert len(takes.keys) > 95
    assert {"max_batchsize", "batch_size", "offline_target_qps"} <= takes.keys.keys()
    assert {"bert-99", "llama3_1-8b", "rgat"} <= set(takes.values("model"))
    assert "llama3_1-8b_" not in takes.values("model")
    assert takes.values("device")[:2] == ("cpu", "cuda")
    assert ("retinanet", "tf") in takes.invalid
    assert takes.default_variation("benchmark-version") == "r6.1-dev"
    assert MlcrOptions.from_json(takes.to_json()) == takes


def test_every_explanation_is_of_a_key_that_there_is() -> None:
    import yaml

    explained = yaml.safe_load(mlcr_options.EXPLANATIONS.read_text())
    keys = mlcr_options.snapshot().keys
    assert set(explained) <= set(keys)
    allowed = {"number", "count", "flag", "folder", "file", "path"}
    for name, about in explained.items():
        assert about["about"], name
        assert about["group"] in ("what", "counts", "data", "run", "extra"), name
        assert about.get("type", "count") in allowed, name
        assert keys[name].about == about["about"]
        assert keys[name].type == about.get("type")
