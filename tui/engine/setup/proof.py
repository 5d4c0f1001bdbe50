"""The proof that an installation works: its mlcr runs a first script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from tui.engine import home
from tui.engine.setup import automations
from tui.engine.setup.look import Look
from tui.engine.setup.place import Place
from tui.engine.setup.problem import Problem
from tui.engine.setup.python import packages
from tui.engine.setup.step import TITLES, Step

PROOF = "detect-os_*/mlc-cached-state.json"


def step(here: Place, env_vars: Mapping[str, str]) -> Step:
    """mlcr detect,os, in the environment that mlc needs."""
    return Step(
        "proof",
        TITLES["proof"],
        ((str(here.venv / "bin/mlcr"), "detect,os", "--quiet"),),
        env_vars,
        partial(_look, here),
        confirm=partial(_confirm, here),
    )


def _versions(here: Place) -> dict[str, str | None]:
    """What a proof holds for."""
    return {
        "commit": automations.head(here),
        "mlcflow": packages(here.python, {"mlcflow": ""})["mlcflow"][0],
    }


def _detected(here: Place) -> str:
    """The operating system as mlcr's script has found it; "" where it has found none."""
    for file in (here.repos / "local/cache").glob(PROOF):
        found = home.read_json(file)
        told = found.get("new_env") if isinstance(found, dict) else None
        if isinstance(told, dict) and told.get("MLC_HOST_OS_TYPE"):
            names = ("FLAVOR", "VERSION", "MACHINE")
            words = (told.get(f"MLC_HOST_OS_{name}") for name in names)
            return " ".join(str(one) for one in words if one) or str(told["MLC_HOST_OS_TYPE"])
    return ""


def _look(here: Place) -> Look:
    # The only step that leaves nothing by which it could be told of what it was a proof.
    proved = here.state().get("proved")
    if not proved or not (words := _detected(here)) or proved != _versions(here):
        return Look(words="not proved yet")
    return Look(is_done=True, words=f"it finds {words}")


def _confirm(here: Place, lines: Sequence[str]) -> Problem | None:
    log = "the log has all it printed"
    if not any("* mlcr detect,os" in line for line in lines):
        return Problem("mlcr ended without having run the script detect,os", log)
    if wrong := next((line for line in lines if " ERROR" in line.partition(" - ")[0]), None):
        return Problem(f"mlcr says: {wrong.partition(' - ')[2]}", log)
    if not _detected(here):
        return Problem("mlcr ran detect,os, but it has found no operating system", log)
    here.remember(proved=_versions(here))
    return None
