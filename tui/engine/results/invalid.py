"""What LoadGen's INVALID means, in plain words, and the change that mends it.

Every reason computes the change from the log: which key, from what to what. LoadGen's own texts
and tests: `results.cc`; how it makes queries of rates and durations: `test_settings_internal.cc`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tui.engine.results import text
from tui.engine.results.model import Reason, Result

RATE_KEY = {"Server": "server_target_qps", "Interactive": "server_target_qps",
            "Offline": "offline_target_qps"}  # fmt: skip
LATENCY_KEY = {
    "SingleStream": ("singlestream_target_latency", "requested_single_stream_expected_latency_ns"),
    "MultiStream": ("multistream_target_latency", "requested_multi_stream_expected_latency_ns"),
}
"""mlcr's key (user.conf: target_latency, in ms), and where the log holds its value."""
MARGIN = 1.05
"""So much more than exactly enough is asked for: runs vary."""
OVERLOADED = "Too many outstanding queries"
"""LoadGen's error where the system falls behind by more than max_async_queries."""
NORMAL_99 = 2.326
"""Quantile of the standard normal distribution at LoadGen's confidence of 99 %."""
LESS_LOAD = 0.9
"""A rate that came too close to what the system bears is lowered to this share."""


def reasons(result: Result) -> list[Reason]:
    """Every test of LoadGen's that failed, and the change that mends it."""
    values = result.log_values
    said = str(values.get("result_invalid_reason", ""))
    found = [*_latency(result, values, said)]
    if values.get("result_min_duration_met") is False:
        found.append(_min_duration(result, values))
    if values.get("result_min_queries_met") is False:
        found.append(_min_queries(result, values))
    if values.get("early_stopping_met") is False:
        found += _early_stopping(result, values)
    if not found:
        found.append(Reason("invalid", said.strip(" *") or "LoadGen says INVALID and not why."))
    return found


def endpoints_reasons(result: Result) -> list[Reason]:
    """MLPerf Endpoints does not judge itself: the limits and the duration, where they are known."""
    found = [*_slow_tokens(result, result.log_values)]
    limit, tail = result.latency_limit_ns, (result.latency_ns or {}).get("p99")
    if limit and tail and tail > limit:
        found.append(
            _too_slow(
                result, result.log_values, "latency-limit", "latency", result.latency_ns, limit
            )
        )
    least = text.number(result.log_values.get("effective_min_duration_ms"))
    if least and result.duration_s is not None and result.duration_s * 1000 < least:
        words = f"The run lasted {result.duration_s:.1f} s, at least {least / 1000:g} s are needed."
        found.append(Reason("min-duration", words, "Raise n_samples_to_issue or min_duration_ms."))
    return found


def endpoints_unknown(result: Result) -> list[Reason]:
    """What keeps a run of MLPerf Endpoints from being judged, where no limit was missed."""
    values = result.log_values
    issued = text.whole(values.get("generated_query_count"))
    if issued is not None and result.queries is not None and result.queries < issued:
        words = f"{result.queries} of {issued} samples were completed."
        return [
            Reason("incomplete", words, "Wait for its end if it still runs; else run it again.")
        ]
    if result.scenario not in ("Server", "Interactive"):
        return []
    limits = {
        "latency": (result.latency_limit_ns, result.latency_ns),
        "TTFT": (result.ttft_limit_ns, result.ttft_ns),
        "TPOT": (result.tpot_limit_ns, result.tpot_ns),
    }
    asked = {name: spread for name, (limit, spread) in limits.items() if limit is not None}
    if not asked:
        words = "Which latency limits it must keep is not known here, so it is not judged."
        return [Reason("limits-unknown", words)]
    lacking = [name for name, spread in asked.items() if (spread or {}).get("p99") is None]
    if not lacking:
        return []
    words = f"It has a limit, but was not logged: {' and '.join(lacking)}."
    return [Reason("limits-unknown", words)]


def _latency(result: Result, values: Mapping[str, Any], said: str) -> Iterator[Reason]:
    """p99 over its limit: of the whole latency, or of TTFT and TPOT."""
    failed = values.get("result_perf_constraints_met") is False
    if "TTFT constrain" in said or "TPOT constrain" in said:
        for name, spread, limit in (
            ("TTFT", result.ttft_ns, result.ttft_limit_ns),
            ("TPOT", result.tpot_ns, result.tpot_limit_ns),
        ):
            if f"{name} constrain" in said:
                what = "first token (TTFT)" if name == "TTFT" else "further token (TPOT)"
                yield _too_slow(result, values, f"{name.lower()}-limit", what, spread, limit)
    elif failed or "to improve latency" in said:
        limits = (result.latency_limit_ns, result.ttft_limit_ns)
        if limits[0] is None and limits[1] is not None:  # an older LoadGen, without the words
            yield from _slow_tokens(result, values)
        else:
            yield _too_slow(
                result, values, "latency-limit", "latency", result.latency_ns, limits[0]
            )


def _slow_tokens(result: Result, values: Mapping[str, Any]) -> Iterator[Reason]:
    for name, what, spread, limit in (
        ("ttft", "first token (TTFT)", result.ttft_ns, result.ttft_limit_ns),
        ("tpot", "further token (TPOT)", result.tpot_ns, result.tpot_limit_ns),
    ):
        if limit and ((spread or {}).get("p99") or 0) > limit:
            yield _too_slow(result, values, f"{name}-limit", what, spread, limit)


def _too_slow(
    result: Result,
    values: Mapping[str, Any],
    code: str,
    what: str,
    spread: Mapping[str, int | None] | None,
    limit: int | None,
) -> Reason:
    tail = (spread or {}).get("p99")
    words = f"The 99th percentile of the {what}" if what != "latency" else "The 99th percentile"
    text_ = f"{words} is {_ms(tail)}, the limit is {_ms(limit)}."
    over = text.whole(values.get("result_overlatency_query_count"))
    if code == "latency-limit" and over and result.queries:
        share = 100 * over / result.queries
        text_ += f" {over} of {result.queries} queries ({share:.2g} %) came late."
    if result.scenario not in RATE_KEY or result.scenario == "Offline":
        return Reason(code, text_, "Send fewer samples a query, or make the system faster.")
    fix, options = _lower_rate(result, values)
    return Reason(code, text_, fix, options)


def _lower_rate(result: Result, values: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """From the rate asked for to one that the system bears: below what it completed."""
    key = RATE_KEY[result.scenario or ""]
    now = text.positive(values.get("effective_target_qps"))
    if now is None:
        return f"Lower {key}.", ()
    done = text.positive(values.get("result_completed_samples_per_sec")) or now
    new = _rounded(min(now, done) * LESS_LOAD)
    fix = f"Lower {key} from {now:g} to about {new:g}, then search upwards from there."
    return fix, (f"--{key}={new:g}",)


def _min_duration(result: Result, values: Mapping[str, Any]) -> Reason:
    needed = text.number(values.get("effective_min_duration_ms"))
    ran = f"{result.duration_s:.1f} s" if result.duration_s is not None else "shorter"
    least = f"{needed / 1000:g} s" if needed is not None else "min_duration"
    words = f"The run lasted {ran}, at least {least} are needed."
    longest = text.positive(values.get("effective_max_duration_ms"))
    if longest and needed and longest < needed:
        seconds = math.ceil(needed / 1000 * 1.1)
        return Reason("min-duration", words, *_longer_allowed(longest, seconds))
    if any(OVERLOADED in one for one in (*result.error_messages, *result.warning_messages)):
        words += " LoadGen ended it early: too many queries were waiting (max_async_queries)."
        if result.scenario in ("Server", "Interactive"):
            return Reason("min-duration", words, *_lower_rate(result, values))
        return Reason("min-duration", words, "Raise max_async_queries.")
    most = text.whole(values.get("effective_max_query_count"))
    if most and result.queries and result.queries >= most:
        total = _queries_for(result, (needed or 0) / 1000)
        fix = f"max_query_count ends it after {most} queries: raise it to {total}, or remove it."
        return Reason("min-duration", words, fix, (f"--max_query_count={total}",))
    fix, options = _make_longer(result, values)
    return Reason("min-duration", words, fix, options)


def _longer_allowed(longest_ms: float, seconds: int) -> tuple[str, tuple[str, ...]]:
    now = f"max_duration ends it after {longest_ms / 1000:g} s"
    return f"{now}: raise max_test_duration to {seconds} s.", (f"--max_test_duration={seconds}",)


def _make_longer(result: Result, values: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """LoadGen prepares queries for min_duration from the rate or latency that it is told."""
    if (known := LATENCY_KEY.get(result.scenario or "")) is not None:
        key, logged = known
        now = text.positive(values.get(logged))
        mean = text.positive((result.latency_ns or {}).get("mean"))
        if now is None or mean is None:
            return f"Lower {key}, so that LoadGen prepares more queries.", ()
        new = _rounded(mean / 1e6 * LESS_LOAD)
        fix = (
            f"Lower {key} from {now / 1e6:g} ms to {new:g} ms (the mean was {mean / 1e6:.3g} ms), "
            "so that LoadGen prepares more queries."
        )
        return fix, (f"--{key}={new:g}",)
    key = RATE_KEY.get(result.scenario or "", "target_qps")
    now = text.positive(values.get("effective_target_qps"))
    rate_key = "result_samples_per_second" if result.scenario == "Offline" else (
        "result_completed_samples_per_sec"
    )  # fmt: skip
    rate = text.positive(values.get(rate_key))
    if now is None or rate is None or rate <= now:
        return f"Raise {key}, so that LoadGen prepares more queries.", ()
    new = _rounded(rate * MARGIN)
    fix = f"Raise {key} from {now:g} to {new:g} (the run reached {rate:g}/s)."
    return fix, (f"--{key}={new:g}",)


def _min_queries(result: Result, values: Mapping[str, Any]) -> Reason:
    needed = text.whole(values.get("effective_min_query_count"))
    ran = result.queries if result.queries is not None else "too few"
    words = f"{ran} queries ran, {needed if needed is not None else 'more'} are needed."
    most = text.whole(values.get("effective_max_query_count"))
    if most and needed and most < needed:
        fix = f"Raise max_query_count from {most} to {needed}, or remove it."
        return Reason("min-queries", words, fix, (f"--max_query_count={needed}",))
    longest = text.positive(values.get("effective_max_duration_ms"))
    if longest and needed and result.queries and result.duration_s:
        seconds = math.ceil(result.duration_s * needed / result.queries * MARGIN)
        return Reason("min-queries", words, *_longer_allowed(longest, seconds))
    fix = "The run ended early; its errors say why."
    return Reason("min-queries", words, fix)


def _early_stopping(result: Result, values: Mapping[str, Any]) -> Iterator[Reason]:
    """Also the only reason where LoadGen prints INVALID with an empty recommendation."""
    if values.get("requested_use_token_latencies") is True:
        yield from _early_stopping_of_tokens(result, values)
    else:
        yield _stopped(result, values, str(values.get("early_stopping_result", "")), "")


def _early_stopping_of_tokens(result: Result, values: Mapping[str, Any]) -> Iterator[Reason]:
    """LoadGen tests TPOT first and skips TTFT when that fails: an empty block says nothing."""
    tpot, ttft = (str(values.get(f"early_stopping_{one}_result", "")) for one in ("tpot", "ttft"))
    found = []
    for name, said in (("TPOT", tpot), ("TTFT", ttft)):
        if "unsuccessful" in said or "Need to process" in said:
            found.append(_stopped(result, values, said, f" of {name}"))
    if not found:
        found.append(_stopped(result, values, tpot or ttft, ""))
    if not ttft and "unsuccessful" in tpot:
        words = (
            " LoadGen tests TPOT first and stops there: its empty TTFT block does not mean that "
            f"TTFT passed (its p99 is {_ms((result.ttft_ns or {}).get('p99'))}, "
            f"the limit {_ms(result.ttft_limit_ns)})."
        )
        found[0] = replace(found[0], text=found[0].text + words)
    yield from found


def _stopped(result: Result, values: Mapping[str, Any], said: str, of: str) -> Reason:
    ran = result.queries
    if match := re.search(r"Need to process at least (\d+) queries", said):
        needed = int(match[1][:12])
        have = f"{ran} ran" if ran is not None else "fewer ran"
        words = f"Too few queries for early stopping{of}: at least {needed} are needed, {have}."
        return _more_queries(result, values, words, needed)
    if match := re.search(r"at least (\d+) more queries", said):
        more = int(match[1][:12])
        words = (
            f"Too few queries for early stopping{of}: at least {more} more are needed, "
            "all of them within the limit."
        )
        if ran is None:
            return Reason("early-stopping", words, "Raise min_query_count.")
        if not of:
            more = max(more, _needed_with_late(values, ran) - ran)
        # So many more than ran: the rate is too high, not the run too short.
        if more > 2 * ran and result.scenario in RATE_KEY:
            fix, options = _lower_rate(result, values)
            if values.get("result_perf_constraints_met") is False:  # said already
                fix = "It goes with the limit that was missed: lower the rate."
            fix += f" With this rate it would take min_query_count={ran + more} or more."
            return Reason("early-stopping", words, fix, options)
        return _more_queries(result, values, words, ran + more)
    words = f"Early stopping{of} was not met: the tail cannot be told with 99 % confidence."
    return Reason("early-stopping", words, "Raise min_query_count, or lower the target rate.")


def _needed_with_late(values: Mapping[str, Any], ran: int) -> int:
    """So many queries, were the share of late ones to stay as it is; 0 where that is not known.

    The least n for which P(Bin(n, q) <= s n) <= 1 %, with q the share that may be late and s the
    one that is (early_stopping.cc), in the normal approximation.
    """
    late = text.whole(values.get("result_overlatency_query_count"))
    kept = text.number(values.get("effective_target_latency_percentile"))
    if not late or not ran or kept is None or not 0 < kept < 1:
        return 0
    spare = (1 - kept) - late / ran
    return math.ceil(NORMAL_99**2 * (1 - kept) * kept / spare**2) if spare > 0 else 0


def _more_queries(result: Result, values: Mapping[str, Any], words: str, needed: int) -> Reason:
    """mlcr's test mode fixes the count (max = min) by test_query_count."""
    least, most = (text.whole(values.get(f"effective_{one}_query_count")) for one in ("min", "max"))
    is_fixed = bool(most) and least == most
    fixes: list[str] = []
    options: list[str] = []
    if is_fixed or least is None or least < needed:
        key = "test_query_count" if is_fixed else "min_query_count"
        now = f"from {least} " if least is not None else ""
        fixes.append(f"Raise {key} {now}to {needed}{_longer_by(result, needed)}.")
        options.append(f"--{key}={needed}")
    if is_fixed:
        fixes.append("Or run with execution_mode=valid.")
    elif most and most < needed:
        fixes.append(f"Raise max_query_count from {most} to {needed}, or remove it.")
        options.append(f"--max_query_count={needed}")
    longest = text.positive(values.get("effective_max_duration_ms"))
    if longest and result.queries and result.duration_s:
        seconds = result.duration_s * needed / result.queries * MARGIN
        if seconds * 1000 > longest:
            fix, more = _longer_allowed(longest, math.ceil(seconds))
            fixes.append(f"But {fix}" if fixes else f"Its {fix}")
            options += more
    rate = text.positive(values.get("effective_target_qps"))
    # With late queries already, a higher rate would make more of them.
    has_late = bool(text.whole(values.get("result_overlatency_query_count")))
    if result.scenario in ("Server", "Interactive") and rate and result.queries and not has_late:
        new = _rounded(rate * needed / result.queries * MARGIN)
        fixes.append(
            f"Or raise {RATE_KEY[result.scenario]} from {rate:g} to {new:g}, if it bears that."
        )
    fix = " ".join(fixes) or "The run ended early; its errors say why."
    return Reason("early-stopping", words, fix, tuple(options))


def _longer_by(result: Result, needed: int) -> str:
    if not result.queries or not result.duration_s or needed <= result.queries:
        return ""
    seconds = round(result.duration_s * (needed / result.queries - 1))
    return f" (about {seconds // 60}:{seconds % 60:02d} longer)"


def _queries_for(result: Result, seconds: float) -> int:
    if not result.queries or not result.duration_s:
        return result.queries or 1
    return math.ceil(result.queries * seconds / result.duration_s * MARGIN)


def _rounded(value: float) -> float:
    """To three digits, as one would type it."""
    return float(f"{value:.3g}")


def _ms(value_ns: float | None) -> str:
    return f"{value_ns / 1e6:.5g} ms" if value_ns is not None else "not logged"
