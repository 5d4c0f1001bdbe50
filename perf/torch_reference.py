"""What torch measures of the things that the probe measures: one JSON object.

python perf/torch_reference.py, by any Python that has torch and a GPU.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import Any

SIZE = 8192


def main() -> None:
    import torch

    def each_s(call: Callable[[], Any], repeats: int, warm: int = 3) -> float:
        for _ in range(warm):
            call()
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(repeats + 1)]
        marks[0].record()
        for mark in marks[1:]:
            call()
            mark.record()
        marks[-1].synchronize()
        return statistics.median(a.elapsed_time(b) / 1e3 for a, b in pairwise(marks))

    found = {}
    size = 2 << 30
    pair = [torch.full((size,), 0xA5, dtype=torch.uint8, device="cuda") for _ in range(2)]
    found["d2d"] = 2 * size / each_s(lambda: pair[1].copy_(pair[0]), 20) / 1e9
    found["memset"] = size / each_s(lambda: pair[1].zero_(), 20) / 1e9
    pair.clear()
    torch.cuda.empty_cache()
    host = torch.randint(0, 255, (256 << 20,), dtype=torch.uint8).pin_memory()
    there = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    for name, to, source in (("h2d_pinned", there, host), ("d2h_pinned", host, there)):
        seconds = each_s(lambda to=to, source=source: to.copy_(source, non_blocking=True), 20)
        found[name] = host.numel() / seconds / 1e9
    kinds = {"fp64": torch.float64, "fp32": torch.float32, "tf32": torch.float32}
    kinds |= {"fp16": torch.float16, "bf16": torch.bfloat16}
    for name, kind in kinds.items():
        torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
        wide = kind if name == "fp64" else torch.float32
        a, b = (torch.randn(SIZE, SIZE, device="cuda", dtype=wide).to(kind) for _ in range(2))
        c = torch.empty_like(a)
        call = lambda a=a, b=b, c=c: torch.matmul(a, b, out=c)  # noqa: E731
        found[f"gemm_{name}"] = 2 * SIZE**3 / each_s(call, 20) / 1e12
    print(json.dumps(found))


if __name__ == "__main__":
    main()
