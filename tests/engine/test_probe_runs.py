"""A probe as a run: its body scripted, everything around it real."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DATA, FAKES, Cli, finished, nothing_left, running, submit, wait_for
from tui.engine import catalog, launch, sut
from tui.engine.errors import SpecError
from tui.engine.launch import ProbeRequest
from tui.engine.probe import history
from tui.engine.runners.local import LocalRunner
from tui.engine.spec import RunSpec
from tui.engine.store import Run, RunStore
from tui.engine.supervisor import Supervisor
from tui.engine.telemetry.gpus import GpuDevice, GpuSnapshot, MigInstance
from tui.engine.telemetry.reading import Reading
from tui.present import run as present_run

FULL = DATA / "probe/h100-full-1.jsonl"
UUID = "GPU-00000000-1111-2222-3333-444444444444"
NAMES = {
    "benchmark": "probe",
    "scenario": "full",
    "mode": "gpu0",
    "device": "cuda",
    "kind": "probe",
}


def body(*words: str, file: Path = FULL) -> list[str]:
    return [sys.executable, str(FAKES / "probe_body.py"), str(file), *words]


def probe(store: RunStore, *words: str, file: Path = FULL, **about: Any) -> Run:
    return submit(store, body(*words, file=file), **{**NAMES, **about})


def scaled(path: Path, name: str, by: float) -> Path:
    """A copy in which one metric is another."""
    lines = []
    for line in FULL.read_text().splitlines():
        found = json.loads(line)
        if found["probe"] == "metric" and found["name"] == name:
            found |= {part: found[part] * by for part in ("value", "min", "max")}
        lines.append(json.dumps(found))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_probe_is_a_run_with_steps_verdict_and_history(store: RunStore, cli: Cli) -> None:
    run = finished(probe(store))
    assert run.stored_state.state == "finished"
    assert run.probe is not None
    assert run.result is None
    assert run.probe["verdict"] == "healthy"
    assert run.probe["device"]["uuid"] == UUID
    assert run.probe["datasheet"] == "NVIDIA H100 SXM5 80 GB"
    assert [one["code"] for one in run.probe["notes"]] == ["no-baseline"]
    phases = [one["name"] for one in present_run.detail(run)["phases"]]
    assert phases == [
        "start", "alloc", "launch", "transfer", "memory", "pattern", "gemm", "sustained",
    ]  # fmt: skip
    (row,) = cli.json("runs")
    assert (row["kind"], row["verdict"], row["metric"]["unit"]) == ("probe", "healthy", "GB/s")
    shown = cli.json("show", run.id)
    assert shown["results"] == [run.probe]
    text = cli("show", run.id).stdout
    assert "device copy" in text
    assert "✔ healthy" in text


def test_later_probes_are_graded_by_the_first_ones(store: RunStore, tmp_path: Path) -> None:
    first = finished(probe(store))
    slow = scaled(tmp_path / "slow.jsonl", "gemm_fp64", 0.9)
    second = finished(probe(store, file=slow))
    assert second.probe is not None
    assert second.probe["verdict"] == "suspect"
    assert second.probe["baseline_probes"] == 1
    assert [one["code"] for one in second.probe["reasons"]] == ["below-baseline"]
    elsewhere = finished(probe(store, file=slow, environment="xen"))
    assert elsewhere.probe is not None
    assert (elsewhere.probe["verdict"], elsewhere.probe["baseline_probes"]) == ("healthy", 0)
    quick = finished(probe(store, file=slow, scenario="quick"))
    assert quick.probe is not None
    assert (quick.probe["verdict"], quick.probe["baseline_probes"]) == ("healthy", 0)
    assert [one.run.id for one in history.of_gpu(store, UUID)] == [
        quick.id, elsewhere.id, second.id, first.id,
    ]  # fmt: skip


def test_a_baseline_is_the_first_five_healthy_ones(store: RunStore, tmp_path: Path) -> None:
    for nth in range(7):
        file = scaled(tmp_path / f"{nth}.jsonl", "d2d", 1 + 0.001 * nth)
        finished(probe(store, file=file))
    past = history.of_gpu(store, UUID)
    found = history.baseline(past, driver="580.159.04", environment="bare-metal", quick=False)
    assert found is not None
    assert found.probes == 5
    (scale,) = found.values["d2d"]
    assert found.median("d2d", scale) == past[-3].value("d2d")
    assert 0.001 < found.spread("d2d", scale) < 0.003
    other = history.baseline(past, driver="575.1", environment="bare-metal", quick=False)
    assert other is None


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--lines", "30", "--then", "segfault"), "crashed", "crashed in step"),
        (("--lines", "0", "--then", "garbage"), "no-answer", "no result"),
        (("--lines", "12", "--then", "exit=3"), "no-answer", "exit code 3"),
    ],
)
def test_a_body_that_goes_wrong_is_explained(
    store: RunStore, words: tuple[str, ...], code: str, text: str
) -> None:
    run = finished(probe(store, *words))
    state = run.stored_state
    assert (state.state, state.cause and state.cause.code) == ("failed", code)
    assert state.cause is not None
    assert text in state.cause.text
    assert run.probe is not None
    assert run.probe["verdict"] is None
    assert run.probe["reasons"][0]["code"] == code


def test_a_fault_that_was_found_counts_though_the_body_then_dies(store: RunStore) -> None:
    flip = DATA / "probe/h100-flip.jsonl"
    lines = flip.read_text().splitlines()
    found_at = next(n for n, line in enumerate(lines, 1) if '"name": "pattern", "mism' in line)
    run = finished(probe(store, "--lines", str(found_at), "--then", "segfault", file=flip))
    assert run.stored_state.state == "failed"
    assert run.probe is not None
    assert run.probe["verdict"] == "unhealthy"
    assert [one["code"] for one in run.probe["reasons"]] == ["memory-mismatch", "crashed"]
    assert "d2d" in [one["name"] for one in run.probe["metrics"]]


SPOILT = {
    "metrics": [1, {"name": "d2d"}, None],
    "notes": ["a", {"code": 1}],
    "reasons": "none",
    "curves": None,
    "checks": [{"name": "pattern"}, 7],
    "readings": [{"when": "before", "sm_clock_mhz": "fast"}],
}


@pytest.mark.parametrize("name", [*SPOILT, "device", "value", "unheard of", "half"])
def test_a_damaged_probe_harms_neither_the_next_one_nor_its_readers(
    store: RunStore, cli: Cli, name: str
) -> None:
    first = finished(probe(store))
    path = first.folder / "result.json"
    found = json.loads(path.read_text())
    if name in SPOILT:
        found[name] = SPOILT[name]
    elif name == "device":
        found["device"] = "x"
    elif name == "value":
        found["metrics"][0]["value"] = None
    else:
        found["metrics"][0]["name"] = "of a later version"
    text = json.dumps(found)
    path.write_text(text[: len(text) // 2] if name == "half" else text)
    second = finished(probe(store))
    assert second.stored_state.state == "finished", second.stored_state.cause
    for verb in (("runs",), ("show", first.id), ("show", first.id, "--json"), ("runs", "--json")):
        done = cli(*verb)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr


def test_garbage_after_a_whole_measurement_does_no_harm(store: RunStore) -> None:
    run = finished(probe(store, "--then", "garbage"))
    assert run.probe is not None
    assert run.probe["verdict"] == "healthy"


def test_a_step_that_gives_no_sign_is_killed_and_said(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.engine import supervisor

    monkeypatch.setattr(supervisor, "SILENCE_S", 1.0)
    spec = spec_of_probe(body("--lines", "20", "--then", "hang"))
    run = store.create(spec, {})
    Supervisor(run).run()
    state = run.stored_state
    assert (state.state, state.cause and state.cause.code) == ("failed", "hung")
    assert run.probe is not None
    assert run.probe["verdict"] == "unhealthy"
    assert "gave no sign" in run.probe["reasons"][0]["text"]
    assert nothing_left(run)


def spec_of_probe(argv: list[str]) -> RunSpec:
    from tests.conftest import spec_of

    return spec_of(argv, **NAMES)


def test_cancel_leaves_nothing_and_no_verdict(store: RunStore) -> None:
    run = running(probe(store, "--lines", "20", "--then", "hang"))
    wait_for(lambda: run.stored_state.phase == "transfer")
    began = time.monotonic()
    assert LocalRunner().stop(run, 30)
    assert time.monotonic() - began < 15  # measured by `python -m perf probe`: under a second
    assert run.stored_state.state == "stopped"
    assert run.probe is None
    assert nothing_left(run)
    assert history.of_gpu(store, UUID) == []


def test_a_supervisor_that_died_is_replaced_and_the_verdict_is_the_same(store: RunStore) -> None:
    import os

    run = running(probe(store, "--pause", "0.1"))
    wait_for(lambda: run.stored_state.phase is not None)
    assert run.supervisor is not None
    os.kill(run.supervisor.pid, 9)
    wait_for(lambda: not run.is_watched())
    LocalRunner().attend(run)
    finished(run)
    assert run.probe is not None
    assert run.probe["verdict"] == "healthy"


def test_a_probe_is_run_again(store: RunStore) -> None:
    first = finished(probe(store))
    second = finished(launch.again(first, store, sut.describe()))
    assert second.probe is not None
    assert second.probe["baseline_probes"] == 1


def test_a_run_on_the_gpu_is_read_beside_the_last_probe(store: RunStore) -> None:
    facts = {"host": "here"}
    probed = store.create(spec_of_probe(body()), facts)
    LocalRunner().submit(probed)
    finished(probed)
    other = replace(spec_of_probe([sys.executable, "-c", ""]), kind="mlperf", benchmark="bert-99")
    later = store.create(other, facts)
    found = history.before_run(later)
    assert found is not None
    assert found.run.id == probed.id
    (fact,) = present_run.probe_before(later)
    assert fact.value.startswith("healthy")
    assert "device copy 3 0" in fact.value
    assert history.before_run(store.create(replace(other, device="cpu"), facts)) is None
    assert history.before_run(store.create(other, {"host": "elsewhere"})) is None


# --- which GPUs ---------------------------------------------------------------------------------


def gpu(index: int, **about: Any) -> GpuDevice:
    return GpuDevice(
        index, f"GPU-{index}", "NVIDIA H100 PCIe", f"0000:0{index}:00.0", "none",
        Reading(f"gpu{index}"), (), **about,
    )  # fmt: skip


def planned(
    devices: tuple[GpuDevice, ...] | None,
    variables: Mapping[str, str] | None = None,
    device: int | None = None,
    **about: Any,
) -> list[tuple[str, str | None]]:
    known = catalog.load(with_users=False)
    shown = GpuSnapshot("580.1", "13.0", devices) if devices is not None else None
    request = ProbeRequest(device, **about)
    specs, _ = launch.prepare_probe(request, known, sut.describe(), shown, variables or {})
    return [(one.mode, one.env_vars.get("CUDA_VISIBLE_DEVICES")) for one in specs]


def test_every_gpu_is_probed_in_turn_by_its_uuid() -> None:
    assert planned((gpu(0), gpu(1))) == [("gpu0", "GPU-0"), ("gpu1", "GPU-1")]
    lost = planned((gpu(0), gpu(1, lost=True), gpu(2, closed="no")))
    assert [name for name, _ in lost] == ["gpu0", "gpu1", "gpu2"]  # what is lost must not be missed


def test_one_gpu_by_its_number() -> None:
    assert planned((gpu(0), gpu(1)), device=1) == [("gpu1", "GPU-1")]
    assert planned(None, device=2) == [("gpu2", "2")]
    with pytest.raises(SpecError, match="there is no GPU 2; allowed: 0, 1"):
        planned((gpu(0), gpu(1)), device=2)


def test_without_nvml_the_body_is_to_say_why() -> None:
    assert planned(None) == [("gpu", None)]


@pytest.mark.parametrize(
    ("visible", "wanted"),
    [
        ("", [("gpu", None)]),
        ("7", [("gpu", None)]),
        ("GPU-1", [("gpu1", "GPU-1")]),
        ("1", [("gpu", "1")]),  # CUDA counts the fastest first: only CUDA can tell
        ("0,1", [("gpu", "0"), ("gpu", "1")]),
    ],
)
def test_the_users_own_choice_of_gpus_is_kept(
    visible: str, wanted: list[tuple[str, str | None]]
) -> None:
    assert planned((gpu(0), gpu(1)), {"CUDA_VISIBLE_DEVICES": visible}) == wanted


def test_of_a_split_gpu_every_slice_or_the_chosen_ones() -> None:
    parts = tuple(MigInstance(n, f"MIG-{n}", "1g.10gb", n, 0, 10**10) for n in range(2))
    assert planned((gpu(0, mig=parts),)) == [("gpu0/mig0", "MIG-0"), ("gpu0/mig1", "MIG-1")]
    chosen = planned((gpu(0, mig=parts),), {"CUDA_VISIBLE_DEVICES": "MIG-1"})
    assert chosen == [("gpu0/mig1", "MIG-1")]


# --- the command line ---------------------------------------------------------------------------


def test_the_verb_without_a_gpu(cli: Cli) -> None:
    import os

    if os.path.exists("/dev/nvidiactl"):
        pytest.skip("there is a GPU here: this is about machines without one")
    done = cli("probe", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["verdict"] is None
    assert found["reasons"][0]["code"] == "no-driver"
    assert found["reasons"][0]["fix"]
    assert "Traceback" not in done.stdout + done.stderr
    plain = cli("probe", "--quick")
    assert plain.returncode == 1
    assert "no NVIDIA driver here" in plain.stdout
    assert [one["scenario"] for one in cli.json("runs")] == ["quick", "full"]


def test_a_wrong_device_is_wrong_usage(cli: Cli) -> None:
    assert cli("probe", "--device", "-1").returncode == 2
    assert cli("probe", "--device", "x").returncode == 2
    assert cli("probe", "--environment", "mars").returncode == 2
    assert cli.json("runs") == []


@pytest.mark.parametrize(
    ("words", "verdict", "code"),
    [((), "healthy", 0), (("d2d", "0.7"), "suspect", 3), (("flip",), "unhealthy", 1)],
)
def test_the_exit_code_tells_the_verdict(
    store: RunStore, tmp_path: Path, words: tuple[str, ...], verdict: str, code: int
) -> None:
    from tui.cli.run import exit_code

    file = FULL
    if words[:1] == ("flip",):
        file = DATA / "probe/h100-flip.jsonl"
    elif words:
        file = scaled(tmp_path / "slow.jsonl", words[0], float(words[1]))
    run = finished(probe(store, file=file))
    assert run.probe is not None
    assert (run.probe["verdict"], exit_code(run)) == (verdict, code)


@pytest.mark.parametrize(
    "code",
    [
        "import tui.app, tui.screens.probe, tui.screens.run",
        "from tui.cli import run; run(['probe', '--quick', '--json'])",
        "from tui.cli import run; run(['run', 'smoke', '--scenario', 'Offline', '--dry-run',"
        " '--device', 'cuda'])",
    ],
)
def test_neither_app_nor_command_line_imports_cupy(root: Path, code: str) -> None:
    loaded = "[m for m in sys.modules if m.split('.')[0] in ('cupy', 'cupy_backends', 'numpy')]"
    text = f"import sys\n{code}\nprint('loaded', {loaded}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert "loaded []" in done.stderr
