"""Stands in for the probe's body: prints a recorded console, and ends as it is told.

    python probe_body.py FILE [--lines N] [--pause S] [--then end|segfault|hang|garbage|exit=N]

What it prints is real; that it measures nothing is the point: the protocol is tried, not CuPy.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time


def main() -> int:
    words = argparse.ArgumentParser()
    words.add_argument("file")
    words.add_argument("--lines", type=int)
    words.add_argument("--pause", type=float, default=0.0)
    words.add_argument("--then", default="end")
    args, _ = words.parse_known_args()
    with open(args.file, encoding="utf-8") as file:
        for line in file.readlines()[: args.lines]:
            sys.stdout.write(line)
            sys.stdout.flush()
            time.sleep(args.pause)
    if args.then == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif args.then == "hang":
        time.sleep(600)
    elif args.then == "garbage":
        os.write(1, b"\xff\xfe{]]\n" * 1000 + b"x" * 2_000_000)
    return int(args.then[5:]) if args.then.startswith("exit=") else 0


if __name__ == "__main__":
    sys.exit(main())
