"""Git mirrors on disk in place of GitHub: told to git by variables, never by ~/.gitconfig.

Git takes nothing from a mirror that belongs to another user, whatever variables say: the user has
to allow that (`git config --global --add safe.directory PATH`).
"""

from __future__ import annotations

import os
from pathlib import Path

from tui.engine import home

STATE = ".mlperf-tui-setup.json"
"""In an installation's folder: what `setup` did there, and from which mirror."""
AUTOMATIONS, INFERENCE = "mlperf-automations", "inference"
URL = "https://github.com/mlcommons/{}"


def repository(mirror: Path, name: str) -> Path | None:
    """The clone of that name in a mirror, with or without .git; None where there is none."""
    for folder in (mirror / f"{name}.git", mirror / name):
        if (folder / "HEAD").is_file() or (folder / ".git").exists():
            return folder
    return None


def env_vars(mirror: Path) -> dict[str, str]:
    """The variables by which git takes the mirror's clones in place of GitHub's.

    Those that the user has set the same way are kept, so that the result stands alone.
    """
    pairs = _users_own()
    for name in (AUTOMATIONS, INFERENCE):
        if (folder := repository(mirror, name)) is not None:
            url = URL.format(name)
            key = f"url.file://{folder}.insteadOf"
            pairs += [(key, url), (key, f"{url}.git")]  # mlcr asks for either
            # Git goes by how a URL begins: inference_results_v5.1 is another repository.
            pairs += [(f"url.{url}{end}.insteadOf", f"{url}{end}") for end in "_-"]
    found = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for nth, (key, value) in enumerate(pairs):
        found |= {f"GIT_CONFIG_KEY_{nth}": key, f"GIT_CONFIG_VALUE_{nth}": value}
    return found


def _users_own() -> list[tuple[str, str]]:
    count = os.environ.get("GIT_CONFIG_COUNT", "")
    names = range(int(count)) if count.isdigit() else ()
    return [
        (os.environ[f"GIT_CONFIG_KEY_{n}"], os.environ.get(f"GIT_CONFIG_VALUE_{n}", ""))
        for n in names
        if f"GIT_CONFIG_KEY_{n}" in os.environ
    ]


def remembered(installation: Path) -> Path | None:
    """The mirror that an installation was set up from; None where there was none, or it is gone."""
    found = home.read_json(installation / STATE)
    named = found.get("mirror") if isinstance(found, dict) else None
    return Path(named) if isinstance(named, str) and Path(named).is_dir() else None


def remembered_env_vars(installation: Path) -> dict[str, str]:
    """What a run of that installation needs in its environment for its mirror; often nothing."""
    mirror = remembered(installation)
    return env_vars(mirror) if mirror is not None else {}
