"""A probe that is over -> the object of `probe --json`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tui.engine import kernel_log
from tui.engine.catalog import Catalog
from tui.engine.probe import failures, history, record, verdict
from tui.engine.probe.failures import Why
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
    variables = {**os.environ, **spec["env_vars"]}
    why = (
        failures.hung(hung_step, record.SILENCE_S)
        if hung_step is not None
        else failures.explain(measured, run.exit, variables)
    )
    device = about(measured)
    xids = _xids(run, device)
    if why is not None:
        return _object(measured, device, quick=quick) | {
            "verdict": verdict.UNHEALTHY if why.code in failures.UNHEALTHY or xids else None,
            "reasons": [
                one.to_json()
                for one in (why, *(Why("xid", f"the driver logged {one}") for one in xids))
            ],
        }
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
    graded = verdict.grade(measured, model, before, xids)
    return _object(measured, device, quick=quick) | {
        "verdict": graded.verdict,
        "reasons": [one.to_json() for one in graded.reasons],
        "notes": [one.to_json() for one in graded.notes],
        "metrics": list(graded.metrics),
        "datasheet": model.title if model is not None else None,
        "baseline_probes": before.probes if before is not None else 0,
    }


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


def _object(measured: Measured, device: Mapping[str, Any] | None, *, quick: bool) -> dict[str, Any]:
    return {
        "verdict": None,
        "reasons": [],
        "notes": [],
        "device": device,
        "metrics": [],
        "curves": measured.curves,
        "checks": measured.checks,
        "readings": measured.gpu,
        "quick": quick,
        "datasheet": None,
        "baseline_probes": 0,
        "seconds": measured.seconds,
    }


def _xids(run: Run, device: Mapping[str, Any] | None) -> list[str]:
    since = run.stored_state.started_boottime_s
    bus = (device or {}).get("pci_bus_id")
    return kernel_log.xids(bus, since) if bus and since is not None else []
