"""`python -m tui`, and the command `mlperf-tui`."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Parse the command line and do it; returns the exit code of the contract."""
    # With a standard stream closed, its number would go to the next file that is opened.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(spare)
    try:
        from tui.cli import run
    except KeyboardInterrupt:  # before there is anything to end
        return 130
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
