"""Choosing on the command line: presets, pasted commands, variations, needs, what mlcr takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Cli

from tests.engine.test_command import GUIDE, OFFLINE
from tests.fakes import mlcr_repository
from tui.engine import mlcr_options
from tui.engine.mlcr_options import MlcrOptions
from tui.engine.store import RunStore


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = mlcr_repository.make(tmp_path / "official")
    monkeypatch.setenv("MLPERF_TUI_INSTALLATION", str(folder))
    return folder


def dry(cli: Cli, *arguments: str) -> list[str]:
    """The words of the command that would run."""
    done = cli("run", *arguments, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    words: list[str] = json.loads(done.stdout)["argv"]
    return words


def test_a_preset_starts_with_its_command_and_takes_changes(cli: Cli, official: Path) -> None:
    words = dry(cli, "--preset", "guide-resnet50-offline")
    assert words[1] == "run-mlperf,inference,_find-performance,_full,_r5.1-dev"
    assert "--device=cuda" in words
    changed = dry(
        cli, "--preset", "guide-resnet50-offline", "--device", "cpu", "--scenario", "Server",
        "--mode", "both", "--variation", "_short", "--set", "batch_size=4",
    )  # fmt: skip
    assert changed[1] == "run-mlperf,inference,_performance-and-accuracy,_short,_r5.1-dev"
    assert {"--device=cpu", "--scenario=Server", "--batch_size=4"} <= set(changed)


def test_a_variation_that_is_a_mode_takes_the_place_of_the_presets(
    cli: Cli, official: Path
) -> None:
    words = dry(cli, "--preset", "guide-resnet50-server", "--variation", "_find-performance")
    assert words[1] == "run-mlperf,inference,_find-performance,_short"


def test_a_pasted_command_is_run_and_what_was_left_out_is_said(cli: Cli, official: Path) -> None:
    done = cli("run", "--command", OFFLINE, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "_find-performance,_full,_r5.1-dev" in done.stdout.splitlines()[-1]
    assert "left out: --quiet" in done.stderr


def test_a_command_comes_from_stdin(root: Path, official: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "run", "--command", "-", "--dry-run"],
        input=GUIDE["guide-resnet50-server"], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--scenario=Server" in done.stdout


def test_our_own_dry_run_can_be_given_back_as_a_command(cli: Cli, official: Path) -> None:
    first = cli("run", "--preset", "guide-resnet50-server", "--set", "docker=yes", "--dry-run")
    again = cli("run", "--command", first.stdout, "--dry-run")
    assert again.returncode == 0, again.stderr

    def words(done: subprocess.CompletedProcess[str]) -> list[str]:
        last = done.stdout.splitlines()[-1].split(" ")
        return [one for one in last if "/runs/" not in one and "mlperf-tui.run=" not in one]

    assert words(again) == words(first)


def test_smoke_by_command_and_by_variation_for_real(cli: Cli, root: Path) -> None:
    command = "mlcr run-mlperf,inference,_accuracy-only,_short --model=smoke --scenario=Offline"
    done = cli("run", "--command", command)
    assert done.returncode == 0, done.stdout + done.stderr
    run = RunStore(root).open("latest")
    assert run.spec.mode == "accuracy"
    assert "_accuracy-only,_short" in run.spec.argv[1]


def test_needs_are_said_before_the_start(cli: Cli, official: Path) -> None:
    done = cli("run", "resnet50", "--scenario", "Offline", "--device", "cpu", "--mode", "both",
               "--set", "execution_mode=valid", "--dry-run")  # fmt: skip
    assert "needs: 45 GB disk for model and dataset (" in done.stderr
    assert "takes: at least 20:00 of LoadGen in 2 parts" in done.stderr
    assert "licence: ImageNet's terms for the full set" in done.stderr
    small = cli("run", "resnet50", "--scenario", "Offline", "--device", "cpu",
                "--variation", "short", "--dry-run")  # fmt: skip
    assert "needs: 5.0 GB disk" in small.stderr or "needs: 5 GB disk" in small.stderr
    assert "licence" not in small.stderr


REFUSED = [
    (("run", "--preset", "moon"), "--preset: 'moon' is not known; allowed: guide-resnet50-offline"),
    (("run", "resnet50", "--preset", "guide-small-batch"), "give one of BENCHMARK, --preset and"),
    (("run", "--command", "ls"), "there is no mlcr command in it"),
    (("run", "--preset", "guide-small-batch", "--variation", "fuul"), "'_fuul' is not a variation"),
    (("run", "--preset", "guide-small-batch", "--set", "docker=yes"), "does not get into a cont"),
    (("run", "retinanet", "--scenario", "Offline", "--set", "framework=tf"), "does not go with"),
    (("options", "--installation", "/nowhere"), "no mlcr at /nowhere/mlc/bin/mlcr"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED)
def test_what_cannot_be_ends_with_2_and_one_sentence(
    cli: Cli, root: Path, official: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = cli(*arguments)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(RunStore(root)) == []


def test_presets_are_listed_the_users_own_too(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "profiles/presets"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("name: mine\nbenchmark: smoke\nscenario: Offline\n")
    listed = cli.json("presets")
    assert [one["name"] for one in listed][:5] == list(GUIDE)
    assert listed[-1]["name"] == "mine"
    assert {"benchmark", "scenario", "mode", "device", "variations", "settings"} <= listed[0].keys()
    assert "mine" in cli("presets").stdout


def test_options_are_those_of_the_installation(cli: Cli, official: Path) -> None:
    done = cli("options")
    assert done.returncode == 0
    assert "new_key" in done.stdout
    assert "_small" in done.stdout
    assert "mlperf-automations 01234567" in done.stderr
    told = cli.json("options")
    assert told["keys"]["new_key"]["choices"] == ["1", "2"]
    assert told["commit"] == mlcr_repository.COMMIT


def test_options_without_an_installation_are_the_shipped_ones(
    cli: Cli, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if Path("/mnt/data/mlperf-official").exists():
        pytest.skip("there is an official installation here")
    assert MlcrOptions.from_json(cli.json("options")) == mlcr_options.snapshot()
