"""A small automation repository in a mirror, and a venv that has what a setup installs.

The mirror's repository has what setup looks for: its meta.yaml, the script of official runs, and
`detect,os`, which mlcr really runs. The venv takes mlcflow and LoadGen from our own environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.conftest import need

ENGINES = {
    "mlcommons-loadgen": "mlperf_loadgen",
    "onnxruntime": "onnxruntime",
    "numpy": "numpy",
}
"""Of the engines, those that our own environment has."""
FILES = {
    "meta.yaml": "alias: mlcommons@mlperf-automations\nuid: 9cf241afa6074c89\ngit: true\n",
    "script/run-mlperf-inference-app/meta.yaml": """\
alias: run-mlperf-inference-app
uid: 4a5d5b13fd7e4ac8
automation_alias: script
automation_uid: 5b4e0237da074764
tags: [run-mlperf, inference]
cache: false
input_mapping: {model: M, scenario: S}
""",
    "script/detect-os/meta.yaml": """\
alias: detect-os
uid: 863735b7db8c44fc
automation_alias: script
automation_uid: 5b4e0237da074764
tags: [detect-os, detect, os]
cache: true
new_env_keys: [MLC_HOST_OS_*]
""",
    "script/detect-os/customize.py": """\
def preprocess(i):
    i["env"]["MLC_HOST_OS_TYPE"] = i["os_info"]["platform"]
    i["env"]["MLC_HOST_OS_FLAVOR"] = "stand-in"
    return {"return": 0}
""",
}


def git(folder: Path, *words: str) -> str:
    """What git says there."""
    variables = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example", "GIT_CONFIG_GLOBAL": ""}
    variables |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example"}
    done = subprocess.run(
        [need("git"), "-C", str(folder), *words],
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def make_mirror(folder: Path) -> Path:
    """Bare clones of a small mlperf-automations (branches dev, empty) and of inference."""
    work = folder / "work"
    for name, text in FILES.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(work, "init", "-q", "-b", "empty")
    git(work, "add", "meta.yaml")
    git(work, "commit", "-q", "-m", "nothing in it")
    git(work, "switch", "-q", "-c", "dev")
    git(work, "add", ".")
    git(work, "commit", "-q", "-m", "scripts")
    git(work, "clone", "-q", "--bare", ".", str(folder / "mlperf-automations.git"))
    git(work, "clone", "-q", "--bare", "-b", "empty", ".", str(folder / "inference.git"))
    return folder


def add_commit(mirror: Path) -> str:
    """A newer commit on the mirror's dev."""
    work = mirror / "work"
    (work / "newer").write_text("newer\n")
    git(work, "add", ".")
    git(work, "commit", "-q", "-m", "newer")
    git(work, "push", "-q", str(mirror / "mlperf-automations.git"), "dev")
    return git(work, "rev-parse", "HEAD")


def add_clone(folder: Path, mirror: Path) -> Path:
    """The clone that `mlc pull repo` makes in an installation's folder, and its registry."""
    clone = folder / "MLC/repos/mlcommons@mlperf-automations"
    (folder / "MLC/repos/local").mkdir(parents=True)
    git(mirror, "clone", "-q", "-b", "dev", str(mirror / "mlperf-automations.git"), str(clone))
    listed = [str(folder / "MLC/repos/local"), str(clone)]
    (folder / "MLC/repos/repos.json").write_text(json.dumps(listed))
    return clone


def make_venv(folder: Path) -> Path:
    """A venv with pip."""
    subprocess.run([sys.executable, "-I", "-m", "venv", str(folder)], check=True)
    return folder


def furnish(venv: Path, new: Path) -> None:
    """A venv that has that one's pip, and mlcflow and LoadGen from our own environment."""
    argv = [sys.executable, "-I", "-m", "venv", "--without-pip", str(new)]
    subprocess.run(argv, check=True)
    (site,) = new.glob("lib/python*/site-packages")
    (pip,) = venv.glob("lib/python*/site-packages")
    (site / "ours.pth").write_text(f"{pip}\n{sysconfig.get_path('purelib')}\n")
    for name, function in (("mlc", "main"), ("mlcr", "mlcr")):
        write_script(
            new / "bin" / name,
            f"#!{new}/bin/python\nimport sys\nfrom mlc.main import {function}\n"
            f"sys.exit({function}())\n",
        )


def write_script(path: Path, text: str) -> None:
    """A program."""
    path.write_text(text)
    path.chmod(0o755)
