"""What a LoadGen run reported, and our judgement of it. The contract's JSON is `to_json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PERFORMANCE, ACCURACY, COMPLIANCE = "performance", "accuracy", "compliance"
FIND_PEAK, SUBMISSION_RUN = "find-peak", "submission-run"
COMPLETE, INCOMPLETE, CORRUPT = "complete", "incomplete", "corrupt"


@dataclass(frozen=True)
class Reason:
    """Why a result does not count, and what to change."""

    code: str
    text: str
    fix: str | None = None
    rerun_with: tuple[str, ...] = ()
    """mlcr's options that make the change; () where it cannot be made by options."""

    def to_json(self) -> dict[str, Any]:
        """The contract's object."""
        return {
            "code": self.code,
            "text": self.text,
            "fix": self.fix,
            "rerun_with": list(self.rerun_with) or None,
        }


@dataclass(frozen=True)
class Notice:
    """Something the log tells that matters for trusting the number, and is no reason."""

    code: str
    text: str


@dataclass(frozen=True)
class Check:
    """One thing looked at; `ok` is None where it cannot be told."""

    id: str
    ok: bool | None
    detail: str


@dataclass(frozen=True)
class Metric:
    """MLCommons' number for the scenario."""

    name: str
    value: float
    unit: str
    better: str


@dataclass(frozen=True)
class Inferred:
    """The number of another scenario, which MLCommons lets edge systems infer from this one."""

    scenario: str
    metric: Metric


@dataclass(frozen=True)
class AccuracyValue:
    """One number of accuracy.txt, with the least and the most that count."""

    name: str
    value: float | None
    """None: accuracy.txt does not hold it."""
    target: float | None = None
    limit: float | None = None

    @property
    def ok(self) -> bool | None:
        """Within its window; None where there is no window, or no number."""
        if self.value is None or (self.target is None and self.limit is None):
            return None
        least = self.target is None or self.value >= self.target
        return least and (self.limit is None or self.value <= self.limit)


@dataclass(frozen=True)
class Accuracy:
    """What an accuracy run reached, in the units of its accuracy.txt."""

    values: tuple[AccuracyValue, ...]
    """The one that decides first."""
    has_hash: bool = False
    """accuracy.txt holds the hash of the truncated log, as a submission needs it."""

    @property
    def ok(self) -> bool | None:
        """Every number within its window; None where one is missing or none has a window."""
        states = [one.ok for one in self.values if one.target is not None or one.limit is not None]
        if False in states:
            return False
        return None if None in states or not states else True

    def to_json(self) -> dict[str, Any]:
        """The contract's object: the number that decides, and all of them."""
        first = self.values[0]
        return {
            "metric": first.name,
            "value": first.value,
            "target": first.target,
            "ok": self.ok,
            "metrics": [{**vars(one), "ok": one.ok} for one in self.values],
        }


@dataclass(frozen=True)
class Power:
    """Electrical power over the measured window."""

    value: float
    unit: str
    """W, or mJ/query."""
    source: str
    """wall (of the whole system, by a power analyzer) or board (of the GPUs, by NVML)."""
    watts: float
    """The mean, whatever the unit of `value`."""
    inferred_multi_stream: float | None = None
    """mJ/query of a MultiStream result inferred from this SingleStream one."""


@dataclass(frozen=True)
class Accelerator:
    """What the system's description says of its accelerators."""

    name: str
    count: int | None


@dataclass(frozen=True)
class Official:
    """Would it pass as a closed-division run?"""

    checks: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool | None:
        """False with one check that failed; None while one cannot be told."""
        states = {one.ok for one in self.checks}
        if False in states:
            return False
        return None if None in states or not states else True


@dataclass(frozen=True)
class Result:
    """One LoadGen run. Times in ns where the name ends so; unknown is None."""

    path: str
    kind: str
    """performance, accuracy, compliance, find-peak, submission-run."""
    scenario: str | None
    mode: str | None
    """LoadGen's word: PerformanceOnly, AccuracyOnly, SubmissionRun, FindPeakPerformance."""
    status: str
    """complete, incomplete, corrupt."""
    source: str = "detail"
    """What was read: detail, summary (the detail log is missing), endpoints, verification."""
    benchmark: str | None = None
    round: str | None = None
    loadgen_version: str | None = None
    system: str | None = None
    accelerator: Accelerator | None = None
    loadgen_verdict: str | None = None
    """What LoadGen itself printed: VALID, INVALID."""
    verdict: str = "INCOMPLETE"
    """Ours: VALID, INVALID, ERRORS, INCOMPLETE."""
    reasons: tuple[Reason, ...] = ()
    notices: tuple[Notice, ...] = ()
    official: Official = Official()
    metric: Metric | None = None
    inferred: tuple[Inferred, ...] = ()
    latency_ns: Mapping[str, int | None] | None = None
    """min, mean, max, p50, p90, p95, p97, p99, p99.9; of queries in MultiStream, else samples."""
    latency_limit_ns: int | None = None
    """The most that the 99th percentile may be; None where the scenario has no limit."""
    ttft_ns: Mapping[str, int | None] | None = None
    ttft_limit_ns: int | None = None
    tpot_ns: Mapping[str, int | None] | None = None
    tpot_limit_ns: int | None = None
    accuracy: Accuracy | None = None
    has_accuracy_file: bool = False
    """An accuracy.txt lies beside the log, understood or not; not part of the JSON."""
    power: Power | None = None
    samples: int | None = None
    queries: int | None = None
    duration_s: float | None = None
    errors: int | None = None
    warnings: int | None = None
    telemetry: Mapping[str, Any] | None = None
    host_checks: tuple[Check, ...] = ()
    """Can LoadGen, clock and scheduler of this host be trusted? Only where the run recorded it."""
    log_values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The values that `verdict` and `official` need; not part of the JSON."""
    error_messages: tuple[str, ...] = ()
    """The first of LoadGen's errors; not part of the JSON."""
    warning_messages: tuple[str, ...] = ()
    """The first of its warnings, each once; not part of the JSON."""

    def but(self, **changes: Any) -> Result:
        """The same with some fields changed.

        `dataclasses.replace` takes 40 us for so many fields, and each log needs it often.
        """
        made = object.__new__(Result)
        made.__dict__.update(self.__dict__, **changes)
        return made

    def to_json(self) -> dict[str, Any]:
        """The contract's object."""
        return {
            **{name: getattr(self, name) for name in _PLAIN_FIRST},
            "accelerator": vars(self.accelerator) if self.accelerator else None,
            "loadgen_verdict": self.loadgen_verdict,
            "verdict": self.verdict,
            "reasons": [one.to_json() for one in self.reasons],
            "notices": [vars(one) for one in self.notices],
            "official": {
                "ok": self.official.ok,
                "checks": [vars(one) for one in self.official.checks],
            },
            "metric": vars(self.metric) if self.metric else None,
            "inferred": [
                {"scenario": one.scenario, "metric": vars(one.metric)} for one in self.inferred
            ],
            **{name: getattr(self, name) for name in _PLAIN_LATENCIES},
            "accuracy": self.accuracy.to_json() if self.accuracy else None,
            "power": vars(self.power) if self.power else None,
            **{name: getattr(self, name) for name in _PLAIN_LAST},
            "host_checks": [vars(one) for one in self.host_checks],
        }


_PLAIN_FIRST = (
    "path", "kind", "source", "benchmark", "scenario", "mode", "round", "loadgen_version",
    "system", "status",
)  # fmt: skip
_PLAIN_LATENCIES = (
    "latency_ns", "latency_limit_ns", "ttft_ns", "ttft_limit_ns", "tpot_ns", "tpot_limit_ns",
)  # fmt: skip
_PLAIN_LAST = ("samples", "queries", "duration_s", "errors", "warnings", "telemetry")
