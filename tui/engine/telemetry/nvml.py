"""GPU readings by NVML: the only module that imports pynvml. No CUDA context is ever made.

What is asked how often, and what a call costs, was measured on an H100 (docs/telemetry.md). The
calls for PCIe throughput are never made: each blocks for 21 ms.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from time import monotonic, time_ns
from typing import Any

from tui.engine.home import utc_now
from tui.engine.process import run_of
from tui.engine.telemetry.gpus import (
    GpuDevice,
    GpuHealth,
    GpuProcess,
    GpuSnapshot,
    MigInstance,
)
from tui.engine.telemetry.reading import NO_DRIVER, Reading, SourceUnavailable

LIBRARY = "libnvidia-ml.so.1"
POWER_INSTANT = 186
"""Field id; follows within 100 ms, where nvmlDeviceGetPowerUsage is a mean over a second."""
MEMORY_TEMPERATURE = 82
POWER_THROTTLED, THERMAL_THROTTLED = 74, 75
"""Field ids: ns so far at clocks lowered by the power limit, by heat."""
MEMBERS = {0: "dVal", 1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal", 6: "usVal"}
"""nvmlValueType -> member of nvmlValue_t (nvml.h)."""
LOAD_S = 0.15
"""Utilization is measured over 200 ms: to ask every other time, at 10 Hz, misses nothing."""
USAGE_US = 1_000_000
STAMPED_US = 10**15
"""A stamp below that is no time of our days, and is not compared."""
"""Processes' shares are measured about five times a second."""
VIRTUALIZATION = {0: "none", 1: "passthrough", 2: "vgpu", 3: "host-vgpu", 4: "host-vsga"}
COMPUTE_MODES = {0: "default", 1: "exclusive-thread", 2: "prohibited", 3: "exclusive-process"}
"""nvmlComputeMode_t (nvml.h)."""
SENTENCES = {
    "NVMLError_LibraryNotFound": NO_DRIVER,
    "NVMLError_DriverNotLoaded": "the NVIDIA driver is not loaded",
    "NVMLError_LibRmVersionMismatch": (
        "the NVIDIA driver and its library have different versions: reboot after a driver update"
    ),
    "NVMLError_NoPermission": "no permission to talk to the NVIDIA driver",
    "NVMLError_GpuIsLost": "the GPU has fallen off the bus",
}
NEVER = ("NVMLError_NotSupported", "NVMLError_FunctionNotFound", "NVMLError_InvalidArgument")
"""A card or driver that says so once will say so for ever."""
LOST = ("NVMLError_GpuIsLost", "NVMLError_ResetRequired")
GONE = (
    "NVMLError_Uninitialized",
    "NVMLError_DriverNotLoaded",
    "NVMLError_LibRmVersionMismatch",
)
"""Not the card fails but the driver: everything begins anew."""


_LOST_SINCE: dict[int, str] = {}
"""Index -> when it was first found lost (UTC). Outlives a source: only a new one can tell whether
the card is back."""


class _LostError(Exception):
    """The card in question has fallen off the bus."""


@dataclass
class _Card:
    """One GPU: its handle, what it is, what it cannot tell, what was last read slowly."""

    index: int
    handle: Any
    about: GpuDevice
    silent: set[Any] = field(default_factory=set)
    """What it was asked in vain: not asked again."""
    slow: dict[str, Any] = field(default_factory=dict)
    seldom: dict[str, Any] = field(default_factory=dict)
    is_split: bool = False
    processes: tuple[GpuProcess, ...] | None = None
    mig: tuple[MigInstance, ...] | None = None
    usage_since: int = 0
    load: Any = None
    load_at_s: float = 0.0
    is_lost: bool = False
    closed: str | None = None
    """Why it cannot be read, for as long as this source lasts."""

    def lose(self) -> None:
        """Nothing more can be read of it."""
        self.is_lost = True
        _LOST_SINCE.setdefault(self.index, utc_now())


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
        except pynvml.NVMLError as error:
            raise SourceUnavailable(sentence(error)) from error
        try:
            self._cards = self._all_cards()
        except SourceUnavailable:
            self.close()  # inits are counted: the next one would not look anew
            raise
        cuda = self._of_system(pynvml.nvmlSystemGetCudaDriverVersion_v2)
        self._cuda = f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda is not None else None
        driver = self._of_system(pynvml.nvmlSystemGetDriverVersion)
        self._driver = _plain(driver) if driver is not None else None

    def _all_cards(self) -> list[_Card]:
        try:
            count = self._nvml.nvmlDeviceGetCount()
        except self._nvml.NVMLError as error:
            raise SourceUnavailable(sentence(error)) from error
        if not count:
            raise SourceUnavailable("the NVIDIA driver finds no GPU")
        cards = [self._card(n) for n in range(count)]
        closed = [card.closed for card in cards if card.closed is not None]
        if len(closed) == len(cards):
            raise SourceUnavailable(closed[0])
        return cards

    def close(self) -> None:
        """Let go of the driver."""
        try:
            self._nvml.nvmlShutdown()
        except self._nvml.NVMLError:
            return  # it has gone by itself

    @property
    def is_any_lost(self) -> bool:
        """A card has fallen off the bus; only a new source can tell whether it is back."""
        return any(card.is_lost for card in self._cards)

    def sample(
        self, *, slow: bool = True, counters: bool = True, usage: bool = False
    ) -> GpuSnapshot:
        """All GPUs now.

        Args:
            slow: also memory, temperatures, processes, limits, instances; else those last read.
            counters: also energy, throttled time, ECC, remapped rows, replays, else None; and
                whether the PCIe link or the splitting has changed.
            usage: also each process's share of the GPU's time (3 ms a card).

        Raises:
            SourceUnavailable: the driver answers no more.
        """
        devices = tuple(self._device(card, slow, counters, usage) for card in self._cards)
        return GpuSnapshot(self._driver, self._cuda, devices)

    def health(self, index: int) -> GpuHealth:
        """What tells of one GPU's health beside its readings: asked a few times, never polled."""
        nvml, card = self._nvml, self._cards[index]
        if card.is_lost or card.closed is not None:
            return GpuHealth()
        try:
            rows = self._ask(card, nvml.nvmlDeviceGetRemappedRows)
            ecc = self._ask(card, nvml.nvmlDeviceGetEccMode)
            mode = self._ask(card, nvml.nvmlDeviceGetComputeMode)
            stays = self._ask(card, nvml.nvmlDeviceGetPersistenceMode)
            return GpuHealth(
                rows_pending=bool(rows[2]) if rows is not None else None,
                rows_failed=bool(rows[3]) if rows is not None else None,
                link_gen_max=self._ask(card, nvml.nvmlDeviceGetMaxPcieLinkGeneration),
                link_width_max=self._ask(card, nvml.nvmlDeviceGetMaxPcieLinkWidth),
                compute_mode=COMPUTE_MODES.get(mode),
                ecc=bool(ecc[0]) if ecc is not None else None,
                ecc_pending=bool(ecc[1]) if ecc is not None else None,
                persistence=bool(stays) if stays is not None else None,
            )
        except _LostError:
            card.lose()
            return GpuHealth()

    # --- one card -----------------------------------------------------------------------------

    def _card(self, index: int) -> _Card:
        nvml = self._nvml
        about = GpuDevice(index, None, None, None, None, Reading(f"gpu{index}"), None)
        card = _Card(index, None, about)
        try:
            card.handle = nvml.nvmlDeviceGetHandleByIndex(index)
            pci = self._ask(card, nvml.nvmlDeviceGetPciInfo)
            mode = self._ask(card, nvml.nvmlDeviceGetVirtualizationMode)
            card.about = replace(
                about,
                uuid=self._text(card, nvml.nvmlDeviceGetUUID),
                name=self._text(card, nvml.nvmlDeviceGetName),
                pci_bus_id=_plain(pci.busId) if pci is not None else None,
                virtualization=VIRTUALIZATION.get(mode),
            )
        except _LostError:
            card.lose()
        except nvml.NVMLError as error:
            name = type(error).__name__
            if name in GONE:
                raise SourceUnavailable(sentence(error)) from error
            if name in LOST:
                card.lose()
            else:  # this one alone: a cgroup may keep it from us
                card.closed = sentence(error)
        return card

    def _device(self, card: _Card, slow: bool, counters: bool, usage: bool) -> GpuDevice:
        if card.closed is not None:
            return replace(card.about, closed=card.closed)
        if not card.is_lost:
            try:
                if counters or not card.seldom:
                    self._read_seldom(card)
                if slow or not card.slow:
                    self._read_slow(card, usage)
                reading = self._reading(card, counters)
            except _LostError:
                card.lose()
            else:
                _LOST_SINCE.pop(card.index, None)
                about = card.about  # not `replace`, which costs as much as two calls of NVML
                return GpuDevice(
                    about.index,
                    about.uuid,
                    about.name,
                    about.pci_bus_id,
                    about.virtualization,
                    reading,
                    card.processes,
                    card.mig,
                )
        return replace(card.about, lost=True, lost_since=_LOST_SINCE.get(card.index))

    def _reading(self, card: _Card, counters: bool) -> Reading:
        nvml = self._nvml
        now = monotonic()
        if now - card.load_at_s > LOAD_S:
            card.load_at_s = now
            card.load = self._ask(card, nvml.nvmlDeviceGetUtilizationRates)
        load = card.load
        return Reading(
            card.about.reading.device,
            utilization_pct=load.gpu if load is not None else None,
            memory_utilization_pct=load.memory if load is not None else None,
            power_w=self._power_w(card),
            sm_clock_mhz=self._ask(card, nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
            throttle_bits=self._reasons(card),
            **card.slow,
            **(self._counters(card) if counters else {}),
        )

    def _read_slow(self, card: _Card, usage: bool) -> None:
        nvml = self._nvml
        limit = self._ask(card, nvml.nvmlDeviceGetEnforcedPowerLimit)
        # v1 counts what the driver keeps for itself as used
        memory = self._ask(card, nvml.nvmlDeviceGetMemoryInfo, nvml.nvmlMemory_v2)
        told = self._fields(card, MEMORY_TEMPERATURE)
        card.slow = {
            "memory_used_bytes": memory.used if memory is not None else None,
            "memory_total_bytes": memory.total if memory is not None else None,
            "temperature_c": self._temperature_c(card),
            "memory_temperature_c": told.get(MEMORY_TEMPERATURE),
            "memory_clock_mhz": self._ask(card, nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_MEM),
            "power_limit_w": limit / 1000 if limit is not None else None,
            **card.seldom,
        }
        card.mig = tuple(self._instances(card)) if card.is_split else None
        running = self._ask(card, nvml.nvmlDeviceGetComputeRunningProcesses)
        shares = self._usage(card) if usage and running else {}
        card.processes = (
            tuple(_process(one, shares.get(one.pid), card.mig is not None) for one in running)
            if running is not None
            else None
        )

    def _read_seldom(self, card: _Card) -> None:
        nvml = self._nvml
        card.seldom = {
            "pcie_gen": self._ask(card, nvml.nvmlDeviceGetCurrPcieLinkGeneration),
            "pcie_width": self._ask(card, nvml.nvmlDeviceGetCurrPcieLinkWidth),
        }
        mode = self._ask(card, nvml.nvmlDeviceGetMigMode)
        card.is_split = mode is not None and bool(mode[0])

    def _counters(self, card: _Card) -> dict[str, Any]:
        nvml = self._nvml
        energy = self._ask(card, nvml.nvmlDeviceGetTotalEnergyConsumption)
        told = self._fields(card, POWER_THROTTLED, THERMAL_THROTTLED)
        rows = self._ask(card, nvml.nvmlDeviceGetRemappedRows)
        ecc = [
            self._ask(card, nvml.nvmlDeviceGetTotalEccErrors, kind, nvml.NVML_VOLATILE_ECC)
            for kind in (
                nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED,
                nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            )
        ]
        return {
            "energy_j": energy / 1000 if energy is not None else None,
            "power_throttled_s": _seconds(told.get(POWER_THROTTLED)),
            "thermal_throttled_s": _seconds(told.get(THERMAL_THROTTLED)),
            "ecc_corrected": ecc[0],
            "ecc_uncorrected": ecc[1],
            "remapped_rows": rows[0] + rows[1] if rows is not None else None,
            "pcie_replays": self._ask(card, nvml.nvmlDeviceGetPcieReplayCounter),
        }

    def _instances(self, card: _Card) -> list[MigInstance]:
        nvml = self._nvml
        found = []
        for place in range(self._ask(card, nvml.nvmlDeviceGetMaxMigDeviceCount) or 0):
            try:
                handle = nvml.nvmlDeviceGetMigDeviceHandleByIndex(card.handle, place)
            except nvml.NVMLError:
                continue  # a place without an instance
            part = _Card(place, handle, card.about)
            memory = self._ask(part, nvml.nvmlDeviceGetMemoryInfo, nvml.nvmlMemory_v2)
            found.append(
                MigInstance(
                    index=place,
                    uuid=self._text(part, nvml.nvmlDeviceGetUUID),
                    name=self._text(part, nvml.nvmlDeviceGetName),
                    instance=self._ask(part, nvml.nvmlDeviceGetGpuInstanceId),
                    memory_used_bytes=memory.used if memory is not None else None,
                    memory_total_bytes=memory.total if memory is not None else None,
                )
            )
        return found

    def _usage(self, card: _Card) -> dict[int, float]:
        """Percent by pid, over the last second; NotFound says that nothing new was measured."""
        samples = self._ask(card, self._nvml.nvmlDeviceGetProcessUtilization, card.usage_since)
        latest: dict[int, tuple[int, float]] = {}
        for one in samples or ():
            if one.timeStamp >= latest.get(one.pid, (0, 0.0))[0]:
                latest[one.pid] = (one.timeStamp, float(one.smUtil))
        newest = max((at for at, _ in latest.values()), default=0)
        card.usage_since = max(card.usage_since, newest - USAGE_US)
        new = time_ns() // 1000 - 3 * USAGE_US  # stamps are of the wall clock
        return {pid: share for pid, (at, share) in latest.items() if at >= new or at < STAMPED_US}

    def _reasons(self, card: _Card) -> int | None:
        newer = self._ask(card, self._nvml.nvmlDeviceGetCurrentClocksEventReasons)
        if newer is not None:
            return int(newer)
        older = self._ask(card, self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons)  # before 535
        return int(older) if older is not None else None

    def _power_w(self, card: _Card) -> float | None:
        told = self._fields(card, POWER_INSTANT)
        if told:
            return told[POWER_INSTANT] / 1000
        usage = self._ask(card, self._nvml.nvmlDeviceGetPowerUsage)
        return usage / 1000 if usage is not None else None

    def _temperature_c(self, card: _Card) -> float | None:
        sensor = self._nvml.NVML_TEMPERATURE_GPU
        newer = self._ask(card, self._nvml.nvmlDeviceGetTemperatureV, sensor)
        if newer is not None:
            return float(newer)
        older = self._ask(card, self._nvml.nvmlDeviceGetTemperature, sensor)
        return float(older) if older is not None else None

    # --- asking -------------------------------------------------------------------------------

    def _ask(self, card: _Card, call: Callable[..., Any], *arguments: Any) -> Any:
        """One NVML call; None where this card or driver does not tell.

        Raises:
            _LostError: the card has fallen off the bus.
            SourceUnavailable: the driver is gone.
        """
        what = (call, *arguments) if arguments else call
        if what in card.silent:
            return None
        try:
            return call(card.handle, *arguments)
        except self._nvml.NVMLError as error:
            self._take(error, card, what)
            return None

    def _take(self, error: Exception, card: _Card, what: Any) -> None:
        name = type(error).__name__
        if name in LOST:
            raise _LostError from error
        if name in GONE:
            raise SourceUnavailable(sentence(error)) from error
        if name in NEVER:
            card.silent.add(what)

    def _fields(self, card: _Card, *ids: int) -> dict[int, float]:
        """Values by field id. The call succeeds as a whole; each field fails for itself."""
        asked = [one for one in ids if one not in card.silent] if card.silent else list(ids)
        if not asked:
            return {}
        found = {}
        for number, one in zip(asked, self._ask_fields(card, asked)):
            code = one.nvmlReturn
            if code == 0:
                found[number] = getattr(one.value, MEMBERS.get(one.valueType, "ullVal"))
            elif code in (2, 3, 13):  # as NEVER
                card.silent.add(number)
        return found

    def _ask_fields(self, card: _Card, ids: list[int]) -> Any:
        call = self._nvml.nvmlDeviceGetFieldValues
        if call in card.silent:
            return ()
        try:
            return call(card.handle, ids)
        except self._nvml.NVMLError as error:
            self._take(error, card, call)
            return ()

    def _text(self, card: _Card, call: Callable[..., Any]) -> str | None:
        value = self._ask(card, call)
        return _plain(value) if value is not None else None

    def _of_system(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except self._nvml.NVMLError:
            return None


def sentence(error: Exception) -> str:
    """An NVML error in words."""
    name = type(error).__name__
    return SENTENCES.get(name, f"the NVIDIA driver does not answer: {error}")


def _plain(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _seconds(nanoseconds: float | None) -> float | None:
    return nanoseconds / 1e9 if nanoseconds is not None else None


def _process(found: Any, share: float | None, split: bool) -> GpuProcess:
    user, command, ours = _who(found.pid)
    instance = found.gpuInstanceId if split and found.gpuInstanceId < 0xFFFFFFFF else None
    return GpuProcess(found.pid, user, command, found.usedGpuMemory, ours, share, instance)


def _who(pid: int) -> tuple[str | None, str | None, bool]:
    """User, command and whether it is of a run of ours; asked once in its life."""
    import psutil

    try:
        return _who_since(pid, psutil.Process(pid).create_time())
    except (psutil.Error, OSError):
        return None, None, False  # it has ended, or belongs to another pid namespace


@lru_cache(maxsize=256)
def _who_since(pid: int, created: float) -> tuple[str | None, str | None, bool]:
    import psutil

    user = command = None
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline()) or process.name()
        user = process.username()
    except (psutil.Error, KeyError, OSError):
        user = None  # of another user namespace
    return user, command, run_of(pid) is not None
