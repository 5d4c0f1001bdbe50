"""Checks of the clocks: LoadGen compares two of them, and so do we, for a second."""

from __future__ import annotations

from tui.engine.doctor.check import Finding, by_hand, check, fail, not_here, ok, warning
from tui.engine.doctor.here import Clocks, Here

MEASURED_S = 1.0
TRIES = 9
WARNING_PPM, ERROR_PPM = 1_000, 10_000
"""LoadGen warns from 0.1 % on and calls 1 % an error (test_settings, "PerfClock and system_clock
differ")."""
GOOD_SOURCES = ("tsc", "kvm-clock", "xen", "hyperv", "arch_sys_counter", "arm,sp804")
STEPPERS = {"chronyd": "chrony", "ntpd": "ntp", "systemd-timesyn": "systemd-timesyncd"}


@check(
    "clock",
    "clock drift",
    "LoadGen marks a result where its two clocks differ by 0.1 %, and calls 1 % an error; a clock "
    "that is set during a run does that.",
    limit_s=MEASURED_S + 1.5,
)
def drift(here: Here) -> Finding:
    """The wall clock against the raw one, over a second."""
    clocks = here.outside.clocks
    raw_1, wall_1 = _both(clocks)
    clocks.sleep(MEASURED_S)
    raw_2, wall_2 = _both(clocks)
    passed = raw_2 - raw_1
    if passed <= 0:
        return fail("the raw clock stands still or runs backwards")
    ppm = ((wall_2 - wall_1) / passed - 1) * 1e6
    found = f"{abs(ppm):.{1 if abs(ppm) < 10 else 0}f} ppm over {passed / 1e9:.1f} s"
    fix = by_hand(
        "The clock is being set right now: wait, or stop what sets it while a run goes on "
        "(and switch it on again afterwards).",
        "sudo timedatectl set-ntp false",
    )
    if abs(ppm) >= ERROR_PPM:
        return fail(f"{found}: LoadGen would call that an error", fix)
    return warning(f"{found}: LoadGen would warn", fix) if abs(ppm) >= WARNING_PPM else ok(found)


def _both(clocks: Clocks) -> tuple[int, int]:
    """Both clocks at the same moment: of some tries the one with the least time between."""
    tries = []
    for _ in range(TRIES):
        before = clocks.raw_ns()
        wall = clocks.wall_ns()
        after = clocks.raw_ns()
        tries.append((after - before, (before + after) // 2, wall))
    _, raw, wall = min(tries)
    return raw, wall


@check(
    "clocksource",
    "clock source",
    "Some sources take a microsecond and more to be read, or jump: LoadGen reads the clock twice "
    "a query.",
    before=(),
)
def source(here: Here) -> Finding:
    """Where the kernel takes the time from."""
    folder = "sys/devices/system/clocksource/clocksource0"
    current = here.text(f"{folder}/current_clocksource")
    if not current:
        return not_here("the kernel does not tell")
    if current.startswith(GOOD_SOURCES):
        return ok(current)
    others = (here.text(f"{folder}/available_clocksource") or "").split()
    better = next((one for one in others if one.startswith(GOOD_SOURCES)), None)
    if better is None:
        return warning(
            f"{current}, and there is no better one",
            by_hand("The kernel has found the others unreliable: see `dmesg | grep -i clock`."),
        )
    line = f"echo {better} | sudo tee /{folder}/current_clocksource"
    return warning(f"{current}, a slow one", by_hand("Until the next boot:", line))


@check(
    "time-sync",
    "setting of the clock",
    "A clock that is stepped in the middle of a run makes its times wrong; one that is slewed "
    "does no harm.",
)
def stepping(here: Here) -> Finding:
    """Who sets the clock, and whether by steps."""
    names = {name for _, name, _ in here.processes()}
    found = next((one for one in STEPPERS if one in names), None)
    if found is None:
        return ok("nothing sets it here")
    service = STEPPERS[found]
    fix = by_hand(
        "Stop it during a run, and start it again afterwards.", f"sudo systemctl stop {service}"
    )
    if found == "chronyd" and (limit := _makestep(here)) is not None:
        return warning(f"chrony may step it at any time (makestep {limit})", fix)
    if found == "ntpd":
        return warning("ntpd steps it when it is off by more than 128 ms", fix)
    return ok(f"{service}, which steps it only when it starts or is far off")


def _makestep(here: Here) -> str | None:
    """What chrony is told of steps, where that is: always."""
    for name in ("etc/chrony/chrony.conf", "etc/chrony.conf"):
        for line in (here.text(name) or "").splitlines():
            words = line.split()
            if words[:1] == ["makestep"] and words[-1] == "-1":
                return " ".join(words[1:])
    return None
