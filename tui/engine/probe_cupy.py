"""The health probe's body: measures one GPU with CuPy, in a process of its own that ends.

    python -I -m tui.engine.probe_cupy [--quick] [--plant-flip]

The first GPU that CUDA shows is measured. Every line printed is a JSON object whose key `probe`
says what it is: packages, processes, sign, step, device, gpu, busy, shrunk, metric, curve, check,
left_out, error, end. Nothing is judged here (see `probe`). Exit code 0 after `end`, 1 after
`error`.

Kernels include no header and no CuPy ufunc is used: of CUDA's libraries NVRTC is enough for all
but the GEMMs, which need cuBLAS. How and why each thing is measured so: docs/probe.md.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tui.engine.probe_nvml import Nvml, tell

MIB, GIB = 1 << 20, 1 << 30
STEPS = ("start", "alloc", "launch", "transfer", "memory", "pattern", "gemm", "sustained")
QUICK_STEPS = STEPS[:-1]
CURVE_BYTES = tuple(4096 * 4**n for n in range(7))
"""4 KiB to 16 MiB."""
KEPT_FREE = 0.9
"""The pattern test takes so much of what is free …"""
KEPT_FREE_INTEGRATED = 0.25
"""Where GPU and host share it, the host needs most of it …"""
KEPT_FREE_BUSY = 0.5
"""… and no more than this where others compute: they may need memory meanwhile."""
BUSY_BYTES = 500 * MIB
"""More is in use before we begin: somebody computes, though he may not be seen from here."""
CHANGE_WHAT_IS_MEASURED = (
    "NVIDIA_TF32_OVERRIDE",
    "CUBLAS_EMULATE_SINGLE_PRECISION",
    "CUBLAS_EMULATION_STRATEGY",
    "CUDA_LAUNCH_BLOCKING",
    "CUPY_TF32",
)
"""Variables that are taken away before CUDA begins."""
CHUNK_BYTES = 8 * GIB
SAMPLED_ROWS = 16
MOST_FLIPS = 16
GEMM_S = 0.35
"""About so long each GEMM is repeated."""
SLOWEST_GEMM_S = 0.25
"""A GEMM that would take longer is made smaller: FP64 on most cards is slow by design."""
SETTLED_CV, MOST_ROUNDS = 0.02, 4
"""A transfer that scatters more is measured again, so many times at most."""
SETTLING_S = 2.0
UNSETTLED = 5
"""Blocks of a sustained load before the power limit has settled."""
ALLOC_S = 1.0
"""Allocations of one size take no longer, twice."""
BLOCKS = 10
"""Rates of many small calls are taken in so many blocks: their median, and their spread."""

KERNELS = Path(__file__).with_name("probe_kernels.cu")
THREADS = 256


def spread(values: list[float]) -> dict[str, Any]:
    """Median, the range of the middle half as a share of it, least, greatest, coefficient of
    variation, count."""
    mean = statistics.fmean(values)
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    quarters = (
        statistics.quantiles(values, n=4) if len(values) > 3 else [min(values), 0, max(values)]
    )
    middle = statistics.median(values)
    return {
        "value": middle,
        "iqr": (quarters[2] - quarters[0]) / middle if middle else 0.0,
        "min": min(values),
        "max": max(values),
        "cv": deviation / mean if mean else 0.0,
        "n": len(values),
    }


def metric(name: str, values: list[float], **about: Any) -> None:
    """Tell what was measured several times."""
    tell("metric", name=name, **spread(values), **about)


def packages() -> list[dict[str, str]]:
    """Every CuPy that is installed, by its distribution."""
    from importlib.metadata import distributions

    found = {
        (one.metadata["Name"] or "", one.version)
        for one in distributions()
        if (one.metadata["Name"] or "").lower().replace("_", "-").split("-")[0] == "cupy"
    }
    return [{"name": name, "version": version} for name, version in sorted(found)]


class Gpu:
    """The GPU as CuPy gives it: memory, copies, our kernels, times by CUDA events.

    Pointers are plain numbers; sizes are bytes.
    """

    def __init__(self, cupy: Any, multiprocessors: int) -> None:
        self.cupy, self.runtime = cupy, cupy.cuda.runtime
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.stream.use()
        self._blocks = multiprocessors * 8
        self._module: Any = None

    def compile(self) -> None:
        """Make the kernels; raises where NVRTC is missing."""
        module = self.cupy.RawModule(code=KERNELS.read_text())
        module.get_function("nothing")
        self._module = module

    @property
    def has_kernels(self) -> bool:
        """They could be compiled."""
        return self._module is not None

    def kernel(self, name: str) -> Any:
        """One of ours, to be called with grid, block and arguments."""
        return self._module.get_function(name)

    def start(self, name: str, *arguments: int) -> None:
        """Start one of ours on all multiprocessors; each walks its elements itself."""
        self.kernel(name)((self._blocks,), (THREADS,), self.words(*arguments))

    @staticmethod
    def words(*values: int) -> tuple[Any, ...]:
        """Numbers as a kernel takes them, 64 bits each."""
        import numpy

        return tuple(numpy.uint64(one) for one in values)

    @property
    def free(self) -> int:
        """Bytes that are not taken."""
        return int(self.runtime.memGetInfo()[0])

    @contextmanager
    def memory(self, size: int) -> Iterator[int]:
        """Memory of the GPU, past CuPy's pool."""
        pointer = self.runtime.malloc(size)
        try:
            yield pointer
        finally:
            self.stream.synchronize()
            self.runtime.free(pointer)

    @contextmanager
    def pinned(self, size: int) -> Iterator[int]:
        """Memory of the host that cannot be paged out: the GPU copies it by itself."""
        pointer = self.runtime.hostAlloc(size, 0)
        try:
            yield pointer
        finally:
            self.stream.synchronize()
            self.runtime.freeHost(pointer)

    def copy(self, to: int, source: int, size: int) -> None:
        """Begin a copy; the pointers tell between what."""
        kind = self.runtime.memcpyDefault
        self.runtime.memcpyAsync(to, source, size, kind, self.stream.ptr)

    def set(self, pointer: int, byte: int, size: int) -> None:
        """Begin to fill memory with a byte."""
        self.runtime.memsetAsync(pointer, byte, size, self.stream.ptr)

    def fetch(self, into: Any, pointer: int) -> Any:
        """Fill a NumPy array from the GPU, when all that was begun is done."""
        self.stream.synchronize()
        kind = self.runtime.memcpyDeviceToHost
        self.runtime.memcpy(into.ctypes.data, pointer, into.nbytes, kind)
        return into

    def each_s(self, call: Callable[[], Any], repeats: int, warm: int = 2) -> list[float]:
        """Seconds of each call on the GPU, by events between them, after a warm-up."""
        event, elapsed_ms = self.cupy.cuda.Event, self.cupy.cuda.get_elapsed_time
        for _ in range(warm):
            call()
        marks = [event() for _ in range(repeats + 1)]
        marks[0].record(self.stream)
        for mark in marks[1:]:
            call()
            mark.record(self.stream)
        marks[-1].synchronize()
        return [elapsed_ms(a, b) / 1e3 for a, b in pairwise(marks)]

    def write_pattern(self, pointer: int, size: int, flip: int = 0) -> None:
        """Begin to write each word's own address, hashed, and with `flip` inverted."""
        self.start("write_pattern", pointer, size // 16, pointer, flip)

    @contextmanager
    def counter(self) -> Iterator[int]:
        """Where `verify_pattern` counts what is wrong, and tells the first ones."""
        size = 8 + 24 * MOST_FLIPS
        with self.memory(size) as pointer:
            self.set(pointer, 0, size)
            yield pointer

    def verify_pattern(
        self, counter: int, pointer: int, size: int, base: int | None = None, flip: int = 0
    ) -> None:
        """Begin to compare memory with what `write_pattern` wrote at `base`."""
        places = (counter, counter + 8, MOST_FLIPS)
        self.start("verify_pattern", pointer, size // 16, base or pointer, flip, *places)

    def counted(self, counter: int) -> tuple[int, list[dict[str, str]]]:
        """How many words were wrong, and of the first ones address, written and read."""
        import numpy

        words = self.fetch(numpy.empty(1 + 3 * MOST_FLIPS, numpy.uint64), counter)
        count = int(words[0])
        first = words[1 : 1 + 3 * min(count, MOST_FLIPS)].reshape(-1, 3)
        names = ("address", "written", "read")
        return count, [dict(zip(names, (f"{int(one):#018x}" for one in row))) for row in first]


class Probe:
    """One pass over one GPU; memory is given back step by step."""

    def __init__(self, *, quick: bool, plant_flip: bool) -> None:
        self._quick, self._plant_flip = quick, plant_flip
        self._steps = QUICK_STEPS if quick else STEPS
        self.step = ""
        self._is_busy = self._is_integrated = False
        self._seen: set[int] = set()
        """Who computed on the GPU before us."""
        self._capability = (0, 0)
        self._gpu: Gpu
        self._gemms: Gemms | None = None
        self._nvml: Nvml

    def run(self) -> None:
        """Every step in its turn."""
        begun = time.monotonic()
        for nth, step in enumerate(self._steps, 1):
            self.step = step
            tell("step", name=step, nth=nth, of=len(self._steps))
            getattr(self, f"do_{step}")()
        self.step = "end"
        self._nvml.look("after")
        self._look_for_others()
        tell("end", seconds=time.monotonic() - begun)

    def do_start(self) -> None:
        """Import CuPy, make the context, compile the kernels."""
        self._nvml = Nvml()
        tell("packages", cupy=packages(), no_nvml=self._nvml.missing, **self._nvml.driver())
        others = self._nvml.others()  # before there is a context of ours
        if others:
            tell("processes", processes=others)  # at once: a full GPU fails a few lines below
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # CuPy's, of two packages: told above
            import cupy
        tell("sign", of="import")
        runtime = cupy.cuda.runtime
        count = runtime.getDeviceCount()
        bus = runtime.deviceGetPCIBusId(0)
        index = self._nvml.choose(bus)
        before = self._nvml.look("before")
        free, total = runtime.memGetInfo()  # makes the context
        about = runtime.getDeviceProperties(0)
        self._capability = (int(about["major"]), int(about["minor"]))
        facts = {
            "name": about["name"].decode(errors="replace"),
            "pci_bus_id": bus,
            "visible": count,
            "cupy": cupy.__version__,
            "cuda_runtime": runtime.runtimeGetVersion(),
            "cuda_driver": runtime.driverGetVersion(),
            "capability": f"{about['major']}.{about['minor']}",
            "multiprocessors": about["multiProcessorCount"],
            "memory_free_bytes": free,
            "memory_total_bytes": total,
            "cuda_uuid": _uuid(about.get("uuid"), is_slice=" MIG " in about["name"].decode()),
        }
        tell("device", **{**facts, **self._nvml.facts()})
        self._is_integrated = bool(about.get("integrated"))
        mine = [one for one in others if index is None or one["gpu"] == index]
        self._seen = {one["pid"] for one in mine}
        used = before.reading.memory_used_bytes if before is not None else None
        if mine or (used is not None and used > BUSY_BYTES and not self._is_integrated):
            self._is_busy = True
            tell("busy", processes=mine, memory_bytes=used)
        self._gpu = Gpu(cupy, about["multiProcessorCount"])
        try:
            self._gpu.compile()
        except Exception as error:
            if isinstance(error, runtime.CUDARuntimeError):
                raise
            tell("left_out", what="kernels", type=_name(error), text=str(error))

    def _look_for_others(self) -> None:
        """Has anybody begun meanwhile? Only where pids can be told from ours."""
        found = self._nvml.others(mine_only=True)
        if os.getpid() not in {one["pid"] for one in found}:
            return
        new = [one for one in found if one["pid"] not in self._seen | {os.getpid()}]
        if new:
            tell("busy", processes=new, memory_bytes=None)

    def do_alloc(self) -> None:
        """Pairs of cudaMalloc and cudaFree of a size, and CuPy's pool."""
        # The driver hands out cleared memory in stock first, three times as fast as what it has to
        # clear: so many pairs of the large size are gone before it counts.
        self._measure_pairs(2 * MIB, warm=50, pairs=400 if self._quick else 1000)
        if not self._quick:
            self._measure_pairs(256 * MIB, warm=1000, pairs=400)
        self._measure_pool()

    def _measure_pairs(self, size: int, warm: int, pairs: int) -> None:
        malloc, free = self._gpu.runtime.malloc, self._gpu.runtime.free
        if self._gpu.free < 2 * size:
            self._shrunk(f"alloc_free of {size // MIB} MiB is left out")
            return
        begun = time.perf_counter()
        done = 0
        while done < 10 or (done < warm and time.perf_counter() - begun < ALLOC_S):
            free(malloc(size))
            done += 1
        # Where a layer makes each call slow there are fewer of them.
        each_s = (time.perf_counter() - begun) / done
        block = max(5, min(pairs, int(ALLOC_S / each_s)) // BLOCKS)
        rates, allocs, frees = [], [], []
        for _ in range(BLOCKS):
            start = time.perf_counter()
            for _ in range(block):
                before = time.perf_counter()
                pointer = malloc(size)
                between = time.perf_counter()
                free(pointer)
                frees.append(time.perf_counter() - between)
                allocs.append(between - before)
            rates.append(block / (time.perf_counter() - start))
        times = (statistics.median(one) * 1e6 for one in (allocs, frees))
        about = dict(zip(("alloc_us", "free_us"), times))
        metric(f"alloc_free_{size // MIB}mib", rates, bytes=size, **about)

    def _measure_pool(self) -> None:
        pool, size = self._gpu.cupy.cuda.MemoryPool(), 2 * MIB
        held = pool.malloc(size)
        del held
        rates = []
        for _ in range(BLOCKS):
            start = time.perf_counter()
            for _ in range(1000):
                held = pool.malloc(size)
                del held
            rates.append(1000 / (time.perf_counter() - start))
        pool.free_all_blocks()
        metric("alloc_free_pool", rates, bytes=size)

    def do_launch(self) -> None:
        """A kernel that does nothing: started, and started and waited for."""
        if not self._gpu.has_kernels:
            return
        nothing, stream = self._gpu.kernel("nothing"), self._gpu.stream
        count = 200 if self._quick else 1000
        for _ in range(200):
            nothing((1,), (1,), ())
        stream.synchronize()
        enqueued, waited = [], []
        for _ in range(BLOCKS):
            start = time.perf_counter()
            for _ in range(count):
                nothing((1,), (1,), ())
            enqueued.append((time.perf_counter() - start) / count * 1e6)
            stream.synchronize()
        for _ in range(BLOCKS):
            times = []
            for _ in range(count // 4):
                start = time.perf_counter()
                nothing((1,), (1,), ())
                stream.synchronize()
                times.append((time.perf_counter() - start) * 1e6)
            waited.append(statistics.median(times))
        metric("launch", enqueued)
        metric("launch_sync", waited)

    def do_transfer(self) -> None:
        """Between host and GPU: pinned, by size, pageable."""
        gpu = self._gpu
        size = self._sized(64 * MIB if self._quick else 256 * MIB, 8, "transfer")
        with gpu.pinned(size) as host, gpu.memory(size) as there, gpu.memory(size) as back:
            if gpu.has_kernels:  # there and back again, and compared
                gpu.write_pattern(there, size)
                gpu.copy(host, there, size)
                gpu.copy(back, host, size)
                with gpu.counter() as counter:
                    gpu.verify_pattern(counter, back, size, base=there)
                    count, first = gpu.counted(counter)
                tell("check", name="transfer", mismatches=count, bytes=size, first=first)
            ways = {"h2d_pinned": (there, host), "d2h_pinned": (host, there)}
            for name, (to, source) in ways.items():
                metric(name, self._settled_rates(to, source, size), bytes=size)
            for _ in range(5):
                gpu.copy(there, host, size)
            self._nvml.look("transfer")  # the link rests where nothing moves
            if self._quick:
                return
            for name, (to, source) in ways.items():
                parts = [one for one in CURVE_BYTES if one <= size]
                rates_of = {one: self._rates(to, source, one, 50) for one in parts}
                points = [{"bytes": one, **spread(rates)} for one, rates in rates_of.items()]
                tell("curve", name=name, points=points)
            self._measure_pageable(there, size)

    def _settled_rates(self, to: int, source: int, size: int) -> list[float]:
        """GB/s of copies, once more where they scatter: the link wakes up, the host is busy."""
        best: list[float] = []
        begun = time.monotonic()
        for nth in range(MOST_ROUNDS):
            if nth and time.monotonic() - begun > SETTLING_S:
                break
            rates = self._rates(to, source, size, 20, warm=8)
            best = max(best, rates, key=statistics.median) if best else rates
            if spread(rates)["cv"] <= SETTLED_CV:
                break
        return best

    def _rates(self, to: int, source: int, size: int, repeats: int, warm: int = 2) -> list[float]:
        """GB/s of copies."""
        times = self._gpu.each_s(lambda: self._gpu.copy(to, source, size), repeats, warm)
        return [size / one / 1e9 for one in times]

    def _measure_pageable(self, there: int, size: int) -> None:
        """Through ordinary memory: as fast as the host copies, shown and not graded."""
        import numpy

        runtime = self._gpu.runtime
        host = numpy.empty(size, numpy.uint8)
        at = host.ctypes.data
        for name, to, source in (("d2h_pageable", at, there), ("h2d_pageable", there, at)):
            rates = []
            for nth in range(6):
                self._gpu.stream.synchronize()
                start = time.perf_counter()
                runtime.memcpy(to, source, size, runtime.memcpyDefault)
                runtime.deviceSynchronize()
                if nth:  # the first one touches the pages
                    rates.append(size / (time.perf_counter() - start) / 1e9)
            metric(name, rates, bytes=size)

    def do_memory(self) -> None:
        """Copies within the GPU, each byte read and written, and memset."""
        gpu = self._gpu
        size = self._sized(2 * GIB, 4, "memory")
        repeats = 10 if self._quick else 20
        with gpu.memory(size) as one, gpu.memory(size) as other:
            gpu.set(one, 0xA5, size)
            metric("d2d", [2 * each for each in self._rates(other, one, size, repeats)], bytes=size)
            times = gpu.each_s(lambda: gpu.set(other, 0x5A, size), repeats)
            metric("memset", [size / each / 1e9 for each in times], bytes=size)

    def do_pattern(self) -> None:
        """Every address keeps what was written there: a hash of it, then that inverted."""
        gpu = self._gpu
        if not gpu.has_kernels:
            return
        free = gpu.free
        share = KEPT_FREE_BUSY if self._is_busy else KEPT_FREE
        left = int(free * (KEPT_FREE_INTEGRATED if self._is_integrated else share))
        if self._is_busy:
            self._shrunk(f"pattern: {left / GIB:.1f} of {free / GIB:.1f} GiB that are free")
        chunks: list[tuple[int, int]] = []
        try:
            while left >= MIB:
                size = min(CHUNK_BYTES, left) // MIB * MIB
                try:
                    chunks.append((gpu.runtime.malloc(size), size))
                except gpu.runtime.CUDARuntimeError as error:
                    if "MemoryAllocation" not in str(error) or not chunks:
                        raise
                    self._shrunk("pattern: others took memory meanwhile")
                    break
                left -= size
            self._test_pattern(chunks)
        finally:
            for pointer, _ in chunks:
                gpu.runtime.free(pointer)

    def _test_pattern(self, chunks: list[tuple[int, int]]) -> None:
        gpu, total = self._gpu, sum(size for _, size in chunks)
        writes: list[float] = []
        reads: list[float] = []
        found = 0
        told: list[dict[str, str]] = []
        for flip in (0, 2**64 - 1):

            def write(flip: int = flip) -> None:
                for pointer, size in chunks:
                    gpu.write_pattern(pointer, size, flip)

            writes += gpu.each_s(write, 1, warm=0)
            if self._plant_flip and flip == 0:
                pointer, size = chunks[-1]
                word = pointer + size // 2 // 8 * 8
                gpu.kernel("flip_bit")((1,), (1,), gpu.words(word, 1 << 37))
            with gpu.counter() as counter:

                def verify(flip: int = flip, counter: int = counter) -> None:
                    for pointer, size in chunks:
                        gpu.verify_pattern(counter, pointer, size, flip=flip)

                reads += gpu.each_s(verify, 1, warm=0)
                count, first = gpu.counted(counter)
            found, told = found + count, told + first
        metric("pattern_write", [total / one / 1e9 for one in writes], bytes=total)
        metric("pattern_verify", [total / one / 1e9 for one in reads], bytes=total)
        tell("check", name="pattern", mismatches=found, bytes=total, first=told[:MOST_FLIPS])

    def do_gemm(self) -> None:
        """Matrix products in every precision that the GPU has."""
        if not self._gpu.has_kernels:
            return
        try:
            from cupy.cuda.device import get_cublas_handle
            from cupy_backends.cuda.libs import cublas

            handle = get_cublas_handle()
        except ImportError as error:
            tell("left_out", what="gemm", type=_name(error), text=str(error))
            return
        quick = self._quick or self._is_busy
        self._gemms = Gemms(self._gpu, cublas, handle, quick=quick, shrunk=self._shrunk)
        since = {"fp64": (6, 0), "fp32": (0, 0), "tf32": (8, 0), "fp16": (7, 0), "bf16": (8, 0)}
        for name, capability in since.items():
            if self._capability >= capability:
                self._gemms.measure(name)
        if self._quick:
            self._gemms.sustain(self._longest, 0.3, self._look_under_load, tell_rate=False)

    def do_sustained(self) -> None:
        """A second of products, as long as the power limit needs to show."""
        if self._is_busy:
            self._shrunk("sustained load is left out: others compute on this GPU")
        elif self._gemms is not None:
            self._gemms.sustain(self._longest, 1.0, self._look_under_load)

    @property
    def _longest(self) -> str:
        """The precision of the load that draws the most."""
        return (
            "bf16"
            if self._capability >= (8, 0)
            else "fp16"
            if self._capability >= (7, 0)
            else "fp32"
        )

    def _look_under_load(self) -> None:
        self._nvml.look("load")

    def _shrunk(self, text: str) -> None:
        tell("shrunk", step=self.step, text=text)

    def _sized(self, wanted: int, parts: int, what: str) -> int:
        """So many bytes, or where memory is scarce one of so many parts of what is free."""
        free = self._gpu.free
        size = min(wanted, free // (parts * 2 if self._is_busy else parts)) // MIB * MIB
        if size < MIB:
            raise MemoryError(f"only {free // MIB} MiB of GPU memory are free")
        if size < wanted:
            self._shrunk(f"{what}: {size // MIB} of {wanted // MIB} MiB")
        return size


class Gemms:
    """Square matrix products of normal numbers by cuBLAS, verified by sampled rows in float64.

    TFLOP/s are 2 n^3 / s: multiply and add count each.
    """

    KINDS: Mapping[str, tuple[int, int, int, float]] = MappingProxyType(
        {
            "fp64": (1, 8, 70, 1e-12),
            "fp32": (0, 4, 68, 1e-4),
            "tf32": (0, 4, 77, 1e-3),
            "fp16": (2, 2, 68, 1e-3),
            "bf16": (14, 2, 68, 5e-3),
        }
    )
    """cudaDataType_t, bytes, cublasComputeType_t, and the most that the relative Frobenius error
    may be: healthy cards have 2.8e-15, 1.6e-6, 2.95e-4, 2.07e-4 and 1.66e-3 (docs/probe.md)."""
    TENSOR_OP = 99
    """cublasGemmAlgo_t."""
    SIZES = (8192, 4096, 2048)
    SMALLEST = 1024

    def __init__(
        self, gpu: Gpu, cublas: Any, handle: int, *, quick: bool, shrunk: Callable[[str], None]
    ) -> None:
        import numpy

        self._np: Any = numpy
        self._gpu, self._cublas, self._handle = gpu, cublas, handle
        self._sizes = self.SIZES[1:] if quick else self.SIZES
        self._shrunk = shrunk

    def measure(self, name: str) -> None:
        """Rate and error of one precision."""
        gpu, n = self._gpu, self._size(name)
        with self._operands(name, n) as (a, b, c):
            once = self._caller(name, n, a, b, c)
            gpu.set(c, 0xFF, n * n * self.KINDS[name][1])  # NaN: what is not written shows
            once()
            error = self._error(name, n, a, b, c)
            seconds = statistics.median(gpu.each_s(once, 2))
            times = gpu.each_s(once, max(3, min(20, int(GEMM_S / seconds))), warm=1)
        metric(f"gemm_{name}", [2 * n**3 / one / 1e12 for one in times], size=n)
        finite, limit = bool(self._np.isfinite(error)), self.KINDS[name][3]
        tell("check", name=f"gemm_{name}", error=error if finite else None, limit=limit, size=n)

    def sustain(
        self, name: str, seconds: float, look: Callable[[], None], *, tell_rate: bool = True
    ) -> None:
        """One precision for a while; `look` is called when half of it is done."""
        gpu, n = self._gpu, self._size(name)
        elapsed_ms = gpu.cupy.cuda.get_elapsed_time
        with self._operands(name, n) as (a, b, c):
            once = self._caller(name, n, a, b, c)
            block = max(1, int(seconds / BLOCKS / statistics.median(gpu.each_s(once, 5))))
            marks = [gpu.cupy.cuda.Event() for _ in range(UNSETTLED + BLOCKS + 1)]
            marks[0].record(gpu.stream)
            for mark in marks[1:]:
                for _ in range(block):
                    once()
                mark.record(gpu.stream)
            marks[UNSETTLED + BLOCKS // 2].synchronize()
            look()
            marks[-1].synchronize()
            settled = pairwise(marks[UNSETTLED:])
            times = [elapsed_ms(one, other) / 1e3 for one, other in settled]
        if tell_rate:
            rates = [2 * n**3 * block / one / 1e12 for one in times]
            metric("gemm_sustained", rates, size=n, precision=name)

    def _size(self, name: str) -> int:
        """The largest matrices that have room and end in time."""
        free, width, small = self._gpu.free, self.KINDS[name][1], self.SMALLEST
        with self._operands(name, small) as (a, b, c):
            once = self._caller(name, small, a, b, c)
            rate = 2 * small**3 / min(self._gpu.each_s(once, 3))
        for n in self._sizes:
            needed = n * n * (3 * width + 8 + 4)
            if needed <= free // 2 and 2 * n**3 / rate <= SLOWEST_GEMM_S:
                break
        else:
            n = small
        if n < self._sizes[0]:
            self._shrunk(f"gemm_{name}: matrices of {n} for {self._sizes[0]}")
        return n

    @contextmanager
    def _operands(self, name: str, n: int) -> Iterator[tuple[int, int, int]]:
        """A and B of normal numbers, and room for C; n x n each."""
        gpu, width = self._gpu, self.KINDS[name][1]
        size = n * n * width
        with gpu.memory(size) as a, gpu.memory(size) as b, gpu.memory(size) as c:
            for pointer, seed in ((a, 1 << 40), (b, 1 << 41)):
                if name == "fp64":
                    gpu.start("normal64", pointer, n * n, seed)
                elif width == 4:
                    gpu.start("normal", pointer, n * n, seed)
                else:
                    with gpu.memory(n * n * 4) as wide:
                        gpu.start("normal", wide, n * n, seed)
                        kernel = "to_half" if name == "fp16" else "to_bfloat"
                        gpu.start(kernel, wide, pointer, n * n)
            yield a, b, c

    def _caller(self, name: str, n: int, a: int, b: int, c: int) -> Callable[[], None]:
        """C = A B. cuBLAS counts columns first: it is given B A, which is the same in rows."""
        kind, _, compute, _ = self.KINDS[name]
        number = self._np.float64 if name == "fp64" else self._np.float32
        one, zero = self._np.ones(1, number), self._np.zeros(1, number)
        right, left, into = (b, kind, n), (a, kind, n), (c, kind, n)

        def once() -> None:
            self._cublas.gemmEx(
                *(self._handle, 0, 0, n, n, n, one.ctypes.data, *right, *left),
                *(zero.ctypes.data, *into, compute, self.TENSOR_OP),
            )

        return once

    def _error(self, name: str, n: int, a: int, b: int, c: int) -> float:
        """Relative Frobenius error of sampled rows against float64 on the CPU."""
        np, gpu = self._np, self._gpu
        rows = np.sort(np.random.default_rng(7).choice(n, SAMPLED_ROWS, replace=False))
        width = self.KINDS[name][1]
        widen = {"fp64": "double", "fp16": "half", "bf16": "bfloat"}.get(name, "float")
        with gpu.memory(n * n * 8) as wide:

            def fetched(pointer: int, count: int) -> Any:
                gpu.start(f"widen_{widen}", pointer, wide, count)
                return gpu.fetch(np.empty(count), wide)

            right = fetched(b, n * n).reshape(n, n)
            left = np.stack([fetched(a + int(row) * n * width, n) for row in rows])
            found = np.stack([fetched(c + int(row) * n * width, n) for row in rows])
        wanted = left @ right
        return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def _uuid(raw: bytes | None, *, is_slice: bool) -> str | None:
    """CUDA's own word for the GPU, written as NVML writes it."""
    from uuid import UUID

    if not raw or len(raw) < 16:
        return None
    return f"{'MIG' if is_slice else 'GPU'}-{UUID(bytes=bytes(raw[:16]))}"


def _name(error: BaseException) -> str:
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}"


def main() -> int:
    """Measure the first GPU that CUDA shows."""
    for name in CHANGE_WHAT_IS_MEASURED:
        os.environ.pop(name, None)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # ends at once; the driver takes the memory back
    arguments = sys.argv[1:]
    probe = Probe(quick="--quick" in arguments, plant_flip="--plant-flip" in arguments)
    try:
        probe.run()
    except BrokenPipeError:
        return 1
    except Exception as error:  # whatever CuPy raises: told, and put into words elsewhere
        tell("error", step=probe.step, type=_name(error), text=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
