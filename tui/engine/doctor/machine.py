"""Checks of the machine: what it is, memory, disk, what else takes its time."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tui.engine import sut
from tui.engine.doctor.check import (
    IT_SHOWS,
    YOUR_SHELL,
    Finding,
    Fix,
    by_hand,
    check,
    fail,
    gb,
    listed,
    not_here,
    ok,
    unknown,
    warning,
)
from tui.engine.doctor.here import Here
from tui.engine.spec import RUN_BYTES

SHORT_BYTES, FULL_BYTES = 5 * 10**9, 45 * 10**9
"""What a first _short run takes, and a _full one of ResNet50 (its images, preprocessed)."""
LEAST_MEMORY_BYTES, GOOD_MEMORY_BYTES = 500 * 10**6, 4 * 10**9
SWAP_SHARE = 0.01
"""So much of the memory in swap, untouched, is nothing to speak of."""
WATCHED_S = 0.5
BUSY_PCT = 5.0
WALK_S = 0.8
MEANINGS = {
    "none": "Results of bare metal are the baseline that layers are compared with.",
    "xen": "Xen adds its own cost to interrupts, memory and PCIe: compare with the same machine "
    "without it.",
    "kvm": "A KVM guest is as fast as its host lets it be: neighbours show up as steal.",
    "vmware": "VMware schedules virtual CPUs together: leave as many cores free as it needs.",
}
PASSED = {
    "none": "its own GPU",
    "passthrough": "GPU passed through",
    "vgpu": "vGPU, a share of a GPU",
    "host-vgpu": "GPU shared out as vGPUs",
    "host-vsga": "GPU shared out as vSGA",
}


@check(
    "machine",
    "this machine",
    "Results are only comparable with those of the same kind of machine.",
    limit_s=2.5,
)
def machine(here: Here) -> Finding:
    """What it is: hypervisor, container, how the GPU comes to it, which environment that makes."""
    facts = here.facts
    words = [facts.machine]
    if container := _container(here):
        words.append(f"in a container ({container})")
    modes = {one.virtualization for one in here.gpus().devices}
    words += [PASSED[one] for one in sorted(filter(None, modes)) if one in PASSED]
    if facts.product:
        words.append(facts.product)
    known = here.outside.environments
    found = sut.recognise(facts, known, here.outside.root, here.outside.variables)
    if found.environment is not None:
        words.append(f"environment {sut.label(found.environment, facts)}")
    why = MEANINGS.get(facts.hypervisor or "", "")
    return ok(", ".join(words), why=why)


def _container(here: Here) -> str | None:
    """Which engine runs us, by the marks that engines leave."""
    if here.path(".dockerenv").exists():
        return "Docker"
    if here.path("run/.containerenv").exists():
        return "Podman"
    if "KUBERNETES_SERVICE_HOST" in here.outside.variables:
        return "Kubernetes"
    named = here.text("run/systemd/container") or here.outside.variables.get("container")
    return named or None


@check(
    "memory",
    "free memory",
    "Where memory runs out the kernel kills the benchmark (return code 35072), perhaps late.",
    before=(),
)
def memory(here: Here) -> Finding:
    """What is available, the limit of the container among that."""
    told = _numbers(here.text("proc/meminfo"))
    if "MemAvailable" not in told:
        return unknown("/proc/meminfo does not tell")
    free, total = told["MemAvailable"] * 1024, told.get("MemTotal", 0) * 1024
    limit = here.text("sys/fs/cgroup/memory.max") or ""
    used = here.text("sys/fs/cgroup/memory.current") or ""
    if limit.isdigit() and used.isdigit() and int(limit) < total:
        total, free = int(limit), min(free, int(limit) - int(used))
    found = f"{gb(free)} of {gb(total)} available"
    advice = by_hand(
        "Close other programs; for the benchmark take a smaller --batch_size, "
        "or --max_batchsize=1 where a GPU's memory is short."
    )
    if free < LEAST_MEMORY_BYTES:
        return fail(found, advice)
    return warning(found, advice) if free < GOOD_MEMORY_BYTES else ok(found)


@check(
    "swap",
    "swap",
    "Memory that was swapped out comes back in milliseconds: latencies then measure the disk.",
    before=(),
)
def swap(here: Here) -> Finding:
    """How much is swapped out, and whether it moves right now."""
    told = _numbers(here.text("proc/meminfo"))
    if "SwapTotal" not in told:
        return unknown("/proc/meminfo does not tell")
    if not told["SwapTotal"]:
        return ok("none")
    before = _numbers(here.text("proc/vmstat"))
    if here.outside.device is None:  # before a run there is no time to watch it
        here.outside.clocks.sleep(WATCHED_S)
    after = _numbers(here.text("proc/vmstat"))
    moved = sum(after.get(name, 0) - before.get(name, 0) for name in ("pswpin", "pswpout"))
    used = (told["SwapTotal"] - told.get("SwapFree", 0)) * 1024
    fix = by_hand(
        "Close what takes the memory, then bring everything back (needs that much free memory).",
        "sudo swapoff -a && sudo swapon -a",
    )
    if moved:
        return warning(f"{gb(used)} in use, and pages move right now", fix)
    if used > SWAP_SHARE * told.get("MemTotal", 0) * 1024:
        return warning(f"{gb(used)} in use, nothing moves", fix)
    return ok(f"{gb(used)} in use, nothing moves" if used else "none in use")


@check(
    "load",
    "other work",
    "The median hides what else runs, the tail does not: with two busy loops beside it, p99.9 of "
    "SingleStream rose from 0.13 to 5 ms.",
    before=(),
)
def load(here: Here) -> Finding:
    """What waits for a CPU: the kernel's own measure, else the load."""
    pressure = here.text("proc/pressure/cpu") or ""
    avg = next((one[6:] for one in pressure.split() if one.startswith("avg10=")), None)
    average, cpus = here.text("proc/loadavg"), _cpus(here)
    if average is None:
        return unknown("/proc/loadavg cannot be read")
    one_minute = float(average.split()[0])
    waited = f", {float(avg):.0f} % of the time something waits" if avg else ""
    found = f"load {one_minute:.1f} on {cpus} CPUs{waited}"
    if one_minute > cpus or (avg and float(avg) > BUSY_PCT):
        fix = by_hand(
            "Stop other work during a run; this shows what it is.", "top -b -n 1 -o %CPU", IT_SHOWS
        )
        return warning(found, fix)
    return ok(found)


def _cpus(here: Here) -> int:
    listed = (here.text("proc/cpuinfo") or "").splitlines()
    return sum(one.startswith("processor") for one in listed) or here.facts.cpus or 1


@check(
    "governor",
    "CPU governor",
    "A CPU that saves power first has to wake up and speed up: that is measured as latency.",
    before=(),
)
def governor(here: Here) -> Finding:
    """How the CPUs' clocks are chosen."""
    places = here.path("sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    names = {(one.read_text().strip()) for one in places}
    if not names:
        return not_here("not told (usual in a virtual machine: its host decides)")
    if names <= {"performance"}:
        return ok("performance")
    line = (
        "sudo cpupower frequency-set -g performance"
        if here.outside.which("cpupower")
        else "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
    )
    found = ", ".join(sorted(names))
    return warning(found, by_hand("Until the next boot, and for all CPUs:", line))


@check(
    "disk",
    "free space",
    "A full disk ends a run after an hour as well as at once; a first _short run takes 5 GB, "
    "_full ResNet50 45 GB.",
    before=(),
)
def disk(here: Here) -> Finding:
    """Free space where runs write; each file system once."""
    places = {"runs": here.outside.data_root, "/tmp": here.path("tmp")}
    if here.official is not None and here.official.is_begun:
        places["installation"] = here.official.folder
    if here.installation is not None:
        places["MLC_REPOS"] = here.installation.mlc_repos
    disks: dict[int, list[str]] = {}
    for name, place in places.items():
        if place.exists():
            disks.setdefault(place.stat().st_dev, []).append(name)
    if not disks:
        return unknown("none of the folders is there")
    rows = sorted(
        (here.outside.free_bytes(str(places[names[0]])), names) for names in disks.values()
    )
    found = "; ".join(f"{gb(size)} for {', '.join(names)}" for size, names in rows)
    if rows[0][0] < RUN_BYTES:
        return fail(found, _room(here))
    needed = min((size for size, names in rows if "MLC_REPOS" in names), default=FULL_BYTES)
    if needed < SHORT_BYTES:
        return warning(f"{found}: too little for a first official run", _room(here))
    if needed < FULL_BYTES:
        return warning(f"{found}: enough for _short, not for a first _full run", _room(here))
    return ok(found)


def _room(here: Here) -> Fix:
    """What could go: the biggest entries of mlcr's cache."""
    sizes = _biggest(here) if here.outside.device is None else []
    if not sizes:
        return by_hand("Delete what is not needed, or set MLPERF_TUI_HOME to a larger disk.")
    names = listed([f"{name} {gb(size)}" for size, name in sizes[:3]])
    assert here.installation is not None
    tag = sizes[0][1].rpartition("_")[0].replace("-", ",")
    mlc = here.installation.mlcr.with_name("mlc")
    line = f"MLC_REPOS={here.shown(here.installation.mlc_repos)} {here.shown(mlc)} show cache"
    return by_hand(
        f"The biggest entries of mlcr's cache: {names}. What is removed is downloaded or built "
        f"again when it is needed: `mlc rm cache --tags={tag}`.",
        line,
        IT_SHOWS,
    )


def _biggest(here: Here) -> list[tuple[int, str]]:
    """Cache entries by size, as far as they can be measured in a moment."""
    end, found = time.monotonic() + WALK_S, []
    cache = here.cache
    for entry in cache.iterdir() if cache is not None and cache.is_dir() else ():
        if time.monotonic() > end:
            break
        found.append((_size_of(entry, end), entry.name))
    return sorted(found, reverse=True)


def _size_of(folder: Path, end: float) -> int:
    """Bytes on disk below a folder; of a large one those found until `end`."""
    total, waiting = 0, [str(folder)]
    while waiting and time.monotonic() < end:
        try:
            with os.scandir(waiting.pop()) as entries:
                for one in entries:
                    if one.is_dir(follow_symlinks=False):
                        waiting.append(one.path)
                    else:
                        total += one.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue  # it went away meanwhile, or is another user's
    return total


@check(
    "data-root",
    "runs' folder",
    "Every run is a folder there; mlcr takes no path that is not ASCII.",
)
def data_root(here: Here) -> Finding:
    """Whether runs can be written."""
    place = here.outside.data_root
    fix = by_hand(
        "Choose another folder.", 'export MLPERF_TUI_HOME="$HOME/mlperf-runs"', YOUR_SHELL
    )
    if not str(place).isascii():
        return fail(f"{here.shown(place)} is not ASCII", fix)
    if not os.access(place, os.W_OK | os.X_OK):
        return fail(f"{here.shown(place)} cannot be written", fix)
    return ok(here.shown(place))


@check(
    "logout",
    "runs after logout",
    "logind can be set to kill everything a user started when they log out: runs would die with "
    "the SSH connection.",
)
def logout(here: Here) -> Finding:
    """KillUserProcesses of logind, and whether this user lingers."""
    if not here.path("run/systemd/system").exists():
        return not_here("no systemd here: nothing ends runs at logout")
    kills, user = _logind(here), here.outside.variables.get("USER") or "root"
    if kills.get("KillUserProcesses", "no").lower() not in ("yes", "true", "1", "on"):
        return ok("logind leaves them alone")
    only = kills.get("KillOnlyUsers", "").split()
    but = kills.get("KillExcludeUsers", "root").split()
    if (only and user not in only) or user in but:
        return ok(f"logind kills processes at logout, but not those of {user}")
    if here.path(f"var/lib/systemd/linger/{user}").exists():
        return ok(f"logind kills processes at logout, but {user} lingers")
    return warning(
        "KillUserProcesses=yes: runs end when you log out",
        by_hand(
            "Let your processes stay; then start mlperf-tui with: "
            "systemd-run --user --scope mlperf-tui",
            f"loginctl enable-linger {user}",
        ),
    )


def _logind(here: Here) -> dict[str, str]:
    """logind's settings; of several files the last word counts, those in /etc after others."""
    files: dict[str, str] = {}
    for place in ("usr/lib", "run", "etc"):
        for one in sorted(here.path(f"{place}/systemd/logind.conf.d").glob("*.conf")):
            files[one.name] = f"{place}/systemd/logind.conf.d/{one.name}"
    drop_ins = [files[name] for name in sorted(files)]
    told = {}
    for name in ("usr/lib/systemd/logind.conf", "etc/systemd/logind.conf", *drop_ins):
        for line in (here.text(name) or "").splitlines():
            key, equals, value = line.partition("=")
            if equals and not key.lstrip().startswith("#"):
                told[key.strip()] = value.strip()
    return told


@check(
    "locale",
    "UTF-8",
    "Without UTF-8 signs are drawn in ASCII, and mlcr fails on names that are not ASCII.",
)
def locale(here: Here) -> Finding:
    """The locale of this shell."""
    variables = here.outside.variables
    named = next(
        (variables[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if variables.get(name)), ""
    )
    if "utf" in named.lower():
        return ok(named)
    found = f"{named or 'no locale is set'}: not UTF-8"
    return warning(found, by_hand("For this shell:", "export LANG=C.UTF-8", YOUR_SHELL))


@check(
    "docker",
    "Docker",
    "Only runs with --docker need it: NVIDIA's implementation, for one.",
    limit_s=2.5,
)
def docker(here: Here) -> Finding:
    """Is it there, does its daemon answer us, can it hand GPUs on."""
    command = here.outside.which("docker")
    if command is None:
        return not_here("not installed")
    try:
        answer = here.outside.output_of(
            [command, "version", "--format", "{{.Server.Version}}"], 1.5
        )
    except OSError as error:
        return warning(f"{command}: {error.strerror}")
    if answer.code is None:
        return unknown("its daemon does not answer within 1.5 s")
    if answer.code:
        return _no_docker(answer.text)
    has_toolkit = any(map(here.outside.which, ("nvidia-container-runtime", "nvidia-ctk")))
    if here.gpus().devices and not has_toolkit:
        return warning(
            f"{answer.last_line}, without NVIDIA's container toolkit: containers see no GPU",
            by_hand(
                "Add NVIDIA's package source first, see docs.nvidia.com: Container Toolkit.",
                "sudo apt-get install -y nvidia-container-toolkit",
            ),
        )
    return ok(answer.last_line + (", with NVIDIA's container toolkit" if has_toolkit else ""))


def _no_docker(said: str) -> Finding:
    last = said.strip().rpartition("\n")[2]
    if "permission denied" in said.lower():
        return warning(
            "its daemon refuses us: you are not in the group docker",
            by_hand("Then log in again.", 'sudo usermod -aG docker "$USER"'),
        )
    if "daemon" in said.lower():
        return warning(
            "installed, but its daemon does not run",
            by_hand("Start it.", "sudo systemctl start docker"),
        )
    return warning(last or "it ended with an error")


def _numbers(text: str | None) -> dict[str, int]:
    """The first number of each line, by the line's name."""
    found = {}
    for line in (text or "").splitlines():
        words = line.replace(":", " ").split()
        if len(words) > 1 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found
