"""The log pane alone, over a made-up log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from widgets.log_view import LogView
from widgets.rows import LineLook, Tone


class Lines:
    """A log in memory that counts what is asked of it."""

    def __init__(self, lines: list[bytes]) -> None:
        self.all, self.asked, self.open_end = lines, 0, False

    @property
    def lines(self) -> int:
        return len(self.all)

    @property
    def is_last_open(self) -> bool:
        return self.open_end

    def poll(self) -> bool:
        return False

    def window(self, first: int, count: int) -> list[bytes]:
        self.asked += count
        return self.all[first : first + count]

    def search(
        self, word: bytes, line: int, *, backwards: bool = False
    ) -> Iterator[tuple[int | None, float]]:
        yield None, 1.0


def look(text: str) -> LineLook:
    if text.startswith("[prefix] "):
        return LineLook(Tone.BAD, len("[prefix] "), "> ")
    return LineLook()


class LogApp(App[None]):
    def __init__(self, log: Lines) -> None:
        super().__init__(ansi_color=True)
        self.log_lines = log
        self.places: list[tuple[int, int, bool]] = []

    def compose(self) -> ComposeResult:
        yield LogView()

    def on_mount(self) -> None:
        self.view.show(self.log_lines, look, live=True)
        self.screen.set_focus(self.view)

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    def on_log_view_moved(self, event: LogView.Moved) -> None:
        self.places.append((event.top, event.lines, event.following))

    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        # without the scrollbar
        return ["".join(segment.text for segment in strip)[:39].rstrip() for strip in strips]


def numbered(start: int, stop: int) -> list[bytes]:
    return [b"line %d" % n for n in range(start, stop)]


async def until(pilot: Pilot[None], claim: Callable[[], Any]) -> None:
    for _ in range(200):
        await pilot.pause()
        if claim():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(pilot.app.lines())  # type: ignore[attr-defined]


async def test_it_follows_the_end_and_reads_only_what_is_seen() -> None:
    log = Lines(numbered(0, 100_000))
    app = LogApp(log)
    async with app.run_test(size=(40, 10)) as pilot:
        await until(pilot, lambda: app.lines()[9] == "line 99999")
        log.all += numbered(100_000, 200_000)
        await until(pilot, lambda: app.lines()[9] == "line 199999")
        assert app.places[-1] == (199_990, 200_000, True)
        assert log.asked < 200


async def test_whoever_reads_is_not_moved_by_new_lines() -> None:
    log = Lines(numbered(0, 1000))
    app = LogApp(log)
    async with app.run_test(size=(40, 10)) as pilot:
        await until(pilot, lambda: app.lines()[9] == "line 999")
        await pilot.press("pageup")
        before = app.lines()
        assert before[9] == "line 990"
        log.all += numbered(1000, 3000)
        await until(pilot, lambda: app.places[-1][1] == 3000)
        assert app.lines() == before
        assert not app.view.following
        await pilot.press("G")
        await until(pilot, lambda: app.lines()[9] == "line 2999")
        log.all += numbered(3000, 3001)
        await until(pilot, lambda: app.lines()[9] == "line 3000")


async def test_moving_down_to_the_end_follows_again_and_f_stays() -> None:
    log = Lines(numbered(0, 100))
    app = LogApp(log)
    async with app.run_test(size=(40, 10)) as pilot:
        await until(pilot, lambda: app.lines()[9] == "line 99")
        await pilot.press("up", "down")
        assert app.view.following
        await pilot.press("f")
        assert not app.view.following
        await pilot.press("g")
        assert app.lines()[0] == "line 0"
        await pilot.press("f")
        assert app.view.following
        assert app.lines()[9] == "line 99"


async def test_a_progress_bar_is_rewritten_in_its_row() -> None:
    log = Lines([b"start", b"\r 10 %"])
    log.open_end = True
    app = LogApp(log)
    async with app.run_test(size=(40, 10)) as pilot:
        await until(pilot, lambda: app.lines()[1] == " 10 %")
        log.all[1] += b"\r 95 %"
        await until(pilot, lambda: app.lines()[1] == " 95 %")
        log.all[1] += b"\r100 %"
        log.all.append(b"done")
        log.open_end = False
        await until(pilot, lambda: app.lines()[1:3] == ["100 %", "done"])


async def test_prefixes_are_shortened_and_words_marked() -> None:
    app = LogApp(Lines([b"[prefix] it went wrong", b"a needle, a Needle", b"plain"]))
    async with app.run_test(size=(40, 10)) as pilot:
        await until(pilot, lambda: app.lines()[0] == "> it went wrong")
        app.view.highlight("needle")
        await pilot.pause()
        strip = app.view.render_line(1)
        hits = [one.text for one in strip if one.style and one.style.reverse]
        assert hits == ["needle", "Needle"]
        (bad,) = [one for one in app.view.render_line(0) if "wrong" in one.text]
        assert bad.style is not None
        assert bad.style.color is not None
        assert bad.style.color.name == "red"


async def test_going_to_a_line_marks_it_until_one_moves() -> None:
    app = LogApp(Lines(numbered(0, 500)))
    async with app.run_test(size=(40, 10)) as pilot:
        await until(pilot, lambda: app.lines()[9] == "line 499")
        app.view.go_to(100)
        await until(pilot, lambda: "line 100" in app.lines())
        assert (app.view.marked, app.view.following) == (100, False)
        await pilot.press("down")
        assert app.view.marked is None


async def test_a_log_that_starts_anew_is_shown_anew() -> None:
    log = Lines(numbered(0, 100))
    app = LogApp(log)
    async with app.run_test(size=(40, 10)) as pilot:
        await until(pilot, lambda: app.lines()[9] == "line 99")
        log.all = [b"other"]
        await until(pilot, lambda: app.lines()[0] == "other")


async def test_a_finished_log_is_looked_at_no_more() -> None:
    log = Lines(numbered(0, 5))
    app = LogApp(log)
    async with app.run_test(size=(40, 10)) as pilot:
        await until(pilot, lambda: app.lines()[4] == "line 4")
        log.all += numbered(5, 6)
        app.view.finish()
        await until(pilot, lambda: app.lines()[5] == "line 5")
        log.all += numbered(6, 7)
        await asyncio.sleep(0.6)
        assert app.lines()[6] == ""
