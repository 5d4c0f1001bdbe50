"""Checks of the official installation: its Python, its repositories, what its scripts need."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from tui.engine import home, mlcflow
from tui.engine.doctor.check import (
    Finding,
    Fix,
    by_hand,
    check,
    fail,
    listed,
    not_here,
    ok,
    ours,
    unknown,
    warning,
)
from tui.engine.doctor.here import COMMAND_S, Here, Interpreter
from tui.engine.doctor.python import FIRST, LAST, numbers
from tui.engine.packages import LIBRARIES, PACKAGES, TOOLS, apt_line

NONE = "no official installation to look at"
MISSING = {
    "git": "cannot fetch anything",
    "ld": "fails in its first step",
    "gcc": 'says "gcc not found"',
    "g++": "cannot build LoadGen",
    "make": "cannot build LoadGen",
    "cmake": "blames the network",
    "Python.h": "fails after a minute, in building LoadGen",
    "ensurepip": "cannot get a venv of its own",
    "libgthread": "fails when the benchmark starts",
    "libGL": "as root installs 50 packages, else cannot load OpenCV",
}
"""What mlcr does without it."""


@check(
    "installation",
    "official installation",
    "All benchmarks of MLPerf run by it; `smoke` and the probe need none.",
    before=("official",),
)
def installation(here: Here) -> Finding:
    """Is it there, and usable."""
    official = here.official
    if official is None:
        return not_here(NONE)
    place = here.shown(official.folder)
    if official.installation is not None:
        return ok(place)
    setup = f"mlperf-tui setup {shlex.quote(place)}"
    again = "it takes minutes and downloads: the app has a screen of its own for it (i)"
    if official.is_named or official.is_begun:
        fix = by_hand("Complete it; what is there already is kept.", setup, again)
        return fail(here.shown(official.problem), fix)
    fix = by_hand("Only official benchmarks need it; to make one:", setup, again)
    return warning(f"none at {place}", fix)


@check(
    "installation-python",
    "its Python",
    "An upgrade of the system's Python breaks every venv that was made with it; MLPerf wants 3.8 "
    "or later, LoadGen has wheels for 3.9 to 3.13.",
    before=("official",),
)
def its_python(here: Here) -> Finding:
    """Does the venv's interpreter run, and in which version."""
    if here.official is None or not here.official.is_begun:
        return not_here(NONE)
    told = here.interpreter(here.official.python)
    folder = shlex.quote(here.shown(here.official.folder))
    fix = by_hand(
        "Make its venv anew, then let setup install the rest.",
        f"python3 -m venv --clear {folder}/mlc && mlperf-tui setup {folder}",
        "it removes what was installed there",
    )
    if isinstance(told, str):
        return fail(told, fix)
    if not FIRST <= numbers(told.version)[:2] <= LAST:
        return warning(f"{told.version}, for which LoadGen has no wheel", fix)
    return ok(told.version)


@check(
    "cached-python",
    "Python mlcr remembers",
    "mlcr caches the Python that it found first and goes on using it, whatever is in PATH: it "
    "would install packages into the wrong place, or start one that is gone.",
    before=("official",),
)
def cached_python(here: Here) -> Finding:
    """`get-python3_*` in the cache against the venv."""
    if here.official is None or here.installation is None:
        return not_here(NONE)
    entries = {one: here.state_of(one) for one in here.cached("get-python3")}
    kept = {one: _python_of(state) for one, state in entries.items() if _python_of(state)}
    if not kept:
        return ok("none yet")
    own = here.interpreter(here.official.python)
    bad, strange = [], []
    for entry, place in kept.items():
        version = str(entries[entry].get("version") or "")
        if not Path(place).exists():
            bad.append(f"{here.shown(place)} is gone")
        elif Path(place).parent.resolve() != here.official.python.parent.resolve():
            strange.append(f"{here.shown(place)} is not the installation's own")
        elif isinstance(own, Interpreter) and version and _minor(own.version) != _minor(version):
            bad.append(f"it was {version} when mlcr found it, it is {own.version} now")
    forget = _mlc(here, "Let mlcr forget it; it looks again at the next run.",
                  "rm", "cache", "--tags=get,python3", "-f")  # fmt: skip
    if bad:
        return fail(listed(bad), forget)
    return warning(listed(strange), forget) if strange else ok(f"{len(kept)}: the venv's own")


def _minor(version: str) -> tuple[int, ...]:
    """What packages are installed for: 3.11 of 3.11.2."""
    return numbers(version)[:2]


def _python_of(state: Mapping[str, object]) -> str:
    told = state.get("new_env")
    return str(told.get("MLC_PYTHON_BIN_WITH_PATH") or "") if isinstance(told, dict) else ""


def _mlc(here: Here, text: str, *words: str) -> Fix:
    """A command of the installation's own mlc, in its own environment."""
    made = here.installation
    assert made is not None
    mlc = made.mlcr.with_name("mlc")
    line = f"MLC_REPOS={shlex.quote(str(made.mlc_repos))} {shlex.join((str(mlc), *words))}"
    return ours(text, here.shown(line), (str(mlc), *words), made.env_vars)


@check(
    "prerequisites",
    "prerequisites",
    "Official runs need each of them; mlcr names another cause for most that are missing, some "
    "only after a minute.",
    before=("official",),
)
def prerequisites(here: Here) -> Finding:
    """Commands, headers, libraries; one line that installs what is missing, and no more."""
    missing = dict(_missing(here))
    if not missing:
        return ok("git, ld, gcc, g++, make, cmake, Python.h, libgthread, libGL")
    has_apt = here.outside.which("apt-get") is not None
    fix = by_hand(
        "Install what is missing."
        if has_apt
        else f"On Debian they are called: {' '.join(dict.fromkeys(missing.values()))}.",
        apt_line(missing.values()) if has_apt else None,
    )
    found = f"missing: {', '.join(missing)}"
    why = "Without " + "; without ".join(f"{name} mlcr {MISSING[name]}" for name in missing) + "."
    if here.official is None or not here.official.is_begun:
        return warning(found, fix, f"Only official runs need them. {why}")
    is_enough = set(missing) <= {"libGL"} and here.outside.user == 0
    return warning(found, fix, why) if is_enough else fail(found, fix, why)


def _missing(here: Here) -> list[tuple[str, str]]:
    """Name and Debian package of each that is not there."""
    found = [(name, TOOLS[name]) for name in TOOLS if here.outside.which(name) is None]
    official = here.official
    has_venv = official is not None and official.python.exists()
    python = str(official.python) if official and has_venv else here.outside.which("python3")
    told = here.interpreter(python) if python else ""
    if isinstance(told, Interpreter):
        if not here.path(f"{told.include}/Python.h").exists():
            found.append(("Python.h", PACKAGES["Python.h"]))
        if not told.ensurepip and not has_venv:
            found.append(("ensurepip", "python3-venv"))
    for name, package in LIBRARIES.items():
        if here.library(name) is None:
            found.append((name.partition("-")[0].partition(".so")[0], package))
    return found


@check(
    "automations",
    "automation repository",
    "`mlc pull repo` does nothing where a file in it was changed, nor on a detached HEAD, and "
    "says rc 0: results would come from other scripts than you think.",
)
def automations(here: Here) -> Finding:
    """Which commit, and is it as it was pulled."""
    if here.installation is None:
        return not_here(NONE)
    listed_at = here.installation.mlc_repos / "repos.json"
    gone = [one for one in _repositories(here) if not Path(one).exists()]
    repository = here.installation.script.parents[1]
    if gone:
        words = f"{here.shown(listed_at)} lists {here.shown(gone[0])}, which is gone"
        return warning(words, by_hand("mlc forgets it by itself at its next start."))
    if not (repository / ".git").exists():
        return ok(f"{here.shown(repository)}, no git checkout")
    git = ["git", "--no-optional-locks", "-C", str(repository)]
    try:
        answer = here.outside.output_of(
            [*git, "status", "--porcelain=v2", "--branch", "-uno"], COMMAND_S
        )
    except OSError:
        return unknown("git is not installed")
    if answer.code is None:
        return unknown("git gives no answer")
    if answer.code:
        return _refused(here, repository, answer.last_line)
    return _checkout(here, repository, answer.text)


def _repositories(here: Here) -> list[str]:
    assert here.installation is not None
    told = home.read_json(here.installation.mlc_repos / "repos.json")
    return [str(one) for one in told] if isinstance(told, list) else []


def _refused(here: Here, repository: Path, said: str) -> Finding:
    if "safe.directory" not in said and "dubious ownership" not in said:
        return warning(f"git: {here.shown(said)}")
    place = shlex.quote(here.shown(repository))
    line = f"git config --global --add safe.directory {place}"
    return warning("it belongs to another user, and git refuses it", by_hand("Trust it:", line))


def _checkout(here: Here, repository: Path, status: str) -> Finding:
    told = dict(line[2:].split(" ", 1) for line in status.splitlines() if line.startswith("# b"))
    commit = told.get("branch.oid", "")[:8]
    branch = told.get("branch.head", "")
    changed = [line for line in status.splitlines() if line and not line.startswith("#")]
    place = shlex.quote(here.shown(repository))
    if changed:
        files = "1 file" if len(changed) == 1 else f"{len(changed)} files"
        fix = by_hand(
            "Look at the changes; then keep them, or drop them with `git checkout .` there.",
            f"git -C {place} status",
            "changes in it may be somebody's work",
        )
        return warning(f"{branch} {commit}, {files} changed", fix)
    if branch == "(detached)":
        fix = by_hand("To follow the branch again:", f"git -C {place} switch dev",
                      "someone may have chosen this commit")  # fmt: skip
        return warning(f"{commit}, on no branch", fix)
    return ok(f"{branch} {commit}")


@check(
    "repositories",
    "one repository",
    "Where two repositories have the same tags, mlcr takes one of them without a word.",
    before=("official",),
)
def one_repository(here: Here) -> Finding:
    """Ours and the official one in the same MLC_REPOS."""
    if here.official is None:
        return not_here(NONE)
    repos = (
        [here.installation.mlc_repos]
        if here.installation
        else [here.official.folder / "MLC/repos", Path.home() / "MLC/repos"]
    )
    for one in repos:
        scripts = (mlcflow.OFFICIAL_SCRIPT, mlcflow.EMBEDDED_SCRIPT)
        both = [mlcflow.registered_script(one, script) for script in scripts]
        if both[0] is not None and both[1] is not None:
            ours_is = both[1].parents[1]
            mlc = here.official.folder / "mlc/bin/mlc"
            line = f"MLC_REPOS={shlex.quote(str(one))} {mlc} rm repo {ours_is.name}"
            return fail(
                f"{here.shown(one)} holds the embedded repository beside the official one",
                by_hand("Take ours out of it.", here.shown(line), "mlc removes its folder too"),
            )
    return ok("the official one alone") if here.installation else not_here(NONE)


@check(
    "onnxruntime",
    "onnxruntime for the GPU",
    "Plain onnxruntime knows no GPU and measures the CPU without a word, --device=cuda or not.",
    before=("official", "cuda"),
)
def onnxruntime(here: Here) -> Finding:
    """What is installed in the venv, by the names of its metadata."""
    if here.installation is None or here.official is None:
        return not_here(NONE)
    if not here.gpus().devices:
        return not_here("no GPU here to look at")
    found = {name: version for name, version in here.packages().items() if "onnxruntime" in name}
    pip = f"{shlex.quote(here.shown(here.official.python))} -m pip"
    large = "it downloads 250 MB into the installation"
    if {"onnxruntime", "onnxruntime-gpu"} <= found.keys():
        line = f"{pip} uninstall -y onnxruntime && {pip} install --force-reinstall onnxruntime-gpu"
        fix = by_hand("Leave the one for the GPU:", line, large)
        return warning("onnxruntime and onnxruntime-gpu overwrite each other", fix)
    if "onnxruntime" in found:
        line = f"{pip} uninstall -y onnxruntime && {pip} install onnxruntime-gpu"
        fix = by_hand("Take the one for the GPU in its place:", line, large)
        return warning(f"onnxruntime {found['onnxruntime']} knows only the CPU", fix)
    if "onnxruntime-gpu" in found:
        return ok(f"onnxruntime-gpu {found['onnxruntime-gpu']}")
    return ok("none yet: mlcr installs the one that a run needs")


@check(
    "sudo",
    "root and sudo",
    "As root mlcr installs packages by apt on its own; else it would ask for a password, but a "
    "run has no terminal to ask at.",
)
def sudo(here: Here) -> Finding:
    """Who mlcr would be."""
    if here.installation is None:
        return not_here(NONE)
    if here.outside.user == 0:
        return ok("root: mlcr installs by apt what it misses (dmidecode, libgl1)")
    if here.outside.which("sudo") is None:
        return ok("no root, no sudo: mlcr installs nothing by apt")
    return ok("no root: mlcr may use sudo where it asks no password; --env.MLC_SKIP_SUDO=yes "
              "keeps it from that")  # fmt: skip
