"""A probe that is over -> the object of `probe --json`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tui.engine import kernel_log
from tui.engine.catalog import Catalog
from tui.engine.probe import failures, history, record, verdict
from tui.engine.probe.record import Measured
from tui.engine.store import Run, RunStore

ABOUT = (
    "index", "uuid", "name", "pci_bus_id", "virtualization", "driver", "driver_cuda", "mig",
    "cupy", "cuda_runtime", "cuda_driver", "capability", "multiprocessors", "memory_total_bytes",
    "memory_free_bytes",
)  # fmt: skip


def judge(run: Run, known: Catalog, *, hung_step: str | None = None) -> dict[str, Any]:
    """Read what the body said, and judge it.

    Args:
        run: the probe, its command over.
        known: for the datasheet of its GPU.
        hung_step: the step in which it was killed because it gave no sign; None: it was not.

    Returns:
        The contract's object. `verdict` is None where the GPU could not be measured for a reason
        that says nothing about the GPU; `reasons` then says which.

    Raises:
        OSError: its console cannot be read.
    """
    measured = record.read(run.console)
    spec = run.stored_spec
    quick = spec.get("scenario") == "quick"
    why = (
        failures.hung(hung_step, record.SILENCE_S)
        if hung_step is not None
        else failures.explain(measured, run.exit, _users_choice(spec), _index(spec))
    )
    device = about(measured)
    before = None
    if device and device["uuid"]:
        store = RunStore(run.folder.parent.parent)
        before = history.baseline(
            history.of_gpu(store, device["uuid"], before=str(spec.get("created") or "")),
            driver=device["driver"],
            environment=str(spec.get("environment") or ""),
            quick=quick,
        )
    model = known.gpu_named(device["name"]) if device and device["mig"] is None else None
    graded = verdict.grade(measured, model, before, _xids(run, device))
    outcome, reasons = graded.verdict, graded.reasons
    if why is not None:  # what was found until then counts all the same
        is_fault = outcome == verdict.UNHEALTHY or why.code in failures.UNHEALTHY
        outcome = verdict.UNHEALTHY if is_fault else None
        reasons = (*(one for one in reasons if one.code not in UNFINISHED), why)
        if not is_fault:
            reasons = (why, *reasons[:-1])
    return {
        "verdict": outcome,
        "reasons": [one.to_json() for one in reasons],
        "notes": [one.to_json() for one in graded.notes] if device else [],
        "device": device,
        "metrics": list(graded.metrics),
        "curves": measured.curves,
        "checks": measured.checks,
        "readings": measured.gpu,
        "quick": quick,
        "complete": why is None and outcome is not None,
        "datasheet": model.title if model is not None else None,
        "baseline_probes": before.probes if before is not None else 0,
        "seconds": measured.seconds,
    }


UNFINISHED = ("not-verified",)
"""Follows from its having broken off."""


def _users_choice(spec: Mapping[str, Any]) -> str | None:
    """The user's own CUDA_VISIBLE_DEVICES; None where it is ours or not set."""
    name = "CUDA_VISIBLE_DEVICES"
    return None if name in spec["env_vars"] else os.environ.get(name)


def _index(spec: Mapping[str, Any]) -> int | None:
    """The GPU that was to be probed, by its name in the spec: gpu0, gpu0/mig1."""
    digits = str(spec.get("mode")).partition("/")[0].removeprefix("gpu")
    return int(digits) if digits.isdecimal() else None


def about(measured: Measured) -> dict[str, Any] | None:
    """What the GPU is, and what measured it; None where it came to no GPU."""
    if measured.device is None:
        return None
    found = {name: measured.device.get(name) for name in ABOUT}
    found |= {"driver": measured.driver, "driver_cuda": measured.driver_cuda}
    found["packages"] = measured.cupy
    if found["uuid"] is None:
        found["uuid"] = measured.device.get("cuda_uuid")
    return found


def _xids(run: Run, device: Mapping[str, Any] | None) -> list[kernel_log.Xid]:
    since = run.stored_state.started_boottime_s
    bus = (device or {}).get("pci_bus_id")
    return kernel_log.xids(bus, since) if bus and since is not None else []
