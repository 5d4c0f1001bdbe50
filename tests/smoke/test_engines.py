"""Engines: what runs the networks, and what is said where one cannot."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Cli, embedded_mlcr

from tui.engine.store import RunStore
from tui.smoke import engines, networks, resnet
from tui.smoke.cupy_engine import CupyEngine, explanation
from tui.smoke.engines import EngineError
from tui.smoke.models import MODELS

HAS_CUPY = importlib.util.find_spec("cupy") is not None
needs_no_driver = pytest.mark.skipif(
    Path("/proc/driver/nvidia/version").exists(), reason="an NVIDIA driver is here"
)
FROM_BOTH = ("zeros", "maximum", "lib", "asarray")
"""What the networks and the engine take from an array module."""


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A CuPy that computes with numpy, and has no more than the engine may use."""
    fake: Any = ModuleType("cupy")
    for name in FROM_BOTH:
        setattr(fake, name, getattr(np, name))
    fake.asnumpy, fake.__version__ = np.array, "14.2.0"
    fake.cuda = SimpleNamespace(
        Device=lambda: SimpleNamespace(id=0),
        runtime=SimpleNamespace(getDeviceProperties=lambda _: {"name": b"NVIDIA H100 80GB HBM3"}),
    )
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


def test_the_digits_are_the_same_on_cupys_path(cupy: Any) -> None:
    images, labels = networks.held_out()
    engine = engines.load("smoke", "cuda", 1, 0)
    assert engine.name == "cupy 14.2.0 NVIDIA H100 80GB HBM3"
    classes = engine.classify(images)
    assert (classes.dtype, classes.shape) == (np.int32, (500,))
    assert int((classes == labels).sum()) == 492
    assert list(classes) == list(engines.load("smoke", "cpu", 1, 0).classify(images))


def test_the_resnet_shape_on_cupys_path_answers_as_its_forward_pass(cupy: Any) -> None:
    engine = engines.load("smoke-resnet50", "cuda", 1, 0)
    images = resnet.images()[:2]
    assert list(engine.classify(images)) == list(
        resnet.forward(resnet.make_weights(), images).argmax(axis=1)
    )


@pytest.mark.skipif(not HAS_CUPY, reason="CuPy is not installed")
def test_cupy_has_what_the_networks_take_from_numpy() -> None:
    real = importlib.import_module("cupy")

    assert all(hasattr(real, name) for name in (*FROM_BOTH, "asnumpy"))
    assert callable(real.lib.stride_tricks.as_strided)


def test_an_engine_that_fails_later_says_so_too(cupy: Any) -> None:
    engine = CupyEngine(MODELS["smoke"])

    def full(images: Any) -> None:
        raise type("OutOfMemoryError", (MemoryError,), {})("Out of memory allocating 512 bytes")

    cupy.asarray = full
    with pytest.raises(EngineError, match=r"GPU memory is full \(OutOfMemoryError: Out of memory"):
        engine.classify(networks.held_out()[0][:1])


def error(name: str, words: str, base: type[Exception] = RuntimeError) -> Exception:
    """An exception as CuPy raises it: known by its name and its words."""
    return type(name, (base,), {})(words)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (ModuleNotFoundError("No module named 'cupy'"), "CuPy is not installed"),
        (ModuleNotFoundError("No module named 'cuda'"), "-cuda12x[ctk]'"),
        (
            ImportError("libcublas.so.12: cannot open shared object file: No such file"),
            " -m pip install 'cupy-cuda12x[ctk]'",
        ),
        (
            error("DynamicLibNotFoundError", 'Failure finding "libnvrtc.so.13 or libnvrtc.so.12"'),
            " -m pip install 'cupy-cuda12x[ctk]'",
        ),
        (
            error(
                "CompileException",
                'x.cu(2): catastrophic error: cannot open source file "cuda_fp16.h"\n\n1 error',
                Exception,
            ),
            " -m pip install 'cupy-cuda12x[ctk]'",
        ),
        (error("CompileException", 'x.cu(1): error: "foo" is undefined'), "CuPy failed (Compile"),
        (
            error("CUDARuntimeError", "cudaErrorInsufficientDriver: CUDA driver version is old"),
            "install or update the driver",
        ),
        (
            error("CUDARuntimeError", "cudaErrorNoDevice: no CUDA-capable device is detected"),
            "no GPU is visible",
        ),
        (
            error("CUDARuntimeError", "cudaErrorMemoryAllocation: out of memory"),
            "GPU memory is full",
        ),
        (error("CUBLASError", "CUBLAS_STATUS_ALLOC_FAILED"), "GPU memory is full"),
        (FileNotFoundError(2, "No such file or directory", "/proc/nope"), "set CUPY_CACHE_DIR"),
        (AttributeError("two\nlines"), "CuPy failed (AttributeError: two)"),
    ],
)
def test_what_cupy_raises_becomes_one_line_with_a_fix(
    raised: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.smoke.cupy_engine._is_installed", "cupy-cuda12x".__eq__)
    assert said in explanation(raised)
    assert "\n" not in explanation(raised)


def test_the_pip_line_names_the_cupy_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.smoke.cupy_engine._is_installed", "cupy-cuda13x".__eq__)
    told = explanation(ImportError("libcublas.so.13: cannot open shared object file"))
    assert told.endswith("pip install 'cupy-cuda13x[ctk]'")


@needs_no_driver
@pytest.mark.parametrize("model", MODELS)
def test_without_a_gpu_the_runner_ends_with_1_and_one_sentence(model: str, tmp_path: Path) -> None:
    asked = {"model": model, "device": "cuda", "scenario": "Offline", "mode": "performance"}
    (tmp_path / "smoke.json").write_text(json.dumps({**asked, "min_duration_s": 1}))
    done = runner(["-m", "tui.smoke.runner", str(tmp_path)])
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("ERROR: ")
    wanted = "install or update the driver" if HAS_CUPY else "pip install 'cupy-cuda12x[ctk]'"
    assert wanted in line
    assert [one.name for one in tmp_path.iterdir()] == ["smoke.json"]


def runner(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", *arguments],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )


BREAKS = """
import sys
from pathlib import Path
from tui.smoke import engines, models, runner

class Broken:
    name, calls = "broken", 0
    def __init__(self):
        self.real = engines.load("smoke", "cpu", 1, 0)
    def classify(self, images):
        self.calls += self.started
        if self.calls > 20:
            raise engines.EngineError("the GPU is lost")
        return self.real.classify(images)
    started = False

engine = Broken()
real = runner.test_settings
def settings(*arguments):
    found = real(*arguments)
    engine.started = True
    return found
runner.test_settings = settings
asked = {"scenario": sys.argv[1], "mode": "performance", "min_duration_s": 30}
runner.run_loadgen(asked, models.MODELS["smoke"], engine, Path(sys.argv[2]))
"""


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_an_engine_that_fails_under_loadgen_ends_the_run(scenario: str, tmp_path: Path) -> None:
    done = runner(["-c", BREAKS, scenario, str(tmp_path)])
    assert done.returncode == 1, done.stdout
    assert done.stdout.splitlines()[-1] == "ERROR: the GPU is lost"


@needs_no_driver
def test_the_console_reader_names_the_missing_driver_as_the_cause(cli: Cli, root: Path) -> None:
    done = cli("run", "smoke", "--scenario", "Offline", "--device", "cuda", "--json")
    assert done.returncode == 1
    run = RunStore(root).open("latest")
    cause = json.loads(done.stdout.splitlines()[-1])["state_detail"]["cause"]
    assert cause["code"] == ("no-driver" if HAS_CUPY else "unknown")
    assert HAS_CUPY or "a guess: ERROR: " in cause["text"]
    assert run.console.read_text().splitlines()[cause["line"] - 1].startswith("ERROR: ")
    (system,) = (run.folder / "results").glob("*/*")
    assert "-smoke-cuda-cupy-v" in system.name
    assert system.name.endswith("-vnone-default_config") is not HAS_CUPY
    assert "is not here" not in run.console.read_text()  # no key of the profile is replaced


def test_the_resnet_shape_on_the_cpu_is_refused_by_mlcr(root: Path, tmp_path: Path) -> None:
    done = embedded_mlcr(
        root,
        tmp_path,
        "run-mlperf,inference,_performance-only,_full,_r5.1-dev",
        "--model=smoke-resnet50",
        "--scenario=Offline",
        "--device=cpu",
    )
    assert done.returncode == 1
    assert "Error : smoke-resnet50 does not run on device cpu: only on cuda" in done.stdout
    assert not (tmp_path / "results").exists()
    with pytest.raises(EngineError, match="does not run on device cpu"):
        engines.load("smoke-resnet50", "cpu", 1, 0)


def test_the_resnet_shape_on_the_cpu_is_refused_by_our_own_verb(cli: Cli) -> None:
    done = cli("run", "smoke-resnet50", "--scenario", "Offline", "--device", "cpu")
    assert done.returncode == 2
    assert "smoke-resnet50 does not run on 'cpu'; allowed: cuda" in done.stderr
