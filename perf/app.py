"""Figures of the app, each beside a named peer or floor, taken in the same minute."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from perf.made import command_run, finished_run
from perf.terminal import Terminal
from tui.engine.runners import runner_of
from tui.engine.store import RunStore

TUI = [sys.executable, "-m", "tui"]
MINIMAL = """\
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("minimal is ready")
Minimal().run()
"""
STOCK_LOG = """\
import sys
from textual.app import App
from textual.widgets import Log, Static
class Stock(App):
    BINDINGS = [("f", "flip")]
    CSS = "Static { height: 1 } Log { height: 1fr }"
    flipped = False
    def compose(self):
        yield Static("stock AAAA", id="flip")
        yield Log(max_lines=10000)
    def on_mount(self):
        self.file = open(sys.argv[1], errors="replace")
        self.file.seek(0, 2)
        self.set_interval(0.1, self.tail)
    def tail(self):
        if lines := self.file.readlines():
            self.query_one(Log).write("".join(lines))
    def action_flip(self):
        self.flipped = not self.flipped
        self.query_one("#flip", Static).update("stock BBBB" if self.flipped else "stock AAAA")
Stock().run()
"""
FLOOD = """\
import time
due = time.monotonic()
line = '[2026-11-24 14:22:07,123 module.py      :4574 INFO ] - line %07d of a flood, as mlcr prints'
n = 0
while True:
    print('\\n'.join(line % (n + k) for k in range(500)), flush=True)
    n += 500
    due += 0.01
    time.sleep(max(0, due - time.monotonic()))
"""


PATIENCE_S = 10.0


def first_paint(root: Path, rounds: int = 7) -> None:
    """CPU until the Benchmarks screen is seen, against an app of one Static."""
    found: dict[str, list[float]] = {"minimal": [], "ours": []}
    for _ in range(rounds):
        for name, argv, words in (
            ("minimal", [sys.executable, "-c", MINIMAL], "minimal is ready"),
            ("ours", TUI, "Enter"),
        ):
            terminal = Terminal(argv, root, 80, 24)
            terminal.until(words)
            found[name].append(terminal.cpu_s())
            terminal.close()
    ours, floor = (statistics.median(found[name]) for name in ("ours", "minimal"))
    print(f"first paint, Benchmarks      {ours * 1e3:7.0f} ms CPU   (asked: <= 350 where 180)")
    print(f"  a Textual app of one line  {floor * 1e3:7.0f} ms CPU   ratio {ours / floor:.2f}")


def idle(root: Path, seconds: float = 20) -> None:
    """What a run screen sends and needs when nothing happens: a run that is over, a silent one."""
    finished_run(root, 0)
    silent = command_run(RunStore(root), "import time; print('silent', flush=True); time.sleep(90)")
    for name, keys in (("over", "\x1b[B\r"), ("silent, live", "\r")):
        terminal = open_run(root, keys)
        terminal.drain(3)
        bytes_before, cpu_before = terminal.count, terminal.cpu_s()
        terminal.drain(seconds)
        sent = (terminal.count - bytes_before) / seconds
        cpu = (terminal.cpu_s() - cpu_before) / seconds
        print(f"run screen, {name:13}    {sent:7.0f} B/s, {100 * cpu:.2f} % of a core")
        terminal.close()
    runner_of(silent).stop(silent, 30)
    print("  asked of an idle screen          0 B/s, < 0.5 %")


def open_run(root: Path, keys: str) -> Terminal:
    """The app with a run open."""
    terminal = Terminal(TUI, root)
    terminal.until("Enter")
    terminal.drain(1)
    terminal.clear()
    terminal.press("2")
    terminal.until("age")
    terminal.drain(1)
    terminal.clear()
    terminal.press(keys)
    terminal.until("line")
    return terminal


def flood(root: Path, presses: int = 60) -> None:
    """Key to screen while 50,000 lines a second arrive, against Textual's own Log."""
    run = command_run(RunStore(root), FLOOD)
    ours = open_run(root, "\r")
    ours.until("following")
    times = {"ours": flips(ours, (" of ", "following"), presses)}
    cpu = ours.cpu_s()
    ours.drain(5)
    share = (ours.cpu_s() - cpu) / 5
    ours.close()
    stock = Terminal([sys.executable, "-c", STOCK_LOG, str(run.console)], root)
    stock.until("AAAA")
    time.sleep(2)
    times["stock"] = flips(stock, ("BBBB", "AAAA"), presses)
    stock.close()
    runner_of(run).stop(run, 30)
    for name, words in (("ours", "our log"), ("stock", "Textual's Log")):
        some = sorted(times[name])
        p95 = some[int(len(some) * 0.95)] * 1e3
        p50 = statistics.median(some) * 1e3
        print(f"key to screen, {words:14}{p50:7.0f} ms p50, {p95:.0f} ms p95 at 50 000 lines/s")
    print(f"  asked: <= 80 ms p95; following takes {100 * share:.0f} % of a core")


def flips(terminal: Terminal, words: tuple[str, str], presses: int) -> list[float]:
    """Seconds from each press of f until the other word is seen."""
    times = []
    for n in range(presses):
        terminal.drain(0.13 + 0.01 * (n % 7))
        terminal.clear()
        terminal.press("f")
        try:
            times.append(terminal.until(words[n % 2], PATIENCE_S))
        except RuntimeError:
            return [*times, PATIENCE_S]  # it will not come: said by the figure
    return times


def big_log(root: Path, size: int = 10**9) -> None:
    """Memory with a log of 1 GB: at its end, at its start, and searched through."""
    line = b"[2026-11-24 14:22:07,123 module.py      :4574 INFO ] - " + b"x" * 90 + b"\n"
    run = finished_run(root, 0, b"")
    with run.console.open("wb") as file:
        piece = line * 10_000
        while file.tell() < size:
            file.write(piece)
        file.write(b"the end\n")
    terminal = open_run(root, "\r")
    waited = terminal.until("the end", 120)
    terminal.press("g")
    terminal.drain(1)
    terminal.press("/nowhere\r")
    terminal.until("no line has", 120)
    terminal.drain(1)
    rss, most = terminal.rss_bytes() / 1e6, terminal.rss_bytes("VmHWM") / 1e6
    terminal.close()
    run.console.unlink()
    print(f"1 GB log                     {rss:7.1f} MB RSS, {most:.1f} at most   (asked: <= 80)")
    print(f"  its end is seen after      {waited:7.1f} s, indexing included")


def many_runs(root: Path, rounds: int = 5) -> None:
    """CPU and time to show the history of 10,000 runs, against that of 10."""
    found: dict[int, list[tuple[float, float]]] = {10: [], 10_000: []}
    roots = {count: root / str(count) for count in found}
    for count, place in roots.items():
        for n in range(count):
            finished_run(place, n)
    for _ in range(rounds):
        for count, place in roots.items():
            terminal = Terminal(TUI, place)
            terminal.until("Enter")
            terminal.drain(1)
            terminal.clear()
            cpu = terminal.cpu_s()
            terminal.press("2")
            took = terminal.until("2025") if count else 0
            found[count].append((took, terminal.cpu_s() - cpu))
            terminal.close()
    few, many = ([statistics.median(some) for some in zip(*found[count])] for count in (10, 10_000))
    print(f"history of 10 000 runs       {many[0] * 1e3:7.0f} ms, {many[1] * 1e3:.0f} ms CPU")
    print(
        f"  of 10 runs                 {few[0] * 1e3:7.0f} ms, {few[1] * 1e3:.0f} ms CPU   "
        f"ratio {many[0] / few[0]:.2f} (asked: <= 1.5)"
    )


FIGURES = {
    "first-paint": first_paint,
    "idle": idle,
    "flood": flood,
    "big-log": big_log,
    "many-runs": many_runs,
}
