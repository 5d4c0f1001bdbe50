"""A console log as lines: how many, where each begins, which hold a word. Never whole in memory.

Only the number of newlines before each 64 KiB block is kept: 8 bytes a block, 180 kB for a log of
1.5 GB. A line is found by a bisection and a look into one block, which is read again each time.
"""

from __future__ import annotations

import os
import stat
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

BLOCK = 65536
CACHED_BLOCKS = 64
"""4 MiB: some screens up and down."""
LONGEST = 16384
"""Bytes of a line that are shown: its head, or its tail where a progress bar overwrote it."""
SEARCH_BYTES = 2 << 20
"""Scanned in one go: a find holds the interpreter, so it must stay short."""
MARKS = (b"ERROR - ", b"Traceback (most", b"Error:", b"Killed", b"return code = ")
"""Literal words that tell of a failure, looked for while indexing."""
MOST_MARKS = 10_000
LONGEST_MARK = max(map(len, MARKS))


class LogIndex:
    """The lines of one growing file, from 0 on. A file that shrinks is read anew.

    For one thread; another takes an index of its own.
    """

    def __init__(self, path: Path, block: int = BLOCK) -> None:
        self._path, self._block = path, block
        self._handle: int | None = None
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._reset()

    def _reset(self) -> None:
        self._before = array("Q", [0])
        """[i]: newlines before block i."""
        self._cache.clear()
        self.size = 0
        """Bytes indexed."""
        self._newlines = 0
        self._ends_with_newline = True
        self._tail = b""
        self.marks: list[int] = []
        """Where words that tell of a failure stand, by byte offset; the first 10 000."""

    def copy(self) -> LogIndex:
        """The same lines as of now, for another thread: nothing is indexed again."""
        other = LogIndex(self._path, self._block)
        other._before = self._before[:]
        other.size, other._newlines = self.size, self._newlines
        other._ends_with_newline, other.marks = self._ends_with_newline, self.marks[:]
        return other

    @property
    def lines(self) -> int:
        """Lines so far; the last may still grow."""
        return self._newlines + (0 if self._ends_with_newline else 1)

    @property
    def is_last_open(self) -> bool:
        """The last line has no newline yet."""
        return not self._ends_with_newline

    def poll(self, limit: int = 8 << 20) -> bool:
        """Index what was added, `limit` bytes at most.

        Returns:
            More is there.
        """
        handle = self._open()
        if handle is None:
            return False
        there = os.fstat(handle).st_size
        if there < self.size:
            self._reset()
        end = min(there, self.size + limit)
        while self.size < end:
            within = self.size % self._block
            data = os.pread(handle, min(self._block - within, end - self.size), self.size)
            if not data:
                break
            self._take_in(data)
        return there > self.size

    def _take_in(self, data: bytes) -> None:
        self._cache.pop(self.size // self._block, None)  # what is cached of it is too short
        self._mark(data)
        self._newlines += data.count(b"\n")
        self.size += len(data)
        self._ends_with_newline = data.endswith(b"\n")
        if self.size % self._block == 0:
            self._before.append(self._newlines)

    def _mark(self, data: bytes) -> None:
        """Words in the new bytes, and those that began in the bytes before."""
        if len(self.marks) >= MOST_MARKS:
            return
        joined = self._tail + data
        start = self.size - len(self._tail)
        found = sorted(
            start + at
            for word in MARKS
            for at in _all(joined, word)
            if at + len(word) > len(self._tail)
        )
        self.marks += found[: MOST_MARKS - len(self.marks)]
        self._tail = joined[-(LONGEST_MARK - 1) :]

    def offset(self, line: int) -> int:
        """The byte at which a line begins; the end of the file for lines that are not there."""
        if line <= 0:
            return 0
        if line > self._newlines:
            return self.size
        number = bisect_left(self._before, line) - 1
        skip = line - self._before[number]  # the newlines to pass in this block
        block, at = self._read(number), -1
        for _ in range(skip):
            at = block.find(b"\n", at + 1)
        return number * self._block + at + 1

    def line_at(self, offset: int) -> int:
        """The line that holds a byte."""
        offset = max(0, min(offset, self.size))
        number = min(offset // self._block, len(self._before) - 1)
        within = offset - number * self._block
        return self._before[number] + self._read(number).count(b"\n", 0, within)

    def window(self, first: int, count: int) -> list[bytes]:
        """Lines `first` to `first + count - 1` without newlines, long ones shortened."""
        found: list[bytes] = []
        last = min(first + count, self.lines)
        at = self.offset(first)
        for _ in range(first, last):
            end = self._end_of_line(at)
            found.append(self._shortened(at, end))
            at = end + 1
        return found

    def _end_of_line(self, offset: int) -> int:
        """Where the newline stands that ends the line at `offset`; the file's end without one."""
        number, within = divmod(offset, self._block)
        while number * self._block < self.size:
            at = self._read(number).find(b"\n", within)
            if at >= 0:
                return number * self._block + at
            if self._is_without_newline(number + 1):
                number = self._next_with_newline(number + 1) - 1
            number, within = number + 1, 0
        return self.size

    def _is_without_newline(self, number: int) -> bool:
        counts = self._before
        return number + 1 < len(counts) and counts[number] == counts[number + 1]

    def _next_with_newline(self, number: int) -> int:
        """The first block from `number` on that may hold a newline; none between is read."""
        return bisect_right(self._before, self._before[number]) - 1

    def _shortened(self, start: int, end: int) -> bytes:
        if end - start <= LONGEST:
            return self._bytes(start, end)
        tail = self._bytes(end - LONGEST, end)
        return tail if b"\r" in tail.rstrip(b"\r") else self._bytes(start, start + LONGEST)

    def search(
        self, word: bytes, line: int, *, backwards: bool = False
    ) -> Iterator[tuple[int | None, float]]:
        """Look for a literal word, upper and lower case alike, in the lines from `line` on.

        Yields:
            (None, how much is scanned, 0 to 1) from time to time, so that the caller can stop it;
            then (the line, 1.0), or (None, 1.0) where no line has it.
        """
        needle = word.lower()
        bounds = (0, self.offset(line + 1)) if backwards else (self.offset(line), self.size)
        start, end = bounds
        total = max(1, end - start)
        while start < end and needle:
            if backwards:
                piece = (max(start, end - SEARCH_BYTES), end)
                end = piece[0]
            else:
                piece = (start, min(end, start + SEARCH_BYTES))
                start = piece[1]
            overlap = min(bounds[1], piece[1] + len(needle) - 1)
            data = self._bytes(piece[0], overlap).lower()
            at = data.rfind(needle) if backwards else data.find(needle)
            if at >= 0:
                yield self.line_at(piece[0] + at), 1.0
                return
            yield None, 1 - (end - start) / total
        yield None, 1.0

    def next_mark(self, line: int, *, backwards: bool = False) -> int | None:
        """The nearest line after (before) `line` with a word that tells of a failure."""
        if backwards:
            place = bisect_left(self.marks, self.offset(line)) - 1
            return self.line_at(self.marks[place]) if place >= 0 else None
        place = bisect_left(self.marks, self.offset(line + 1))
        return self.line_at(self.marks[place]) if place < len(self.marks) else None

    def _bytes(self, start: int, end: int) -> bytes:
        handle = self._open()
        if end - start > 2 * self._block:
            return os.pread(handle, end - start, start) if handle is not None else b""
        parts = []
        for number in range(start // self._block, (max(end - 1, start)) // self._block + 1):
            base = number * self._block
            parts.append(self._read(number)[max(0, start - base) : max(0, end - base)])
        return b"".join(parts)

    def _read(self, number: int) -> bytes:
        """One block as far as it is indexed."""
        cached = self._cache.get(number)
        if cached is None:
            handle, start = self._open(), number * self._block
            length = max(0, min(self._block, self.size - start))
            cached = os.pread(handle, length, start) if handle is not None else b""
            self._cache[number] = cached
            if len(self._cache) > CACHED_BLOCKS:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(number)
        return cached

    def _open(self) -> int | None:
        if self._handle is None:
            try:
                handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return None  # not there yet
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                return None
            self._handle = handle
        return self._handle

    def close(self) -> None:
        """Let go of the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _all(data: bytes, word: bytes) -> Iterator[int]:
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)
