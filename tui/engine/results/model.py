"""What a LoadGen run reported, and our judgement of it. The contract's JSON is `to_json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reason:
    """Why a result does not count, and what to change."""

    code: str
    text: str
    fix: str | None = None


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
class Accuracy:
    """What an accuracy run reached, in the unit of its accuracy.txt."""

    metric: str
    value: float
    target: float | None = None
    ok: bool | None = None


@dataclass(frozen=True)
class Official:
    """Would it pass as a closed-division run?"""

    ok: bool | None = None
    checks: tuple[Check, ...] = ()


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
    benchmark: str | None = None
    round: str | None = None
    loadgen_version: str | None = None
    system: str | None = None
    loadgen_verdict: str | None = None
    """What LoadGen itself printed: VALID, INVALID."""
    verdict: str = "INCOMPLETE"
    """Ours: VALID, INVALID, ERRORS, INCOMPLETE."""
    reasons: tuple[Reason, ...] = ()
    official: Official = Official()
    metric: Metric | None = None
    latency_ns: Mapping[str, int | None] | None = None
    """min, mean, max, p50, p90, p95, p97, p99, p99.9; of queries in MultiStream, else samples."""
    ttft_ns: Mapping[str, int | None] | None = None
    tpot_ns: Mapping[str, int | None] | None = None
    accuracy: Accuracy | None = None
    has_accuracy_file: bool = False
    """An accuracy.txt lies beside the log, understood or not; not part of the JSON."""
    power: Mapping[str, Any] | None = None
    samples: int | None = None
    queries: int | None = None
    duration_s: float | None = None
    errors: int | None = None
    warnings: int | None = None
    telemetry: Mapping[str, Any] | None = None
    host_checks: tuple[Check, ...] = ()
    """Can LoadGen, clock and scheduler of this host be trusted? Only where the run recorded it."""
    log_values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The detail log's values that `verdict` needs; not part of the JSON."""

    def to_json(self) -> dict[str, Any]:
        """The contract's object."""
        found = asdict(self)
        del found["log_values"], found["has_accuracy_file"]
        return found
