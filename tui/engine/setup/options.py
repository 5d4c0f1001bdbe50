"""What a user may ask of a setup: the same words on the command line and in the app."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui.engine.errors import UsageError

if TYPE_CHECKING:
    from typing import NoReturn

    from tui.engine.setup.step import Request

BRANCH = "dev"
"""Of mlperf-automations; here because every start of the command line reads this module."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """The folder and every option that says what to set up."""
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="DIR",
        help="default: where official runs look for one (/mnt/data/mlperf-official)",
    )
    parser.add_argument(
        "--from-mirror",
        metavar="DIR",
        help="a folder with clones of mlperf-automations and inference, in place of GitHub",
    )
    parser.add_argument(
        "--branch",
        default=BRANCH,
        help=f"of mlperf-automations (default: {BRANCH})",
    )
    parser.add_argument("--checkout", metavar="SHA", help="a commit of it in place of the newest")
    parser.add_argument(
        "--force",
        action="store_true",
        help="pull the scripts where they are there; local changes are put aside meanwhile",
    )


def request(found: argparse.Namespace, *, has_gpu: bool) -> Request:
    """What was asked for, from the parser's answer."""
    from tui.engine import mlcflow
    from tui.engine.setup import place
    from tui.engine.setup.step import Request

    return Request(
        mlcflow.folder_of(found.folder) if found.folder else place.default_folder(),
        Path(found.from_mirror).expanduser().absolute() if found.from_mirror else None,
        found.branch,
        found.checkout,
        found.force,
        has_gpu=has_gpu,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse(words: Sequence[str], *, has_gpu: bool) -> Request:
    """What was asked for, from the words after `mlperf-tui setup`.

    Raises:
        UsageError: they are not understood.
    """
    parser = _Parser(add_help=False)
    add_to(parser)
    return request(parser.parse_args(list(words)), has_gpu=has_gpu)


def words(asked: Request) -> str:
    """The words that ask for it."""
    found = [str(asked.folder)]
    found += ["--from-mirror", str(asked.mirror)] if asked.mirror else []
    found += ["--branch", asked.branch] if asked.branch != BRANCH else []
    found += ["--checkout", asked.checkout] if asked.checkout else []
    found += ["--force"] if asked.force else []
    return shlex.join(found)
