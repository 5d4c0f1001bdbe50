"""`python -m tui`, and the command `mlperf-tui`."""

from __future__ import annotations

import sys


def main() -> int:
    """Parse the command line and do it; returns the exit code of the contract."""
    from tui.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
