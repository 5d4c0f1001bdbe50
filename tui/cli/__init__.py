"""The command line: one file a verb family, each with `add(verbs)`; the same engine as the app."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tui.cli import (
    app,
    benchmarks,
    doctor,
    explain,
    gpu,
    options,
    output,
    probe,
    results,
    runs,
    setup,
)
from tui.cli import run as run_verb
from tui.engine.errors import MlperfTuiError, UsageError

VERBS = (
    benchmarks, options, run_verb, runs, results, explain, gpu, probe, doctor, setup,
)  # fmt: skip
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """argparse, with wrong usage as one of our errors."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Name the mistake, and where help is."""
        raise UsageError(f"{message} (see: {self.prog} --help)")


def parser() -> Parser:
    """Every verb with its options."""
    top = Parser(
        prog="mlperf-tui",
        description="Run MLPerf Inference benchmarks, follow them, and read their results. "
        "Without a verb: the terminal app.",
    )
    top.add_argument("--version", action="store_true", help="print the version and end")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    for module in VERBS:
        module.add(verbs)
    return top


def run(argv: Sequence[str]) -> int:
    """Do what `argv` says.

    Returns:
        The exit code of the contract; no error reaches the user as a traceback.
    """
    output.prepare()
    try:
        args = parser().parse_args(argv)
        if args.version:
            return version()
        code: int = app.open_app() if args.verb is None else args.do(args)
        sys.stdout.flush()
        return code
    except MlperfTuiError as error:
        output.complain(str(error))
        return error.exit_code
    except BrokenPipeError:
        # Whoever read us has enough (`| head`); but a run that nobody follows is not known VALID.
        output.silence(sys.stdout)
        return 1 if argv[:1] in (["run"], ["probe"]) else 0
    except OSError as error:
        output.silence(sys.stdout)
        name = f": {error.filename}" if error.filename else ""
        output.complain(f"{error.strerror or error}{name}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def version() -> int:
    """Print the version that was installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        output.line(f"mlperf-tui {installed('mlperf-tui')}")
    except PackageNotFoundError:
        output.line("mlperf-tui, a bare checkout without metadata: install it to have a version")
    return 0
