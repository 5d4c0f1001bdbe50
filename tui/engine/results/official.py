"""Would it pass as a closed-division run? Each rule of the round, looked at one by one.

The rules are data (`profiles/rounds`, `profiles/benchmarks`); what is compared with them follows
MLCommons' submission checker (`performance_check.py`, `accuracy_check.py`, `compliance_check.py`,
v6.1). A check is None where the log, the files beside it or the catalogue do not tell: never a
guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.engine.results import description, invalid, text
from tui.engine.results.model import Check, Official, Result
from tui.engine.results.rulebook import SEEDS, Case
from tui.engine.rules import Rules

INFERABLE = {
    ("SingleStream", "MultiStream"),
    ("SingleStream", "Offline"),
    ("MultiStream", "Offline"),
}
"""From which scenario which other one may be inferred, by edge systems alone."""
EXEMPT = "built with uncommitted changes"
"""LoadGen's error that the checker lets pass."""
EXEMPT_IN_COMPLIANCE = "Multiple conf files are used"
"""One more that it lets pass in compliance runs."""


@dataclass(frozen=True)
class Beside:
    """What lies beside a performance run, for the rules that need it. None: nothing found."""

    is_submission: bool = False
    """It lies in a submission: then what is not beside it is missing, not unknown."""
    accuracy: Result | None = None
    compliance: Mapping[str, list[Check]] = field(default_factory=dict)
    """The checks of every test found, by its name."""
    system: Mapping[str, Any] | None = None
    measurements: Mapping[str, Any] | None = None
    scenario: str | None = None
    """The scenario that the folder is named for."""


def check(result: Result, case: Case, beside: Beside) -> Official:
    """Every check of a performance or accuracy run; of others, that they are none."""
    benchmark = case.benchmark
    if benchmark is not None and not benchmark.official:
        return Official(
            (Check("benchmark", False, f"{benchmark.name} is not an MLPerf benchmark"),)
        )
    if result.kind not in ("performance", "accuracy", "submission-run"):
        return Official(
            (Check("kind", False, f"a {result.kind} run is not submitted as a result"),)
        )
    checks = [*_of_any(result, case)]
    if result.kind == "accuracy":
        checks += _of_accuracy(result, case)
    else:
        checks += _of_performance(result, case)
        checks += _of_beside(result, case, beside)
    return Official(tuple(checks))


def critical_errors(result: Result) -> int:
    """LoadGen's errors without those that the checker lets pass."""
    exempt = [EXEMPT, *([EXEMPT_IN_COMPLIANCE] if result.kind == "compliance" else [])]
    passed = sum(any(one in said for one in exempt) for said in result.error_messages)
    return max(0, (result.errors or 0) - passed)


def _of_any(result: Result, case: Case) -> Iterator[Check]:
    errors = critical_errors(result)
    if result.kind == "accuracy":
        ended, words = result.status == "complete", "the run ended" if not errors else ""
    elif result.source == "endpoints":  # which does not judge itself
        reasons = invalid.endpoints_reasons(result) or invalid.endpoints_unknown(result)
        ended, words = not reasons, "; ".join(one.code for one in reasons) or "limits were kept"
        if [one.code for one in reasons] == ["limits-unknown"] and not errors:
            ended, words = None, reasons[0].text
    else:
        ended, words = result.loadgen_verdict == "VALID", f"LoadGen: {result.loadgen_verdict}"
    said = words if not errors else f"{errors} LoadGen error(s)"
    is_met = ended if ended is None else bool(ended and not errors and result.status == "complete")
    yield Check("valid", is_met, said)
    yield _seeds(result.log_values, case)
    yield _version(result, case)
    yield _listed(result, case)


def _seeds(values: Mapping[str, Any], case: Case) -> Check:
    names = SEEDS[1:] if values.get("is_endpoints") else SEEDS  # there is no QSL there
    found = {name: values.get(f"effective_{name}") for name in names}
    if None in found.values():
        return Check("seeds", None, "the log does not tell them")
    if case.round is None:
        zero = all(value == 0 for value in found.values())
        words = "they are 0: no mlperf.conf was read" if zero else "of no round known here"
        return Check("seeds", False, words)
    wrong = [name for name in names if found[name] != case.round.seeds[name]]
    if wrong:
        return Check("seeds", False, f"of {case.round.name}, but {', '.join(wrong)} differs")
    return Check("seeds", True, f"of {case.round.name}")


def _version(result: Result, case: Case) -> Check:
    version = result.loadgen_version
    if version is None or case.round is None or not case.round.loadgen_versions:
        return Check("loadgen-version", None, version or "the log does not tell")
    known = case.round.loadgen_versions
    if version.startswith(known):
        return Check("loadgen-version", True, version)
    own, least = _major(version), min(_major(one) for one in known)
    words = f"{version}; {case.round.name} has {' and '.join(known)}"
    return Check("loadgen-version", False if own < least else None, words)


def _major(version: str) -> int:
    digits = version.partition(".")[0]
    return int(digits) if digits.isdecimal() else 0


def _listed(result: Result, case: Case) -> Check:
    """The round has this benchmark, and this scenario of it."""
    if case.benchmark_name is None:
        if len(case.twin_names) > 1:
            words = f"{' or '.join(case.twin_names)}: only its folder's name could tell"
            return Check("benchmark", None, words)
        return Check("benchmark", None, "neither its place nor the log tells which one it is")
    if case.benchmark is None:
        return Check("benchmark", False, f"{case.benchmark_name} is no benchmark known here")
    if case.round is None or not case.round.rules:
        return Check("benchmark", None, f"{case.benchmark.name}, of no round whose rules are known")
    rules = case.round.rules.get(case.benchmark.name)
    if rules is None:
        return Check("benchmark", False, f"{case.round.name} does not list {case.benchmark.name}")
    listed = {str(one) for kind in ("datacenter", "edge") for one in rules.scenarios_of(kind)}
    if case.scenario and case.scenario not in listed:
        words = f"{case.round.name} has {case.benchmark.name} without {case.scenario}"
        return Check("benchmark", False, words)
    return Check("benchmark", True, f"{case.benchmark.name} {case.scenario or ''}".strip())


def _of_performance(result: Result, case: Case) -> Iterator[Check]:
    values, rules = result.log_values, case.rules
    yield _min_duration(values, case)
    if result.source != "endpoints":  # the checker does not ask it of Endpoints
        yield _counts(result, case)
        least = _common(case, lambda one: one.samples.get("performance"))
        yield _at_least(
            "performance-sample-count", values.get("effective_performance_sample_count"), least
        )
        if _common(case, lambda one: one.token_latencies):
            yield _token_latencies(values)
    yield _equal_issue(values, _common(case, lambda one: one.equal_issue_mode))
    if case.scenario in ("Server", "Interactive"):
        yield _latency(result, rules, case)


def _common(case: Case, what: Any) -> Any:
    """What the rules say, where all that can be meant say the same; else None."""
    found = {what(one) for one in ((case.rules,) if case.rules else case.twins)}
    return found.pop() if len(found) == 1 else None


def _min_duration(values: Mapping[str, Any], case: Case) -> Check:
    if _common(case, lambda one: one.timed) is False:
        return Check("min-duration", True, "one pass over the dataset, however long")
    found = text.number(values.get("effective_min_duration_ms"))
    scenario = "Server" if case.scenario == "Interactive" else case.scenario
    least = case.round.min_duration_ms.get(scenario or "") if case.round else 600_000
    if found is None or least is None:
        return Check("min-duration", None, "the log does not tell")
    words = f"{found / 1000:g} s" + ("" if found >= least else f", needs {least / 1000:g} s")
    return Check("min-duration", found >= least, words)


def _counts(result: Result, case: Case) -> Check:
    """Offline: samples of the one query. Else early stopping decides, since v2.0."""
    values = result.log_values
    if case.scenario == "Offline":
        least = _common(case, lambda one: one.samples.get("offline_least"))
        return _at_least("sample-count", values.get("effective_samples_per_query"), least)
    met = values.get("early_stopping_met")
    count = f"{result.queries:,} queries".replace(",", " ") if result.queries is not None else ""
    if not isinstance(met, bool):
        return Check("query-count", None, count or "the log does not tell")
    words = "enough for early stopping" if met else "too few for early stopping"
    return Check("query-count", met, f"{count} {words}".strip())


def _at_least(name: str, found: Any, least: Any) -> Check:
    have = text.number(found)
    if have is None or least is None:
        words = (
            "the log does not tell"
            if have is None
            else f"{_grouped(have)}; the rule is not known here"
        )
        return Check(name, None, words)
    words = _grouped(have) + ("" if have >= least else f", needs {_grouped(least)}")
    return Check(name, have >= least, words)


def _grouped(count: float) -> str:
    return f"{count:,.0f}".replace(",", " ")


def _equal_issue(values: Mapping[str, Any], needed: bool | None) -> Check:
    found = values.get("effective_sample_concatenate_permutation")
    if needed is None:
        return Check("equal-issue", None, "the rule is not known here")
    if not needed:
        return Check("equal-issue", True, "not asked for")
    if not isinstance(found, bool):
        return Check("equal-issue", None, "this LoadGen does not log it")
    words = "every sample is issued equally often" if found else (
        "sample_concatenate_permutation is off: samples are not issued equally often"
    )  # fmt: skip
    return Check("equal-issue", found, words)


def _token_latencies(values: Mapping[str, Any]) -> Check:
    """LLM runs are judged by TTFT and TPOT (llm_check of the submission checker)."""
    found = values.get("requested_use_token_latencies")
    if not isinstance(found, bool):
        return Check("token-latencies", None, "the log does not tell")
    words = "timed by LoadGen" if found else "use_token_latencies is off: TTFT and TPOT not timed"
    return Check("token-latencies", found, words)


def _latency(result: Result, rules: Rules | None, case: Case) -> Check:
    limits = _common(case, lambda one: tuple(one.latency_limits_ms.get(case.scenario, {}).items()))
    if not limits:
        return Check("latency-limits", None, "the rule is not known here")
    found = {
        "p99": (result.latency_limit_ns, result.latency_ns),
        "ttft": (result.ttft_limit_ns, result.ttft_ns),
        "tpot": (result.tpot_limit_ns, result.tpot_ns),
    }
    is_stopped_early = isinstance(result.log_values.get("early_stopping_met"), bool)
    words: list[str] = []
    states: list[bool | None] = []
    for name, limit in limits:
        asked, spread = found[name]
        tail = (spread or {}).get("p99")
        label = name.upper() if name != "p99" else "latency"
        if tail is None or asked is None:
            states.append(None)
            words.append(f"{label} not logged")
            continue
        if name != "p99":  # what was asked for decides LoadGen's own verdict alone
            within = tail < limit * 1e6
        elif is_stopped_early:  # against the limit asked for
            within = asked <= limit * 1e6
        else:
            within = tail <= limit * 1e6 and asked <= limit * 1e6
        states.append(within)
        words.append(f"p99 {label} {tail / 1e6:g} ms, limit {limit:g} ms")
        if asked > limit * 1e6:
            words.append(f"but {asked / 1e6:g} ms were asked for")
    if result.log_values.get("early_stopping_met") is False:
        states.append(False)
    ok = False if False in states else None if None in states else True
    return Check("latency-limits", ok, "; ".join(words))


def _of_accuracy(result: Result, case: Case) -> Iterator[Check]:
    yield _accuracy("accuracy", result)
    yield _full_set(result, case)
    if result.accuracy is not None and result.source != "endpoints":  # which writes no hash
        words = "accuracy.txt holds the hash of the log"
        if not result.accuracy.has_hash:
            words = "accuracy.txt has no hash= line: the log was not truncated for submission"
        yield Check("accuracy-hash", result.accuracy.has_hash, words)


def _accuracy(name: str, result: Result) -> Check:
    found = result.accuracy
    if found is None:
        return Check(name, None, "no accuracy.txt that is understood")
    first = found.values[0]
    if first.value is None:
        return Check(name, None, f"{first.name} is not in accuracy.txt")
    words = f"{first.name} {first.value:g}"
    if first.target is not None:
        words += f", at least {first.target:g}"
    if first.limit is not None:
        words += f", at most {first.limit:g}"
    if len(found.values) > 1:
        words += f" (and {len(found.values) - 1} more)"
    return Check(name, found.ok, words)


def _full_set(result: Result, case: Case) -> Check:
    values = result.log_values
    asked = values.get("effective_accuracy_sample_count", values.get("qsl_reported_total_count"))
    found = text.whole(asked)
    whole = _common(case, lambda one: one.full_set(case.scenario or ""))
    if found is None or whole is None:
        words = "the log does not tell" if found is None else f"{found}; the rule is not known here"
        return Check("accuracy-set", None, words)
    words = f"{found} samples" + ("" if found == whole else f", the full set has {whole}")
    return Check("accuracy-set", found == whole, words)


def _of_beside(result: Result, case: Case, beside: Beside) -> Iterator[Check]:
    absent = False if beside.is_submission else None
    if beside.scenario is not None and case.scenario != beside.scenario:
        yield _inferred(case.scenario, beside)
    if beside.accuracy is None:
        yield Check("accuracy", absent, "no accuracy run beside it")
    else:
        if beside.accuracy.status != "complete":
            yield Check("accuracy", False, "the accuracy run beside it did not end")
        yield from _of_accuracy(beside.accuracy, case)
    yield _compliance(case, beside)
    for name, found, names in (
        ("system-description", beside.system, _system_fields(case)),
        ("measurements", beside.measurements, description.MEASUREMENTS),
    ):
        if found is None:
            yield Check(name, absent, "not found beside the run")
            continue
        lacking = description.missing(found, names)
        yield Check(name, not lacking, f"lacks {', '.join(lacking)}" if lacking else "complete")


def _system_fields(case: Case) -> tuple[str, ...]:
    return (*description.REQUIRED, *(case.round.system_fields if case.round else ()))


def _inferred(scenario: str | None, beside: Beside) -> Check:
    words = f"the folder is for {beside.scenario}, the run is {scenario}"
    if (scenario, beside.scenario) not in INFERABLE:
        return Check("inferred", False, words)
    kind = text.word((beside.system or {}).get("system_type"))
    if kind is None:
        return Check("inferred", None, f"{words}: edge systems alone may infer it")
    return Check("inferred", "edge" in kind.lower(), f"{words}; the system is {kind}")


def _compliance(case: Case, beside: Beside) -> Check:
    found = beside.compliance
    needed = _common(case, lambda one: one.compliance_tests)
    if needed is None:
        return Check("compliance", None, "which tests are needed is not known here")
    if not needed:
        return Check("compliance", True, "no test is asked for")
    missing = [one for one in needed if one not in found]
    failed = [one.id for name in needed for one in found.get(name, ()) if one.ok is False]
    unsure = [one for name in needed for one in found.get(name, ()) if one.ok is None]
    if failed or (missing and beside.is_submission):
        words = [f"{', '.join(missing)} missing"] if missing else []
        words += [f"{', '.join(failed)} failed"] if failed else []
        return Check("compliance", False, "; ".join(words))
    if missing:
        return Check("compliance", None, f"{', '.join(missing)} not found beside the run")
    if unsure:
        return Check("compliance", None, "; ".join(f"{one.id}: {one.detail}" for one in unsure))
    return Check("compliance", True, f"{', '.join(needed)} passed")
