"""Installations: chosen as documented, never mixed, and never run in our own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import Cli

from tui.engine import mlcflow, mlcr_options
from tui.engine.errors import InstallationError
from tui.engine.queue import queue_folder
from tui.engine.store import RunStore

SCRIPT = """\
alias: run-mlperf-inference-app
uid: 4a5d5b13fd7e4ac8
automation_alias: script
automation_uid: 5b4e0237da074764
tags: [run-mlperf, inference]
cache: false
input_mapping: {model: M, implementation: I, framework: F, category: C, scenario: S, device: D,
                execution_mode: E, results_dir: R, batch_size: B}
variations:
  performance-only: {group: modes}
  short: {group: style}
  r5.1-dev: {group: version}
"""
CUSTOMIZE = """\
import sys
def preprocess(i):
    print("python prefix:", sys.prefix, flush=True)
    print("repos:", i["env"].get("X", ""), flush=True)
    return {"return": 0}
"""
PROFILE = """\
name: resnet50
title: ResNet-50
area: vision
task: image classification
dataset: ImageNet
scenarios: {edge: [Offline]}
mlcr: {model: resnet50, implementation: reference, framework: onnxruntime, category: edge,
       version: r5.1-dev, style: short}
"""


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """An official installation in small: a venv of its own, and its own repository."""
    folder = tmp_path / "mlperf-official"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "mlc"], check=True)
    (site,) = (folder / "mlc").glob("lib/python*/site-packages")
    (site / "ours.pth").write_text(sysconfig.get_path("purelib"))
    mlcr = folder / "mlc/bin/mlcr"
    mlcr.write_text(
        f"#!{folder}/mlc/bin/python\nimport sys\nfrom mlc.main import mlcr\nsys.exit(mlcr())\n"
    )
    mlcr.chmod(0o755)
    script = folder / "automations/script/run-mlperf-inference-app"
    script.mkdir(parents=True)
    (folder / "automations/meta.yaml").write_text(
        "alias: mlcommons@mlperf-automations\nuid: 9cf241afa6074c89\ngit: false\n"
    )
    (script / "meta.yaml").write_text(SCRIPT)
    (script / "customize.py").write_text(CUSTOMIZE)
    repos = folder / "MLC/repos"
    (repos / "local").mkdir(parents=True)
    (repos / "repos.json").write_text(
        json.dumps([str(repos / "local"), str(folder / "automations")])
    )
    profiles = tmp_path / "profiles/benchmarks"
    profiles.mkdir(parents=True)
    (profiles / "resnet50.yaml").write_text(PROFILE)
    return folder


def test_the_official_mlcr_runs_in_its_own_environment(
    cli: Cli, root: Path, official: Path
) -> None:
    done = cli(
        "run",
        "resnet50",
        "--scenario",
        "Offline",
        "--device",
        "cpu",
        "--installation",
        str(official),
        "--set",
        "batch_size=2",
    )
    run = RunStore(root).open("latest")
    console = run.console.read_text()
    assert f"python prefix: {official}/mlc" in console, console
    assert "--batch_size=2" in run.spec.argv
    assert run.spec.env_vars["MLC_REPOS"] == str(official / "MLC/repos")
    assert run.spec.env_vars["PATH"].startswith(f"{official}/mlc/bin:")
    assert run.stored_state.exit_code == 0
    assert done.returncode == 1  # this stand-in leaves no LoadGen output
    assert "left no LoadGen output" in done.stdout


def test_an_official_mlcr_of_our_own_environment_is_refused(official: Path) -> None:
    (official / "mlc").rename(official / "other")
    (official / "mlc").symlink_to(sys.prefix)
    with pytest.raises(InstallationError, match="belongs to the environment mlperf-tui runs in"):
        mlcflow.official(official)


def test_an_mlcr_that_leads_into_our_own_environment_is_refused(official: Path) -> None:
    mlcr = official / "mlc/bin/mlcr"
    mlcr.unlink()
    mlcr.symlink_to(Path(sysconfig.get_path("scripts")) / "mlcr")
    with pytest.raises(InstallationError, match="belongs to the environment mlperf-tui runs in"):
        mlcflow.official(official)
    mlcr.unlink()
    mlcr.write_text(f"#!{sys.prefix}/bin/python\n")
    mlcr.chmod(0o755)
    with pytest.raises(InstallationError, match="belongs to the environment mlperf-tui runs in"):
        mlcflow.official(official)


def test_one_installation_has_one_queue_however_it_is_spelled(
    official: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(official)
    spellings = (str(official), f"{official}/../{official.name}", str(tmp_path / "link"))
    assert len({queue_folder(tmp_path, one) for one in spellings}) == 1
    assert queue_folder(tmp_path, "/embedded") != queue_folder(tmp_path, "embedded")
    assert len(queue_folder(tmp_path, "/x" * 2000).name) < 100


@pytest.mark.parametrize(
    "described",
    [
        "input_description: {model: text}",
        "input_description: {model: {choices: 5}}",
        "input_description: 5",
    ],
)
def test_a_description_of_another_form_is_no_trouble(
    official: Path, root: Path, described: str
) -> None:
    meta = official / "automations/script/run-mlperf-inference-app/meta.yaml"
    meta.write_text(meta.read_text() + described + "\n")
    takes = mlcr_options.read(mlcflow.official(official), root)
    assert takes.keys["model"].choices == ()


def test_both_repositories_in_one_registry_are_refused(official: Path, root: Path) -> None:
    ours = mlcflow.embedded(root).script.parent.parent
    path = official / "MLC/repos/repos.json"
    path.write_text(json.dumps([*json.loads(path.read_text()), str(ours)]))
    with pytest.raises(InstallationError, match="mlcr would pick either"):
        mlcflow.official(official)


def test_a_folder_without_mlcr_or_repository_says_what_is_missing(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InstallationError, match="no mlcr at"):
        mlcflow.official(tmp_path)
    (official / "MLC/repos/repos.json").write_text("[]")
    with pytest.raises(InstallationError, match="pull repo mlcommons@mlperf-automations"):
        mlcflow.official(official)


def test_the_choice_goes_by_the_contracts_order(
    root: Path, official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlcflow, "OFFICIAL_DEFAULT", tmp_path / "nowhere")
    name, said = mlcflow.choose(None)
    assert name == "embedded"
    assert said is not None
    monkeypatch.setattr(mlcflow, "OFFICIAL_DEFAULT", official)
    assert mlcflow.choose(None)[0] == str(official)
    settings = tmp_path / "config/mlperf-tui/settings.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("installation: /from/settings\n")
    assert mlcflow.choose(None) == ("/from/settings", None)
    monkeypatch.setenv("MLPERF_TUI_INSTALLATION", "/from/variable")
    assert mlcflow.choose(None) == ("/from/variable", None)
    assert mlcflow.choose("/asked") == ("/asked", None)


def test_smoke_runs_embedded_whatever_the_default_is(
    cli: Cli, official: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPERF_TUI_INSTALLATION", str(official))
    done = cli("run", "smoke", "--scenario", "Offline", "--dry-run", "--json")
    assert json.loads(done.stdout)["installation"] == "embedded"


def test_the_embedded_registry_holds_our_repository_alone(root: Path) -> None:
    installation = mlcflow.embedded(root)
    mlcflow.register(installation)
    listed = json.loads((installation.mlc_repos / "repos.json").read_text())
    assert listed == [
        str(root / "embedded/repos/local"),
        str(installation.script.parent.parent),
    ]
    assert not os.path.exists(installation.script.parent.parent / "index_script.json")


def test_wrong_settings_are_a_sentence(cli: Cli, tmp_path: Path) -> None:
    settings = tmp_path / "config/mlperf-tui/settings.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("- a\n")
    (tmp_path / "profiles/benchmarks").mkdir(parents=True)
    (tmp_path / "profiles/benchmarks/resnet50.yaml").write_text(PROFILE)
    done = cli("run", "resnet50", "--scenario", "Offline", "--dry-run")
    assert done.returncode == 1
    assert f"{settings} is not a list of `key: value` lines" in done.stderr
