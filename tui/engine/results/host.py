"""Can LoadGen, clock and scheduler of a host be trusted? Only where the run recorded it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tui.engine.results import text
from tui.engine.results.model import Check, Result

NAME = "host.json"
CLOCK_DRIFT = "PerfClock and system_clock differ"


def checks(result: Result, path: Path) -> tuple[Check, ...]:
    """What the run tells; smoke records it in host.json.

    Args:
        result: of the run.
        path: the host.json beside its log.
    """
    host = text.json_object(path)
    if host is None:
        return ()
    found = []
    if result.latency_ns and result.scenario != "Offline":
        found.append(_tail(result.latency_ns))
    seconds, switches = (text.number(host.get(key)) for key in ("seconds", "involuntary_switches"))
    if switches is not None and seconds is not None and seconds > 0:
        rate = switches / seconds
        # 2 to 200 a second on a quiet machine, 3,800 with two busy loops on two cores
        found.append(Check("scheduler", rate < 500, f"{rate:,.0f} involuntary switches a second"))
    stolen = host.get("steal_pct")
    found.append(
        Check(
            "steal",
            stolen < 1 if isinstance(stolen, float) else None,
            f"{stolen:.1f} % of CPU time taken by the hypervisor"
            if isinstance(stolen, float)
            else "the kernel does not tell",
        )
    )
    messages = (*result.error_messages, *result.warning_messages)
    drift = next((one for one in messages if CLOCK_DRIFT in one), None)
    found.append(Check("clock", drift is None, drift or "LoadGen saw no clock drift"))
    return tuple(found)


def _tail(latency: Mapping[str, int | None]) -> Check:
    """Ratio p99.9/p50: 4 on a quiet machine, 160 with two busy loops on its two cores."""
    middle, tail = latency.get("p50"), latency.get("p99.9")
    if not middle or not tail:
        return Check("tail", None, "too few queries to tell")
    ok: bool | None
    ratio = tail / middle
    if ratio < 10:
        ok, word = True, "good: below 10"
    elif ratio <= 50:
        ok, word = None, "good is below 10, bad above 50"
    else:
        ok, word = False, "something else runs here, or the hypervisor takes the CPU away"
    return Check("tail", ok, f"p99.9 is {ratio:.1f} times p50 ({word})")
