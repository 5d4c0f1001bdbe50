"""What a run needs, said before it starts: all of it would come up only after minutes."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tui.engine.catalog import Benchmark
from tui.engine.mlcflow import EMBEDDED, Installation
from tui.engine.spec import LOADGEN_MODES, Choice

VALID_S = 600.0
"""LoadGen's least duration in execution_mode valid, of each scenario and mode."""
DOCKER_BYTES = 40_000_000_000
"""What an image with an implementation takes (35 GB were seen)."""
DOCKER_SOCKET = "/var/run/docker.sock"
CACHE = "local/cache"
"""Where mlcr keeps models and datasets, below its MLC_REPOS."""
PREPROCESSED = "imagenet_preprocessed_path"


@dataclass(frozen=True)
class RunNeeds:
    """What a run needs; unknown is None."""

    disk_bytes: int | None
    """Model, dataset and what is made of them, as far as they are not there yet."""
    disk_place: Path
    """Where that goes."""
    free_bytes: int | None
    """What is free there."""
    gpu_memory_bytes: int | None
    """Of the reference implementation, all GPUs together."""
    parts: int
    """So often LoadGen runs."""
    least_s: float | None
    """LoadGen takes at least so long, all parts together; None: no such limit."""
    licence: str | None
    """What must be agreed to before the downloads open."""

    @property
    def is_short_of_disk(self) -> bool:
        """Less is free than is needed."""
        if self.disk_bytes is None or self.free_bytes is None:
            return False
        return self.free_bytes < self.disk_bytes


def of(benchmark: Benchmark, choice: Choice, installation: Installation) -> RunNeeds:
    """What this choice needs."""
    place = _existing(installation.mlc_repos / CACHE)
    disk = benchmark.needs.disk_bytes if installation.name != EMBEDDED else None
    is_whole = choice.style == "full" and not choice.values.get(PREPROCESSED)
    if not is_whole and benchmark.needs.short_disk_bytes is not None:
        disk = benchmark.needs.short_disk_bytes
    parts = _parts(benchmark, choice)
    is_valid = choice.values.get("execution_mode") == "valid"
    is_timed = benchmark.rules.timed and installation.name != EMBEDDED
    licence = benchmark.needs.licence
    return RunNeeds(
        disk_bytes=disk,
        disk_place=place,
        free_bytes=_free(place),
        gpu_memory_bytes=benchmark.needs.gpu_memory_bytes if choice.device == "cuda" else None,
        parts=parts,
        least_s=VALID_S * parts if is_valid and is_timed else None,
        licence=licence if is_whole or benchmark.needs.short_disk_bytes is None else None,
    )


def _parts(benchmark: Benchmark, choice: Choice) -> int:
    modes = 2 if LOADGEN_MODES.get(choice.mode, choice.mode) == "both" else 1
    category = choice.values.get("category", "edge")
    every = len(benchmark.rules.scenarios.get(category, ())) or 1
    return modes * (every if "all-scenarios" in choice.others else 1)


def _existing(folder: Path) -> Path:
    """The folder, or what is there of the way to it."""
    return next((one for one in (folder, *folder.parents) if one.is_dir()), folder)


def _free(place: Path) -> int | None:
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def concerns(
    benchmark: Benchmark, choice: Choice, needed: RunNeeds, installation: Installation
) -> tuple[str, ...]:
    """What may go wrong with this choice, each a sentence; nothing of it forbids the start."""
    found = []
    if choice.is_in_docker:
        found += _docker(needed)
    elif choice.values.get("implementation") == "nvidia-original":
        found.append(
            "NVIDIA's implementation is made for its own container: without docker it looks for "
            "TensorRT, cuDNN and a scratch folder on this machine"
        )
    if installation.name != EMBEDDED:
        if needed.is_short_of_disk and not _has_cache(installation):
            found.append(
                f"the disk of {needed.disk_place} may be too small for model and dataset, unless "
                "they are there already"
            )
        found += _without_effect(choice)
    return tuple(found)


def _docker(needed: RunNeeds) -> list[str]:
    found = []
    if shutil.which("docker") is None:
        found.append("docker is not installed: the run would fail when it builds its image")
    elif not os.path.exists(DOCKER_SOCKET):
        found.append("the docker daemon does not run; mlperf-tui doctor says what to do")
    elif not os.access(DOCKER_SOCKET, os.W_OK):
        found.append(
            "docker may not be used by you: sudo usermod -aG docker $USER, then sign in anew"
        )
    if needed.free_bytes is not None and needed.free_bytes < DOCKER_BYTES:
        found.append("an image takes up to 40 GB where docker keeps them")
    return found


def _without_effect(choice: Choice) -> list[str]:
    """Settings that mlcr takes and does not use (generate-mlperf-inference-user-conf)."""
    found = []
    style = choice.values.get("execution_mode")
    least = choice.values.get("min_duration")
    streams = ("SingleStream", "MultiStream")
    if least and (style != "valid" or choice.scenario not in streams):
        found.append(
            "min_duration has no effect here: mlcr uses it in execution_mode valid, SingleStream "
            "and MultiStream only"
        )
    elif least and int(least) < VALID_S * 1000:
        found.append(
            f"min_duration is in milliseconds: {least} is less than the 600000 of a submission"
        )
    for name in ("test_query_count", "max_test_duration", "test_qps"):
        if choice.values.get(name) and style != "test":
            found.append(f"{name} has no effect in execution_mode {style}")
    has_batch = {"batch_size", "max_batchsize"} & choice.values.keys()
    if has_batch and choice.values["implementation"] == "reference" and choice.scenario in streams:
        found.append(f"a batch size has no effect in {choice.scenario} (1 or 8 samples a query)")
    return found


def _has_cache(installation: Installation) -> bool:
    """Some model or dataset is there already: how much is missing is not known."""
    try:
        return any(
            one.name.startswith(("get-dataset", "get-ml-model"))
            for one in os.scandir(installation.mlc_repos / CACHE)
        )
    except OSError:
        return False
