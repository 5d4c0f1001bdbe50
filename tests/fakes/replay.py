"""Plays an asciicast as a real process: the recorded bytes with the recorded gaps.

    python replay.py FILE SPEED     # SPEED 20: twenty times as fast

Its exit code is the recorded one.
"""

from __future__ import annotations

import json
import sys
import time


def main() -> int:
    code, last, speed = 0, 0.0, float(sys.argv[2])
    with open(sys.argv[1], encoding="utf-8") as cast:
        next(cast)
        for line in cast:
            moment, kind, text = json.loads(line)
            time.sleep(max(0.0, moment - last) / speed)
            last = moment
            if kind == "o":
                sys.stdout.buffer.write(text.encode())
                sys.stdout.buffer.flush()
            elif kind == "m":
                code = int(text.removeprefix("exit "))
    return code


if __name__ == "__main__":
    sys.exit(main())
