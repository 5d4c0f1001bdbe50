"""Healthy, suspect, unhealthy: a real H100's measurement, and the same with one thing wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.conftest import DATA
from tui.engine import catalog
from tui.engine.catalog import GpuModel
from tui.engine.kernel_log import Xid
from tui.engine.probe import record, verdict
from tui.engine.probe.metrics import METRICS, ceiling_of, link_gb_s
from tui.engine.probe.record import Measured
from tui.engine.probe.verdict import Baseline, grade, scale_of

REAL = record.read(DATA / "probe/h100-full-1.jsonl")
KNOWN = catalog.load(with_users=False)


@pytest.fixture
def measured() -> Measured:
    return copy.deepcopy(REAL)


@pytest.fixture
def h100() -> GpuModel:
    found = KNOWN.gpu_named("NVIDIA H100 80GB HBM3")
    assert found is not None
    return found


def own(cv: float = 0.002, **changes: float) -> Baseline:
    """What the same card had before."""
    scatter = (1 - cv, 1 - cv, 1.0, 1 + cv, 1 + cv)
    return Baseline(
        {
            one["name"]: {
                scale_of(one): tuple(changes.get(one["name"], one["value"]) * by for by in scatter)
            }
            for one in REAL.metrics
        },
        probes=5,
    )


def metric(measured: Measured, name: str) -> dict[str, Any]:
    return next(one for one in measured.metrics if one["name"] == name)


def scale(measured: Measured, name: str, by: float, iqr: float = 0.001) -> None:
    one = metric(measured, name)
    for part in ("value", "min", "max"):
        one[part] *= by
    one["iqr"] = iqr


def check(measured: Measured, name: str) -> dict[str, Any]:
    return next(one for one in measured.checks if one["name"] == name)


def codes(graded: verdict.Graded) -> list[str]:
    return [one.code for one in graded.reasons]


def test_a_healthy_card_is_healthy(measured: Measured, h100: GpuModel) -> None:
    graded = grade(measured, h100, own())
    assert (graded.verdict, codes(graded)) == ("healthy", [])
    rows = {one["name"]: one for one in graded.metrics}
    assert list(rows) == [name for name in METRICS if name in rows]
    assert {name for name, one in rows.items() if one["graded"]} == {
        "d2d", "h2d_pinned", "d2h_pinned", "gemm_fp64", "gemm_fp32", "gemm_tf32", "gemm_fp16",
        "gemm_bf16", "gemm_sustained",
    }  # fmt: skip
    assert rows["d2d"]["ceiling"] == 3350
    assert rows["h2d_pinned"]["ceiling"] == pytest.approx(63.0, abs=0.1)
    assert rows["gemm_bf16"]["ceiling"] == 989.4
    assert rows["launch_sync"]["better"] == "lower"


def test_the_power_cap_and_idle_clocks_are_no_fault(measured: Measured, h100: GpuModel) -> None:
    for one in measured.gpu:
        one["throttle_bits"] = 0x1 | 0x4
        one["pcie_replays"] = 7
        one["power_throttled_s"] = 99.0
    measured.gpu[-1]["power_throttled_s"] = 103.0
    assert grade(measured, h100, own()).verdict == "healthy"


def flip(measured: Measured) -> None:
    check(measured, "pattern")["mismatches"] = 1
    check(measured, "pattern")["first"] = [
        {
            "address": "0x00007fbba5780000",
            "written": "0x8cf5bb3a3e2dbb3a",
            "read": "0x8cf5bb1a3e2dbb3a",
        }
    ]


def set_error(measured: Measured, value: float | None) -> None:
    check(measured, "gemm_fp32")["error"] = value


def set_gpu(measured: Measured, nth: int, **values: Any) -> None:
    measured.gpu[nth] |= values


FAILURES = {
    "memory-mismatch": flip,
    "transfer-mismatch": lambda m: check(m, "transfer").update(mismatches=4096),
    "wrong-arithmetic": lambda m: set_error(m, 0.1),
    "ecc": lambda m: set_gpu(m, -1, ecc_uncorrected=1),
    "remap-failed": lambda m: set_gpu(m, -1, rows_failed=True),
    "remap-pending": lambda m: set_gpu(m, 0, rows_pending=True),
    "hardware-throttle": lambda m: set_gpu(m, 2, throttle_bits=0x44),
    "gpu-lost": lambda m: set_gpu(m, -1, lost=True),
}


@pytest.mark.parametrize("code", FAILURES)
def test_a_fault_makes_it_unhealthy(measured: Measured, h100: GpuModel, code: str) -> None:
    FAILURES[code](measured)
    graded = grade(measured, h100, own())
    assert (graded.verdict, codes(graded)) == ("unhealthy", [code])
    assert graded.reasons[0].fix


def test_nan_in_a_product_is_a_fault(measured: Measured, h100: GpuModel) -> None:
    set_error(measured, None)
    graded = grade(measured, h100, None)
    assert codes(graded) == ["wrong-arithmetic"]
    assert "is not a number" in graded.reasons[0].text


def test_a_flipped_bit_is_told_with_bit_and_address(h100: GpuModel) -> None:
    """As the H100 told it, with a bit that was flipped on purpose."""
    planted = record.read(DATA / "probe/h100-flip.jsonl")
    graded = grade(planted, h100, None)
    assert (graded.verdict, codes(graded)) == ("unhealthy", ["memory-mismatch"])
    assert "1 word differs of 76.0 GB: bit 37 at address 0x0000" in graded.reasons[0].text


def test_an_xid_makes_it_unhealthy(measured: Measured, h100: GpuModel) -> None:
    graded = grade(measured, h100, own(), [Xid(48)])
    assert (graded.verdict, codes(graded)) == ("unhealthy", ["xid"])
    assert "Xid 48 (double-bit ECC error)" in graded.reasons[0].text
    program = grade(measured, h100, own(), [Xid(31)])
    assert program.verdict == "healthy"
    assert "Xid 31" in program.notes[0].text


def test_a_fault_stands_before_what_is_suspect(measured: Measured, h100: GpuModel) -> None:
    flip(measured)
    scale(measured, "d2d", 0.5)
    assert codes(grade(measured, h100, own())) == ["memory-mismatch", "below-baseline"]


@pytest.mark.parametrize(
    ("name", "lost_pct", "suspect"),
    [
        ("d2d", 4, False), ("d2d", 6, True), ("h2d_pinned", 6, True), ("gemm_fp64", 6, True),
        ("gemm_fp32", 4, False), ("gemm_bf16", 9, False), ("gemm_bf16", 11, True),
        ("gemm_tf32", 9, False), ("memset", 50, False), ("h2d_pageable", 60, False),
        ("alloc_free_2mib", 60, False), ("launch_sync", -300, False),
    ],
)  # fmt: skip
def test_below_its_own_baseline(
    measured: Measured, name: str, lost_pct: float, suspect: bool
) -> None:
    scale(measured, name, 1 - lost_pct / 100, iqr=0.001)
    graded = grade(measured, None, own())
    assert (graded.verdict, codes(graded)) == (
        ("suspect", ["below-baseline"]) if suspect else ("healthy", [])
    )
    if suspect:
        assert f"{lost_pct}.0 % below this GPU's own baseline" in graded.reasons[0].text


@pytest.mark.parametrize("where", ["own spread", "baseline"])
def test_no_verdict_rests_on_a_metric_that_scatters_more(
    measured: Measured, h100: GpuModel, where: str
) -> None:
    scale(measured, "h2d_pinned", 0.92, iqr=0.1 if where == "own spread" else 0.001)
    graded = grade(measured, h100, own(cv=0.06 if where == "baseline" else 0.001))
    assert graded.verdict == "healthy"
    assert "scatters by" in next(one.text for one in graded.notes if one.code == "unsettled")
    assert grade(measured, h100, own(cv=0.001)).verdict == (
        "healthy" if where == "own spread" else "suspect"
    )


def test_far_below_the_datasheet(measured: Measured, h100: GpuModel) -> None:
    scale(measured, "d2d", 0.86)
    graded = grade(measured, h100, None)
    assert (graded.verdict, codes(graded)) == ("suspect", ["below-ceiling"])
    assert "78 % of what the hardware can (3 350)" in graded.reasons[0].text
    metric(measured, "d2d")["iqr"] = 0.2
    assert grade(measured, h100, None).verdict == "healthy"


def test_an_unknown_model_is_graded_by_its_own_baseline_only(measured: Measured) -> None:
    assert measured.device is not None
    measured.device["name"] = "NVIDIA X1"
    scale(measured, "d2d", 0.5)
    first = grade(measured, None, None)
    assert first.verdict == "healthy"
    assert {"no-datasheet", "no-baseline"} <= {one.code for one in first.notes}
    assert all(one["ceiling"] is None or one["unit"] == "GB/s" for one in first.metrics)
    assert grade(measured, None, own()).verdict == "suspect"


def test_a_slower_link_under_load_is_suspect(measured: Measured, h100: GpuModel) -> None:
    for one in measured.gpu:
        one["pcie_gen"] = 1 if one["when"] in ("before", "after") else 3
        one["pcie_width"] = 16
    graded = grade(measured, h100, own())
    assert codes(graded) == ["link"]
    assert "runs at Gen3 under load, Gen5 is possible" in graded.reasons[0].text
    for one in measured.gpu:
        one["pcie_gen"] = 1 if one["when"] in ("before", "after") else 5  # it rests when idle
    assert grade(measured, h100, own()).verdict == "healthy"


@pytest.mark.parametrize(
    ("values", "code"), [({"ecc_corrected": 3}, "ecc-corrected"), ({"throttle_bits": 0x20}, "hot")]
)
def test_what_wants_a_second_look(
    measured: Measured, h100: GpuModel, values: dict[str, int], code: str
) -> None:
    set_gpu(measured, -1, **values)
    graded = grade(measured, h100, own())
    assert (graded.verdict, codes(graded)) == ("suspect", [code])


def test_on_a_busy_gpu_speeds_are_not_graded(measured: Measured, h100: GpuModel) -> None:
    measured.is_busy = True
    measured.busy = [{"pid": 7, "command": "train.py", "memory_bytes": 10**9}]
    scale(measured, "d2d", 0.3)
    graded = grade(measured, h100, own())
    assert graded.verdict == "healthy"
    assert not any(one["graded"] for one in graded.metrics)
    assert "pid 7 (train.py) holds 1.0 GB" in graded.notes[0].text
    flip(measured)
    assert grade(measured, h100, own()).verdict == "unhealthy"  # its memory is tested all the same


def test_cupy_twice_and_smaller_sizes_are_noted(measured: Measured, h100: GpuModel) -> None:
    measured.cupy = [
        {"name": "cupy-cuda12x", "version": "14.2.0"},
        {"name": "cupy-cuda13x", "version": "14.2.0"},
    ]
    measured.shrunk = ["memory: 20 of 2048 MiB", "alloc_free of 256 MiB is left out"]
    graded = grade(measured, h100, own())
    assert graded.verdict == "healthy"
    assert [one.code for one in graded.notes] == ["shrunk", "cupy-twice"]
    assert "that for CUDA 13 was used" in graded.notes[1].text
    assert "pip uninstall -y cupy-cuda12x;" in (graded.notes[1].fix or "")


def test_nothing_is_healthy_that_was_not_tested(measured: Measured, h100: GpuModel) -> None:
    measured.left_out = [{"what": "gemm", "type": "ImportError", "text": "libcublas.so.12: …"}]
    measured.metrics = [one for one in measured.metrics if "gemm" not in one["name"]]
    measured.checks = [one for one in measured.checks if "gemm" not in one["name"]]
    graded = grade(measured, h100, own())
    assert (graded.verdict, codes(graded)) == (None, ["no-cublas"])
    assert "pip install 'cupy-cuda13x[ctk]'" in (graded.reasons[0].fix or "")
    flip(measured)
    assert grade(measured, h100, own()).verdict == "unhealthy"
    assert codes(grade(Measured(seconds=1.0), None, None)) == ["not-verified"]


def test_only_equal_sizes_are_compared(measured: Measured, h100: GpuModel) -> None:
    metric(measured, "d2d").update(value=2168.0, bytes=32 << 20, iqr=0.001)
    metric(measured, "gemm_fp64").update(value=20.0, size=2048, iqr=0.001)
    graded = grade(measured, h100, own())
    assert graded.verdict == "healthy"
    rows = {one["name"]: one for one in graded.metrics}
    assert (rows["d2d"]["baseline"], rows["d2d"]["floor"], rows["d2d"]["graded"]) == (
        None, None, False,
    )  # fmt: skip
    assert rows["gemm_fp32"]["baseline"] is not None


def test_one_odd_probe_does_not_make_a_baseline_useless(measured: Measured) -> None:
    values = {"d2d": {scale_of(metric(measured, "d2d")): (1500.0, 3020.0, 3020.0, 3021.0, 3019.0)}}
    scale(measured, "d2d", 0.9)
    assert codes(grade(measured, None, Baseline(values, 5))) == ["below-baseline"]


def test_a_mig_slice_is_graded_by_its_own_baseline_only(measured: Measured) -> None:
    assert measured.device is not None
    measured.device["mig"] = ["MIG-1"]
    assert "mig" in {one.code for one in grade(measured, None, own()).notes}


def test_links_and_ceilings() -> None:
    assert link_gb_s(4, 16) == pytest.approx(31.5, abs=0.01)
    assert link_gb_s(3, 8) == pytest.approx(7.88, abs=0.01)
    assert link_gb_s(None, 16) is None
    t4 = KNOWN.gpu_named("tesla t4")
    assert ceiling_of(METRICS["gemm_sustained"], t4, None, "fp16") == 65
    assert ceiling_of(METRICS["gemm_bf16"], t4, None) is None


def test_memory_with_ecc_in_it_may_be_slower(measured: Measured) -> None:
    t4 = KNOWN.gpu_named("Tesla T4")
    measured.metrics = [metric(measured, "d2d") | {"value": 240.0, "iqr": 0.001}]
    assert grade(measured, t4, None).verdict == "healthy"  # 75 %
    measured.metrics[0]["value"] = 200.0
    assert codes(grade(measured, t4, None)) == ["below-ceiling"]


def test_every_gpu_file_is_plausible_and_names_its_source() -> None:
    names = [name.casefold() for one in KNOWN.gpus.values() for name in one.names]
    assert len(names) == len(set(names))
    wanted = {
        "t4", "a2", "a10", "a30", "a40", "a100-pcie-40gb", "a100-pcie-80gb", "a100-sxm-40gb",
        "a100-sxm-80gb", "l4", "l40", "l40s", "rtx-4090", "rtx-6000-ada", "rtx-pro-6000-server",
        "h100-pcie", "h100-sxm", "h100-nvl", "h200-sxm", "gh200-96gb", "b200",
    }  # fmt: skip
    assert wanted <= KNOWN.gpus.keys()
    for name, one in KNOWN.gpus.items():
        assert one.names, name
        assert len(one.source) > 30, name
        assert one.memory_gb_s is None or 50 <= one.memory_gb_s <= 9000, name
        rates = one.tflops
        if {"fp32", "fp16"} <= rates.keys():
            assert rates["fp64"] <= rates["fp32"] <= rates["fp16"], name
        if {"tf32", "fp16"} <= rates.keys():
            assert rates["tf32"] <= rates["fp16"], name
        assert rates.get("bf16", rates.get("fp16")) == rates.get("fp16"), name
