"""What is installed into the venv: mlcflow, and the engines that runs need."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

from tui.engine.setup.look import Command, Look
from tui.engine.setup.place import Place
from tui.engine.setup.python import packages
from tui.engine.setup.step import PIP_VARIABLES, TITLES, Step

ENGINES = {
    "mlcommons-loadgen": "mlperf_loadgen",
    "onnxruntime": "onnxruntime",
    "onnx": "onnx",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "numpy": "numpy",
}
"""Distribution -> module."""
ON_GPU = "onnxruntime-gpu"


def _pip(here: Place, *words: str) -> Command:
    return (str(here.python), "-I", "-m", "pip", *words)


def mlcflow_step(here: Place) -> Step:
    """mlcflow, whose mlcr runs everything."""
    return Step(
        "mlcflow",
        TITLES["mlcflow"],
        (_pip(here, "install", "mlcflow"),),
        PIP_VARIABLES,
        partial(_look_at_mlcflow, here),
        needs="index",
    )


def _look_at_mlcflow(here: Place) -> Look:
    if not here.python.exists():
        return Look()
    version, why = packages(here.python, {"mlcflow": ""})["mlcflow"]
    scripts = [here.venv / "bin" / name for name in ("mlc", "mlcr")]
    if version is not None and all(os.access(one, os.X_OK) for one in scripts):
        return Look(is_done=True, words=version)
    if why == "missing":
        return Look(words="no mlcflow in the venv")
    again = _pip(here, "install", "--ignore-installed", "mlcflow")
    return Look(words=f"mlcflow: {why or 'its commands are missing'}", commands=(again,))


def engines_step(here: Place, *, with_gpu: bool) -> Step:
    """LoadGen and its company."""
    wanted = {ON_GPU if with_gpu and name == "onnxruntime" else name: module
              for name, module in ENGINES.items()}  # fmt: skip
    return Step(
        "engines",
        TITLES["engines"],
        (_pip(here, "install", *wanted),),
        PIP_VARIABLES,
        partial(_look_at_engines, here, wanted),
        needs="index",
    )


def _look_at_engines(here: Place, wanted: Mapping[str, str]) -> Look:
    if not here.python.exists():
        return Look()
    found = packages(here.python, {**ENGINES, **wanted, ON_GPU: "onnxruntime"})
    has_gpu_build = found[ON_GPU][1] is None
    lacks = {name: why for name in wanted if (why := found[name][1]) is not None}
    if has_gpu_build:
        lacks.pop("onnxruntime", None)  # it is the same module, and more of it
    install = _pip(here, "install", *wanted)
    if ON_GPU in wanted and found["onnxruntime"][1] != "missing":
        # They share their files: whichever goes takes the other's along.
        remove = _pip(here, "uninstall", "--yes", "onnxruntime", ON_GPU)
        return Look(words="onnxruntime would measure the CPU", commands=(remove, install))
    if not lacks:
        engine = ON_GPU if has_gpu_build else "onnxruntime"
        loadgen = found["mlcommons-loadgen"][0]
        return Look(is_done=True, words=f"loadgen {loadgen}, {engine} {found[engine][0]}")
    words = "; ".join(f"{name}: {why}" for name, why in lacks.items())
    broken = [name for name, why in lacks.items() if why != "missing"]
    if not broken:
        return Look(words=words)
    again = _pip(here, "install", "--ignore-installed", "--no-deps", *broken)
    return Look(words=words, commands=(again, install))
