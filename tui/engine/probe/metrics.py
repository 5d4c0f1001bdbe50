"""What the probe measures: units, which way is better, and how far values scatter by themselves.

How each is measured, and the figures behind the numbers here: docs/probe.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tui.engine.catalog import GpuModel

MEMORY, LINK = "memory", "link"
"""Ceilings beside the precisions of a model's `tflops`."""
LINK_GB_S = {1: 0.25, 2: 0.5, 3: 0.985, 4: 1.969, 5: 3.938, 6: 7.563}
"""PCIe by generation: GB/s of one lane in one direction, after line coding."""


@dataclass(frozen=True)
class Metric:
    """One number of the probe."""

    name: str
    title: str
    unit: str
    smallest_pct: float
    """The smallest difference worth calling real: about twice the coefficient of variation over
    fresh processes on a healthy H100."""
    warn_pct: float | None = None
    """So far below the GPU's own baseline it is suspect; None: not graded."""
    ceiling: str | None = None
    """What bounds it: MEMORY, LINK, or a precision."""
    floor: float | None = None
    """Below this share of its ceiling it is suspect."""
    least_bytes: int = 0
    """Smaller ones are slower by nature: `floor` is not for them."""
    better: str = "higher"


METRICS: Mapping[str, Metric] = {
    one.name: one
    for one in (
        Metric("d2d", "device copy", "GB/s", 1, 5, MEMORY, 0.80, 1 << 30),
        Metric("memset", "memset", "GB/s", 1, None, MEMORY),
        Metric("pattern_write", "pattern, write", "GB/s", 1, None, MEMORY),
        Metric("pattern_verify", "pattern, verify", "GB/s", 1, None, MEMORY),
        Metric("h2d_pinned", "host to device", "GB/s", 1, 5, LINK, 0.70, 32 << 20),
        Metric("d2h_pinned", "device to host", "GB/s", 1, 5, LINK, 0.70, 32 << 20),
        Metric("h2d_pageable", "host to device, pageable", "GB/s", 40),
        Metric("d2h_pageable", "device to host, pageable", "GB/s", 40),
        Metric("gemm_fp64", "GEMM FP64", "TFLOP/s", 1, 5, "fp64"),
        Metric("gemm_fp32", "GEMM FP32", "TFLOP/s", 1, 5, "fp32"),
        Metric("gemm_tf32", "GEMM TF32", "TFLOP/s", 8, 10, "tf32"),
        Metric("gemm_fp16", "GEMM FP16", "TFLOP/s", 5, 10, "fp16"),
        Metric("gemm_bf16", "GEMM BF16", "TFLOP/s", 5, 10, "bf16"),
        Metric("gemm_sustained", "GEMM sustained", "TFLOP/s", 5, 10, "bf16"),
        Metric("alloc_free_2mib", "alloc + free 2 MiB", "ops/s", 25),
        Metric("alloc_free_256mib", "alloc + free 256 MiB", "ops/s", 5),
        Metric("alloc_free_pool", "pool alloc + free 2 MiB", "ops/s", 25),
        Metric("launch", "kernel launch", "µs", 15, better="lower"),
        Metric("launch_sync", "launch + sync", "µs", 5, better="lower"),
    )
}
"""By name, in the order that they are shown."""
INLINE_ECC_FLOOR = 0.70
"""In place of `floor` for device copies where ECC bits lie in the memory itself: 6 to 12 % less."""


def link_gb_s(gen: int | None, width: int | None) -> float | None:
    """What a PCIe link carries one way; None where it is not known."""
    lane = LINK_GB_S.get(gen or 0)
    return lane * width if lane and width else None


def ceiling_of(
    metric: Metric, model: GpuModel | None, link: float | None, precision: str | None = None
) -> float | None:
    """The most that the datasheet allows, in the metric's unit.

    Args:
        metric: what is bounded.
        model: the GPU's datasheet; None where the model is not known.
        link: GB/s of its PCIe link.
        precision: of a sustained GEMM, which may be another than BF16.
    """
    if metric.ceiling == LINK:
        return link
    if model is None or metric.ceiling is None:
        return None
    if metric.ceiling == MEMORY:
        return model.memory_gb_s
    return model.tflops.get(precision or metric.ceiling)
