"""The MLCFlow installation: where it is.

`embedded` is our own automation repository with the mlcr of our own environment: none of its
scripts installs anything. Official scripts rewrite the environment they run in, so an official
installation always has an mlcr of its own. Never both repositories in one MLC_REPOS: mlcr would
pick one of them in silence.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tui.engine import home, mirror, process
from tui.engine.errors import InstallationError, MlperfTuiError

EMBEDDED = "embedded"
CUDA = Path("/usr/local/cuda")
OFFICIAL_DEFAULT = Path("/mnt/data/mlperf-official")
EMBEDDED_SCRIPT = "run-smoke-inference"
SETUP_LOG = "setup.log"
"""In an installation's folder; locked while a setup works there."""
OFFICIAL_SCRIPT = "run-mlperf-inference-app"


@dataclass(frozen=True)
class Installation:
    """Where mlcr is and what it needs around it."""

    name: str
    """`embedded`, or the installation's folder."""
    mlcr: Path
    mlc_repos: Path
    script: Path
    """Folder of the automation script behind `run-mlperf,inference`."""
    env_vars: Mapping[str, str]
    """What mlcr needs in its environment."""


def choose(asked: str | None) -> tuple[str, str | None]:
    """Which installation to use, by the contract's order.

    Args:
        asked: what the user named for this run; None: nothing.

    Returns:
        Its name, and a sentence to say where the choice was ours.
    """
    if asked:
        return asked, None
    named = os.environ.get("MLPERF_TUI_INSTALLATION") or home.read_settings().get("installation")
    if named:
        return str(named), None
    try:
        official(OFFICIAL_DEFAULT)
    except InstallationError:
        return EMBEDDED, f"no official installation at {OFFICIAL_DEFAULT}: using the embedded one"
    return str(OFFICIAL_DEFAULT), f"using the official installation {OFFICIAL_DEFAULT}"


def known() -> list[str]:
    """The installations that can be named here: what `choose` would take, and the embedded one."""
    try:
        name, _ = choose(None)
        if name != EMBEDDED:
            official(folder_of(name))
            return [name, EMBEDDED]
    except (MlperfTuiError, OSError):
        return [EMBEDDED]  # why, is said where a benchmark needs it
    return [EMBEDDED]


def locate(name: str, root: Path) -> Installation:
    """The installation of that name.

    Args:
        name: `embedded` or a folder.
        root: our data root, where the embedded one keeps its registry and cache.

    Raises:
        InstallationError: nothing usable is there; says what is missing.
    """
    if name == EMBEDDED:
        return embedded(root)
    folder = folder_of(name)
    if process.is_locked(folder / SETUP_LOG):
        raise InstallationError(f"--installation: a setup works in {folder} now; wait for its end")
    return official(folder)


def folder_of(name: str) -> Path:
    """The folder of an official installation that a user has named."""
    return Path(os.path.expanduser(name)).absolute()


def embedded(root: Path) -> Installation:
    """Our own repository with our own environment's mlcr; writes nothing (see `register`)."""
    mlcr = Path(sysconfig.get_path("scripts")) / "mlcr"
    if not os.access(mlcr, os.X_OK):
        raise InstallationError(
            f"the command mlcr is missing ({mlcr}); install it with: "
            f"{sys.executable} -m pip install mlcflow"
        )
    repos = root / EMBEDDED / "repos"
    repository = Path(__file__).parents[1] / "smoke/mlcrepo"
    return Installation(
        EMBEDDED,
        mlcr,
        repos,
        repository / "script" / EMBEDDED_SCRIPT,
        _env_vars(mlcr, repos) | {"PYTHONDONTWRITEBYTECODE": "1"},
    )


def official(folder: Path) -> Installation:
    """An installation such as /mnt/data/mlperf-official: `mlc/bin/mlcr` and its own MLC_REPOS."""
    mlcr = folder / "mlc/bin/mlcr"
    if not os.access(mlcr, os.X_OK):
        raise InstallationError(
            f"--installation: no mlcr at {mlcr}; name a folder that holds mlc/bin/mlcr, "
            f"or {EMBEDDED}; `mlperf-tui setup {folder}` makes an installation there"
        )
    if is_ours(mlcr):
        raise InstallationError(
            f"--installation: {mlcr} belongs to the environment mlperf-tui runs in, and official "
            "scripts would rewrite it; give the installation a venv of its own"
        )
    for repos in (folder / "MLC/repos", Path.home() / "MLC/repos"):
        script = registered_script(repos, OFFICIAL_SCRIPT)
        if script is not None:
            if registered_script(repos, EMBEDDED_SCRIPT) is not None:
                raise InstallationError(
                    f"--installation: {repos} holds our embedded repository beside the official "
                    "one, and mlcr would pick either; remove the embedded one: mlc rm repo"
                )
            env_vars = _env_vars(mlcr, repos) | mirror.remembered_env_vars(folder)
            return Installation(str(folder), mlcr, repos, script, env_vars)
    own = folder / "MLC/repos"
    raise InstallationError(
        f"--installation: {folder} has no automation repository ({OFFICIAL_SCRIPT} in {own}); "
        f"get it with: MLC_REPOS={own} {mlcr.with_name('mlc')} pull repo "
        "mlcommons@mlperf-automations"
    )


def is_ours(mlcr: Path) -> bool:
    """It would run in our own environment: by its folder, by a link, or by its first line."""
    ours = Path(sys.prefix).resolve()
    with open(mlcr, "rb") as file:
        first = file.readline(4096).decode(errors="replace")
    interpreter = Path(first.removeprefix("#!").strip() if first.startswith("#!") else mlcr)
    places = (mlcr.parent, mlcr.resolve().parent, interpreter.parent)
    return any(place.parent.resolve() == ours for place in places)


def registered_script(repos: Path, script: str) -> Path | None:
    """The folder of `script` in the repositories that `repos/repos.json` lists."""
    listed = home.read_json(repos / "repos.json")
    for one in listed if isinstance(listed, list) else ():
        folder = Path(str(one)) / "script" / script
        if (folder / "meta.yaml").is_file():
            return folder
    return None


def register(installation: Installation) -> None:
    """Make the embedded installation's registry; an official one is left as it is."""
    if installation.name != EMBEDDED:
        return
    repos = installation.mlc_repos
    repository = installation.script.parent.parent
    wanted = [str(repos / "local"), str(repository)]
    (repos / "local").mkdir(parents=True, exist_ok=True)
    if home.read_json(repos / "repos.json") != wanted:
        home.write_atomic(repos / "repos.json", json.dumps(wanted))


def cuda_env_vars(
    env_vars: Mapping[str, str],
    variables: Mapping[str, str] = os.environ,
    cuda: Path = CUDA,
) -> dict[str, str]:
    """The guide's three exports, where CUDA lies in its usual place and nothing names it.

    Args:
        env_vars: what is set for the run already.
        variables: the environment of whoever starts it.
        cuda: where it lies.
    """
    seen = {**variables, **env_vars}
    path = seen.get("PATH", os.defpath)
    if "CUDA_HOME" in seen or shutil.which("nvcc", path=path):
        return {}
    if not os.access(cuda / "bin/nvcc", os.X_OK):
        return {}
    libraries = [str(cuda / "lib64"), *filter(None, [seen.get("LD_LIBRARY_PATH")])]
    return {
        "CUDA_HOME": str(cuda),
        "PATH": f"{path}:{cuda / 'bin'}",
        "LD_LIBRARY_PATH": ":".join(libraries),
    }


def _env_vars(mlcr: Path, repos: Path) -> dict[str, str]:
    path = os.environ.get("PATH", os.defpath)
    return {
        "MLC_REPOS": str(repos),
        "PATH": f"{mlcr.parent}:{path}",
        "VIRTUAL_ENV": str(mlcr.parent.parent),
        "PYTHONUNBUFFERED": "1",
    }
