"""GPU readings by NVML: the only module that imports pynvml. No CUDA context is ever made."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tui.engine.process import run_of
from tui.engine.telemetry.reading import Reading, SourceUnavailable

LIBRARY = "libnvidia-ml.so.1"
POWER_INSTANT = 186
"""Field id; follows within 100 ms, where nvmlDeviceGetPowerUsage is a mean over a second."""
VIRTUALIZATION = {0: "none", 1: "passthrough", 2: "vgpu", 3: "host-vgpu", 4: "host-vsga"}
REASONS = {
    0x1: "idle",
    0x2: "application clocks",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "thermal (software)",
    0x40: "thermal (hardware)",
    0x80: "power brake",
    0x100: "display clocks",
}
"""nvmlClocksEventReason bits (nvml.h)."""
SENTENCES = {
    "NVMLError_LibraryNotFound": "no NVIDIA driver here (libnvidia-ml.so.1 is missing)",
    "NVMLError_DriverNotLoaded": "the NVIDIA driver is not loaded",
    "NVMLError_LibRmVersionMismatch": (
        "the NVIDIA driver and its library have different versions: reboot after a driver update"
    ),
    "NVMLError_NoPermission": "no permission to talk to the NVIDIA driver",
    "NVMLError_GpuIsLost": "the GPU has fallen off the bus",
}


@dataclass(frozen=True)
class GpuProcess:
    """A process that computes on a GPU."""

    pid: int
    user: str | None
    command: str | None
    memory_bytes: int | None
    ours: bool
    """It belongs to one of our runs."""


@dataclass(frozen=True)
class GpuDevice:
    """One GPU, its lasting facts and its state now."""

    index: int
    uuid: str | None
    name: str | None
    pci_bus_id: str | None
    virtualization: str | None
    memory_utilization_pct: float | None
    power_limit_w: float | None
    throttle_reasons: tuple[str, ...] | None
    processes: tuple[GpuProcess, ...] | None
    lost: bool
    """It has fallen off the bus: nothing more can be read."""
    reading: Reading


@dataclass(frozen=True)
class GpuSnapshot:
    """All GPUs of this machine."""

    driver: str | None
    cuda: str | None
    devices: tuple[GpuDevice, ...]


class GpuSource(Protocol):
    """What tells of the GPUs."""

    def snapshot(self) -> GpuSnapshot:
        """All of them, now."""


class NvmlSource:
    """All GPUs of this machine.

    Raises:
        SourceUnavailable: there is no driver, or it does not answer; says why.
    """

    def __init__(self) -> None:
        try:
            ctypes.CDLL(LIBRARY)  # before the bindings, which take some MB
        except OSError:
            raise SourceUnavailable(SENTENCES["NVMLError_LibraryNotFound"]) from None
        import pynvml

        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(count)]
        except pynvml.NVMLError as error:
            raise SourceUnavailable(sentence(error)) from error
        if not self._handles:
            raise SourceUnavailable("the NVIDIA driver finds no GPU")

    def read(self) -> list[Reading]:
        """One reading a GPU; what a card does not tell is None."""
        return [self._reading(n, handle) for n, handle in enumerate(self._handles)]

    def snapshot(self) -> GpuSnapshot:
        """Everything that `gpu` shows."""
        nvml = self._nvml
        cuda = self._ask(nvml.nvmlSystemGetCudaDriverVersion_v2)
        return GpuSnapshot(
            driver=self._text(nvml.nvmlSystemGetDriverVersion),
            cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda is not None else None,
            devices=tuple(self._device(n, handle) for n, handle in enumerate(self._handles)),
        )

    def _reading(self, index: int, handle: Any) -> Reading:
        nvml = self._nvml
        load = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        # v1 counts what the driver keeps for itself as used
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle, nvml.nvmlMemory_v2)
        return Reading(
            f"gpu{index}",
            utilization_pct=load.gpu if load is not None else None,
            memory_used_bytes=memory.used if memory is not None else None,
            memory_total_bytes=memory.total if memory is not None else None,
            power_w=self._power_w(handle),
            temperature_c=self._temperature_c(handle),
            sm_clock_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
            memory_clock_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_MEM),
        )

    def _device(self, index: int, handle: Any) -> GpuDevice:
        nvml = self._nvml
        load = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        limit = self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        bits = self._ask(nvml.nvmlDeviceGetCurrentClocksEventReasons, handle)
        pci = self._ask(nvml.nvmlDeviceGetPciInfo, handle)
        mode = self._ask(nvml.nvmlDeviceGetVirtualizationMode, handle)
        running = self._ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        return GpuDevice(
            index=index,
            uuid=self._text(nvml.nvmlDeviceGetUUID, handle),
            name=self._text(nvml.nvmlDeviceGetName, handle),
            pci_bus_id=_plain(pci.busId) if pci is not None else None,
            virtualization=VIRTUALIZATION.get(mode),
            memory_utilization_pct=load.memory if load is not None else None,
            power_limit_w=limit / 1000 if limit is not None else None,
            throttle_reasons=(
                tuple(name for bit, name in REASONS.items() if bits & bit)
                if bits is not None
                else None
            ),
            processes=tuple(_process(one) for one in running) if running is not None else None,
            lost=self._is_lost(handle),
            reading=self._reading(index, handle),
        )

    def _is_lost(self, handle: Any) -> bool:
        try:
            self._nvml.nvmlDeviceGetUtilizationRates(handle)
        except self._nvml.NVMLError_GpuIsLost:
            return True
        except self._nvml.NVMLError:
            return False  # not told, which is another thing
        return False

    def _power_w(self, handle: Any) -> float | None:
        values = self._ask(self._nvml.nvmlDeviceGetFieldValues, handle, [POWER_INSTANT])
        if values and values[0].nvmlReturn == self._nvml.NVML_SUCCESS:
            return float(values[0].value.uiVal) / 1000
        usage = self._ask(self._nvml.nvmlDeviceGetPowerUsage, handle)
        return usage / 1000 if usage is not None else None

    def _temperature_c(self, handle: Any) -> float | None:
        sensor = self._nvml.NVML_TEMPERATURE_GPU
        newer = self._ask(self._nvml.nvmlDeviceGetTemperatureV, handle, sensor)
        if newer is not None:
            return float(newer)
        older = self._ask(self._nvml.nvmlDeviceGetTemperature, handle, sensor)
        return float(older) if older is not None else None

    def _ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """One NVML call; None where this card or driver does not tell."""
        try:
            return call(*arguments)
        except self._nvml.NVMLError:
            return None

    def _text(self, call: Callable[..., Any], *arguments: Any) -> str | None:
        value = self._ask(call, *arguments)
        return _plain(value) if value is not None else None


def sentence(error: Exception) -> str:
    """An NVML error in words."""
    name = type(error).__name__
    return SENTENCES.get(name, f"the NVIDIA driver does not answer: {error}")


def _plain(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _process(found: Any) -> GpuProcess:
    import psutil

    user = command = None
    try:
        process = psutil.Process(found.pid)
        user, command = process.username(), " ".join(process.cmdline()) or process.name()
    except (psutil.Error, KeyError, OSError):
        command = None  # it has ended, or belongs to another pid namespace
    return GpuProcess(
        found.pid, user, command, found.usedGpuMemory, ours=run_of(found.pid) is not None
    )
