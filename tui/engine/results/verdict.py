"""Our judgement of a result: VALID only without a LoadGen error; else why, and what to change.

What LoadGen's INVALID means, and what to change then, is in `invalid`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tui.engine.results import invalid, loadgen, model, text
from tui.engine.results.model import Notice, Reason, Result
from tui.engine.results.official import critical_errors

MATTERS = (
    (loadgen.AUDIT, "audit-config",
     "LoadGen found an audit.config in its folder and ran the compliance test that it asks for: "
     "never a performance result. Remove the file if no such test was meant."),
    ("PerfClock and system_clock differ", "clock-drift",
     "LoadGen's clock and the system's drift apart by more than 0.1 %: times may be wrong. "
     "In a virtual machine, look at its clock source."),
    ("flag detected Overriding random seeds", "other-seeds",
     "A compliance test replaced the seeds."),
)  # fmt: skip
"""Warnings that matter for trusting the number; all others are only counted."""


def judge(result: Result) -> Result:
    """The result with verdict, reasons and notices."""
    reasons = tuple(_reasons(result))
    return result.but(verdict=_verdict(result), reasons=reasons, notices=tuple(_notices(result)))


def _verdict(result: Result) -> str:
    if result.status == model.INCOMPLETE:
        return "INCOMPLETE"
    if result.loadgen_verdict == "INVALID":
        return "INVALID"
    if critical_errors(result):
        return "ERRORS"
    if result.status != model.COMPLETE:
        return "INCOMPLETE"
    if result.kind == model.ACCURACY:
        return _accuracy_verdict(result)
    if result.source == "endpoints":
        if invalid.endpoints_reasons(result):
            return "INVALID"
        return "INCOMPLETE" if invalid.endpoints_unknown(result) else "VALID"
    if result.kind == model.COMPLIANCE:
        states = [one.ok for one in result.official.checks if one.id.startswith("TEST")]
        if False in states:
            return "INVALID"
        if result.source == "verification":
            return "INCOMPLETE" if None in states or not states else "VALID"
    return "VALID" if result.loadgen_verdict == "VALID" else "INCOMPLETE"


def _accuracy_verdict(result: Result) -> str:
    if result.accuracy is None:
        return "INCOMPLETE"
    if result.accuracy.ok is False:
        return "INVALID"
    lacking = any(one.value is None for one in result.accuracy.values)
    return "INCOMPLETE" if lacking else "VALID"


def _reasons(result: Result) -> Iterator[Reason]:
    values = result.log_values
    if "unreadable" in values:
        yield Reason("unreadable", f"It cannot be read: {values['unreadable']}.")
    elif result.status == model.INCOMPLETE:
        yield _incomplete(result)
    elif result.loadgen_verdict == "INVALID":
        yield from invalid.reasons(result)
    elif result.source == "endpoints" and result.kind == model.PERFORMANCE:
        yield from invalid.endpoints_reasons(result) or invalid.endpoints_unknown(result)
    if result.status == model.CORRUPT and "unreadable" not in values:
        yield _corrupt(result, values)
    if errors := critical_errors(result):
        said = "; ".join(dict.fromkeys(result.error_messages)) or "see the detail log"
        yield Reason("errors", f"LoadGen logged {errors} error(s): {said}")
    if result.kind == model.ACCURACY and result.status == model.COMPLETE:
        yield from _accuracy(result)
    if result.kind == model.COMPLIANCE:
        yield from _compliance(result)


def _notices(result: Result) -> Iterator[Notice]:
    said = (*result.warning_messages, *result.error_messages)
    for part, code, words in MATTERS:
        if any(part in one for one in said):
            yield Notice(code, words)
    if passed := (result.errors or 0) - critical_errors(result):
        words = "LoadGen error(s) that MLCommons' checker lets pass: "
        yield Notice("exempt-errors", f"{passed} {words}{'; '.join(result.error_messages)}")
    if result.source == "summary":
        words = "Read from the summary alone, the detail log is missing: it does not tell what the "
        yield Notice("summary-only", f"{words}errors were, and Server rates have fewer digits.")


def _incomplete(result: Result) -> Reason:
    values = result.log_values
    begun = text.positive(values.get("effective_min_duration_ms"))
    known = f" It was to last at least {begun / 1000:g} s." if begun else ""
    words = "no verdict" if result.kind != model.ACCURACY else "no end"
    if not values and result.system is None:
        return Reason(
            "incomplete",
            "The log is empty: LoadGen has written nothing yet, or was killed before it began.",
            "Wait for its end if it still runs; else run it again.",
        )
    if "result_validity" in values:
        return Reason(
            "incomplete",
            "The log breaks off among LoadGen's results: the file is not whole.",
            "Copy it again from where it was written.",
        )
    return Reason(
        "incomplete",
        f"The run did not end: LoadGen wrote {words}.{known}",
        "Wait for its end if it still runs; else run it again.",
    )


def _corrupt(result: Result, values: Mapping[str, Any]) -> Reason:
    damaged = text.whole(values.get("damaged_lines")) or 0
    if values.get("is_before_v1"):
        return Reason(
            "before-v1",
            "The log is of LoadGen before v1.0, whose results stand in the summary: it is missing.",
        )
    if not damaged or set(values) <= {"damaged_lines", "is_before_v1"}:
        return Reason("corrupt", "The file holds no line that LoadGen wrote.")
    return Reason(
        "damaged",
        f"{damaged} line(s) of the log are damaged: they may have held an error or the verdict.",
        "Copy the log again from where it was written.",
    )


def _accuracy(result: Result) -> Iterator[Reason]:
    found = result.accuracy
    if found is None and result.has_accuracy_file:
        yield Reason(
            "unknown-accuracy",
            "The accuracy.txt beside the log holds no number of a benchmark known here.",
            "Read it; its number is not judged.",
        )
        return
    if found is None:
        yield Reason(
            "no-accuracy",
            "There is no accuracy.txt beside the log: the answers were not compared.",
            "Run the benchmark's accuracy script on mlperf_log_accuracy.json.",
        )
        return
    for one in found.values:
        if one.value is None:
            yield Reason("no-accuracy", f"{one.name} is not in accuracy.txt.",
                         "Run the benchmark's accuracy script to its end.")  # fmt: skip
        elif one.target is not None and one.value < one.target:
            yield Reason(
                "below-target",
                f"{one.name} is {one.value:g}, the target is {one.target:g}.",
                "Check precision, preprocessing and the model file.",
            )
        elif one.limit is not None and one.value > one.limit:
            yield Reason(
                "above-limit",
                f"{one.name} is {one.value:g}, at most {one.limit:g} may be.",
                "Check the generation settings: lengths, stop tokens, steps.",
            )


def _compliance(result: Result) -> Iterator[Reason]:
    for one in result.official.checks:
        if one.ok is False and one.id.startswith("TEST"):
            yield Reason("compliance", f"{one.id}: {one.detail}.")
