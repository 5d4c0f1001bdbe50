"""The app in a real terminal (tmux): sizes, signals, job control, and what is left afterwards."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import DATA, FAKES, finished, need, python, running, submit, wait_for
from tui.engine.store import Run, RunStore

LONG = python("import time; print('going', flush=True); time.sleep(300)")
APP = f"{shlex.quote(sys.executable)} -m tui"


class Terminal:
    """A shell in tmux, on a server of its own."""

    def __init__(self, socket: Path, width: int, height: int) -> None:
        self._tmux = [need("tmux"), "-S", str(socket), "-f", "/dev/null"]
        env = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        size = ("-x", str(width), "-y", str(height))
        self._run("new-session", "-d", *size, "sh", env={**env, "PS1": "$ ", "LANG": "C.UTF-8"})

    def _run(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, text=True, check=True, env=env
        )
        return done.stdout

    def type(self, line: str) -> None:
        """A line into the shell."""
        self._run("send-keys", "-l", line)
        self.keys("Enter")

    def keys(self, *names: str) -> None:
        """Keys by tmux's names."""
        self._run("send-keys", *names)

    def screen(self) -> str:
        """What is seen."""
        return self._run("capture-pane", "-p")

    def until(self, *words: str) -> str:
        """The screen as soon as it has all these words."""
        try:
            return str(wait_for(lambda: all(w in self.screen() for w in words) and self.screen()))
        except AssertionError:
            raise AssertionError(f"{words} not in\n{self.screen()}") from None

    def until_left(self) -> None:
        """Wait until the shell has the terminal again."""
        wait_for(lambda: self.modes()["alternate_on"] == "0" and not app_pid())

    def open_newest(self) -> None:
        """The newest run, by the history."""
        self.until("Enter start")
        self.keys("2")
        self.until("Enter open")
        self.keys("Enter")

    def modes(self) -> dict[str, str]:
        """Alternate screen, mouse, cursor of the terminal, as tmux knows them."""
        names = ("alternate_on", "mouse_any_flag", "mouse_sgr_flag", "cursor_flag", "keypad_flag")
        found = self._run("display", "-p", " ".join(f"#{{{name}}}" for name in names)).split()
        return dict(zip(names, found))

    def resize(self, width: int, height: int) -> None:
        """Another size."""
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def close(self) -> None:
        """End the server."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)


UNWANTED = ("TMUX", "NO_COLOR", "COLORTERM", "LC_ALL", "LC_CTYPE", "CI")


@pytest.fixture
def terminal(root: Path, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal of 80x24."""
    opened = Terminal(tmp_path / "tmux", 80, 24)
    yield opened
    opened.close()


def restored(terminal: Terminal) -> bool:
    """The modes are those of a shell, and what is typed is seen."""
    modes = terminal.modes()
    terminal.type("stty -a | grep -c -- ' echo '; echo alive-$((1+1))")
    terminal.until("alive-2")
    return (
        modes["alternate_on"] == "0"
        and modes["mouse_any_flag"] == "0"
        and modes["cursor_flag"] == "1"
        and "\n1\n" in terminal.screen()
    )


def app_pid() -> int:
    """The process id of the app on this test's data root."""
    home = os.environ["MLPERF_TUI_HOME"]
    for name in os.listdir("/proc"):
        try:
            argv = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            environ = Path("/proc", name, "environ").read_bytes()
        except OSError:
            continue
        if argv[1:4] == [b"-m", b"tui", b""] and home.encode() in environ:
            return int(name)
    return 0


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_it_fits_the_terminal_and_follows_its_size(
    terminal: Terminal, width: int, height: int
) -> None:
    terminal.resize(width, height)
    terminal.type(APP)
    screen = terminal.until("smoke", "Press Enter: a 10-second run", "Enter start", "q quit")
    lines = screen.split("\n")
    assert lines[height - 1].startswith("Enter start")
    assert max(map(len, lines)) <= width
    other = (200, 50) if width == 80 else (80, 24)
    terminal.resize(*other)
    wait_for(lambda: terminal.screen().split("\n")[other[1] - 1].startswith("Enter start"))
    terminal.resize(40, 10)
    terminal.until("mlperf-tui")
    terminal.keys("q")
    terminal.until_left()
    assert restored(terminal)


def test_from_nothing_to_valid_by_keys_alone(terminal: Terminal) -> None:
    terminal.type(APP)
    terminal.until("Press Enter: a 10-second run")
    terminal.keys("Enter")
    terminal.until("▶ LoadGen", "of ≥0:05", "x stop")
    terminal.until("✔ VALID", "Samples/s", "Esc back")
    terminal.keys("q")
    terminal.until_left()
    assert restored(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_terminal_as_it_was(terminal: Terminal, number: int) -> None:
    terminal.type(f"{APP}; echo code-$?.")
    terminal.until("Enter start")
    pid = wait_for(app_pid)
    assert terminal.modes()["alternate_on"] == "1"
    os.kill(pid, number)
    terminal.until(f"code-{128 + number}.")
    assert restored(terminal)


def test_suspend_and_fg_show_the_screen_again(terminal: Terminal) -> None:
    terminal.type("set -m")
    terminal.type(APP)
    terminal.until("Enter start")
    terminal.keys("C-z")
    wait_for(lambda: terminal.modes()["alternate_on"] == "0")
    terminal.type("fg")
    terminal.until("smoke", "Enter start")
    terminal.keys("Down")
    terminal.until("▶ resnet50")
    terminal.keys("q")
    terminal.until_left()
    assert restored(terminal)


def test_quitting_says_what_goes_on(terminal: Terminal, store: RunStore) -> None:
    run = running(submit(store, LONG))
    terminal.type(APP)
    terminal.until("● 1 running")
    terminal.keys("q")
    terminal.until(f"{run.id} goes on")
    assert run.is_command_alive()


def test_two_apps_on_one_run_see_the_same(
    terminal: Terminal, store: RunStore, tmp_path: Path
) -> None:
    run = running(submit(store, LONG))
    other = Terminal(tmp_path / "tmux-2", 200, 50)
    try:
        for one in (terminal, other):
            one.type(APP)
            one.until("● 1 running")
            one.open_newest()
            one.until("● running", "going")
        terminal.keys("x")
        terminal.until("Stop this run?")
        terminal.keys("y")
        for one in (terminal, other):
            one.until("■ stopped")
        assert run.stored_state.state == "stopped"
    finally:
        other.close()


def test_detached_and_attached_again_it_is_as_it_was(terminal: Terminal, store: RunStore) -> None:
    running(submit(store, LONG))
    terminal.type(APP)
    terminal.open_newest()
    terminal.until("● running")
    client = subprocess.Popen(
        ["script", "-qfc", shlex.join([*terminal._tmux, "attach"]), "/dev/null"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm-256color"}, start_new_session=True,
    )  # fmt: skip
    wait_for(lambda: terminal._run("list-clients").strip())
    os.killpg(client.pid, signal.SIGKILL)
    client.wait()
    wait_for(lambda: not terminal._run("list-clients").strip())
    terminal.until("● running", "going")


def test_killed_by_kill_9_the_run_goes_on_and_the_next_app_shows_it(
    terminal: Terminal, store: RunStore
) -> None:
    run = running(submit(store, LONG))
    terminal.type(APP)
    terminal.open_newest()
    terminal.until("● running", "going")
    os.kill(wait_for(app_pid), signal.SIGKILL)
    terminal.until("Killed")
    assert run.is_command_alive()
    terminal.keys("C-j")  # raw mode was left on: Enter is no line end
    # What is typed before reset is done may be thrown away: its end says that it is.
    terminal._run("send-keys", "-l", "reset; stty sane; echo 'its' 'end'")
    terminal.keys("C-j")
    terminal.until("its end")
    terminal.type(APP)
    terminal.until("Enter start", "● 1 running")


def test_a_terminal_that_vanishes_takes_the_app_and_leaves_the_run(
    terminal: Terminal, store: RunStore
) -> None:
    run = running(submit(store, LONG))
    terminal.type(f"trap '' HUP; {APP}")  # ignored from the start: Textual would spin for ever
    terminal.until("● 1 running")
    pid = wait_for(app_pid)
    terminal.close()
    wait_for(lambda: not Path("/proc", str(pid)).exists() or app_pid() == 0, 10)
    assert run.is_command_alive()


@pytest.mark.parametrize(
    ("env", "has", "has_not"),
    [
        ("LANG=C LC_ALL=C", ["> smoke", "Enter start", "! retired after"], ["▶", "─", "▲"]),
        ("NO_COLOR=1", ["▶ smoke", "▲ retired"], []),
        ("TERM=linux", ["smoke", "Enter start"], []),
        ("TERM=xterm", ["▶ smoke"], []),
    ],
)
def test_it_reads_without_colour_or_unicode(
    terminal: Terminal, env: str, has: list[str], has_not: list[str]
) -> None:
    terminal.type(f"env {env} {APP}")
    screen = terminal.until(*has)
    assert not [one for one in has_not if one in screen]
    if "NO_COLOR" in env:
        coloured = terminal._run("capture-pane", "-p", "-e")
        assert "\x1b[3" not in coloured.replace("\x1b[39m", "")  # 30 to 38: a colour


def test_a_dumb_terminal_gets_lines(terminal: Terminal, store: RunStore) -> None:
    run = finished(submit(store, python("pass")))
    terminal.type(f"env TERM=dumb {APP}; echo code=$?")
    screen = terminal.until("code=0", run.id, "this is in lines")
    assert terminal.modes()["alternate_on"] == "0"
    assert "Verbs: benchmarks, run, runs" in screen


def test_an_idle_screen_sends_nothing(terminal: Terminal, store: RunStore, tmp_path: Path) -> None:
    """A run that is over: nothing moves without news."""
    finished(submit(store, python("print('done')")))
    sent = tmp_path / "sent"
    terminal.type(APP)
    terminal.open_newest()
    terminal.until("done", "Esc back")
    time.sleep(2)
    terminal._run("pipe-pane", f"cat > {shlex.quote(str(sent))}")
    time.sleep(4)
    assert sent.read_bytes() == b""


def test_keys_typed_ahead_reach_the_place_they_are_meant_for(
    terminal: Terminal, store: RunStore
) -> None:
    """Over a slow line many keys arrive at once."""
    run = running(submit(store, LONG))
    terminal.type(APP)
    terminal.until("Enter start")
    terminal._run("send-keys", "2", "Enter", "/", "w", "4", "x", "y", "?", "Enter")
    terminal.until("no line has 'w4xy?'")
    assert run.is_command_alive()
    terminal._run("send-keys", "x", "y")
    terminal.until("■ stopped")


def test_enter_typed_fast_after_an_arrow_takes_the_row_of_the_arrow(
    terminal: Terminal, store: RunStore
) -> None:
    for words in ("the older one", "the newer one"):
        finished(submit(store, python(f"print({words!r})")))
    terminal.type(APP)
    terminal.until("Enter start")
    terminal._run("send-keys", "2", "Down", "Enter", "l")
    terminal.until("the older one")


def replayed(store: RunStore, name: str, speed: int) -> Run:
    """A recording of mlcr's, played by a child process with its own gaps, so many times as fast."""
    replay = [sys.executable, str(FAKES / "replay.py"), str(DATA / "mlcr" / name), str(speed)]
    return submit(store, replay, benchmark="resnet50", scenario="SingleStream")


def test_a_recording_is_followed_phase_by_phase(terminal: Terminal, store: RunStore) -> None:
    run = running(replayed(store, "singlestream-warm.cast", 2))
    terminal.type(APP)
    terminal.open_newest()
    seen = terminal.until("▶ LoadGen", "at most 0:30")
    assert "setup ✔" in seen
    finished(run)
    seen = terminal.until("✖ failed")  # its exit code is 0, but LoadGen's logs are not here
    assert "results" in seen
    terminal.keys("w")
    terminal.until("What is known", "longest silence", "in phase loadgen")
    terminal.keys("q")  # the sheet
    wait_for(lambda: "What is known" not in terminal.screen())
    terminal.keys("q")
    terminal.until_left()


def test_a_failure_is_explained_and_its_line_shown(terminal: Terminal, store: RunStore) -> None:
    finished(replayed(store, "mlcr_fail_segfault_cold.cast", 1000))
    terminal.type(APP)
    terminal.open_newest()
    terminal.until("✖ failed", "segmentation fault", "it was in onnxruntime", "(line 695)")
    terminal.keys("W")
    terminal.until("line 695", "Segmentation fault")
    terminal.keys("q")
    terminal.until_left()
