"""A run outlives its terminal, its supervisor and its keeper; and a stop leaves nothing over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import (
    DATA,
    Cli,
    finished,
    nothing_left,
    python,
    replace_supervisor,
    running,
    spec_of,
    submit,
    wait_for,
)

from tui.engine import events, process
from tui.engine.errors import StartError
from tui.engine.queue import queue_of
from tui.engine.runners.local import LocalRunner
from tui.engine.store import Run, RunStore

SLOW = "import time\nfor n in range({n}): print('line', n, flush=True); time.sleep(0.05)"


def kill(run: Run, who: str) -> None:
    found = run.supervisor if who == "supervisor" else run.identity(who)
    assert found is not None
    assert found.is_alive
    os.kill(found.pid, signal.SIGKILL)
    wait_for(lambda: not found.is_alive)
    if who == "supervisor":  # its threads let go of the lock a moment later than it is a zombie
        wait_for(lambda: not run.is_watched())


def lines(run: Run) -> list[str]:
    return run.console.read_text().splitlines()


def stop(run: Run, seconds: float = 40) -> None:
    assert LocalRunner().stop(run, seconds)
    assert run.stored_state.state == "stopped"
    assert nothing_left(run)


def test_exit_code_and_signal_of_a_command_are_recorded(store: RunStore) -> None:
    failed = finished(submit(store, python("import sys; sys.exit(7)")))
    assert failed.stored_state.state == "failed"
    assert failed.stored_state.exit_code == 7
    killed = finished(submit(store, python("import os; os.kill(os.getpid(), 11)")))
    assert killed.stored_state.signal == 11
    assert killed.exit is not None
    assert os.WTERMSIG(killed.exit["status"]) == 11
    assert killed.exit["boot_id"] == process.boot_id()


def test_a_command_gets_no_terminal_and_its_mark(store: RunStore) -> None:
    code = (
        "import os\n"
        "print(os.path.realpath('/proc/self/fd/0'), os.getpgrp() == os.getpid())\n"
        "print(os.environ['MLPERF_TUI_RUN'], os.getcwd(), sorted(os.listdir('/proc/self/fd')))\n"
    )
    told = lines(run := finished(submit(store, python(code))))
    assert told[0] == "/dev/null True"
    assert told[1].startswith(f"{run.id} {run.folder}/work ")
    assert told[1].endswith("['0', '1', '2', '3']")  # 3: the listing itself; no lock is inherited


def test_a_command_gets_default_signals_whatever_its_starter_ignores(store: RunStore) -> None:
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        run = submit(store, ["grep", "SigIgn\\|SigBlk", "/proc/self/status"])
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)
    finished(run)
    masks = [int(line.split()[1], 16) for line in lines(run)]
    reset = sum(1 << (number - 1) for number in (*numbers, signal.SIGPIPE))
    assert [mask & reset for mask in masks] == [0, 0]


def test_kill_of_the_supervisor_loses_neither_log_nor_exit_code(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=40) + "\nraise SystemExit(5)")))
    wait_for(lambda: len(lines(run)) > 3)
    kill(run, "supervisor")
    assert run.is_command_alive()
    assert run.current_state().state == "running"
    wait_for(lambda: run.exit)
    replace_supervisor(run)
    finished(run)
    assert run.stored_state.exit_code == 5
    assert lines(run) == [f"line {n}" for n in range(40)]


def test_a_second_supervisor_goes_on_where_the_first_ended(store: RunStore) -> None:
    code = (
        "import time\n"
        "print('INFO:main:starting TestScenario.Offline', flush=True); time.sleep(2)\n"
        "print('TestScenario.Offline qps=1, time=1', flush=True); raise SystemExit(3)\n"
    )
    run = running(submit(store, python(code)))
    wait_for(lambda: run.stored_state.phase == "loadgen")
    kill(run, "supervisor")
    replace_supervisor(run)
    finished(run)
    recorded, _ = events.read(run.events)
    assert [one["phase"] for one in recorded if one["kind"] == "phase"] == ["loadgen", "reporting"]


def test_two_supervisors_never_watch_one_run(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=100))))
    first = run.supervisor
    told = process.start_detached(
        ["tui.engine.supervisor", str(run.folder)], run.folder / "supervisor.log"
    )
    assert told == "another supervisor watches this run"
    assert run.supervisor == first
    stop(run)


def test_kill_of_the_keeper_leaves_the_command_and_says_that_the_exit_code_is_unknown(
    store: RunStore,
) -> None:
    run = running(submit(store, python(SLOW.format(n=40))))
    kill(run, "keeper")
    assert run.is_command_alive()
    assert run.current_state().state == "running"
    finished(run)
    assert len(lines(run)) == 40
    state = run.stored_state
    assert (state.state, state.exit_code) == ("lost", None)
    assert state.cause is not None
    assert state.cause.code == "exit-unknown"


def test_the_keeper_ignores_what_a_terminal_sends(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=20) + "\nraise SystemExit(5)")))
    keeper = run.identity("keeper")
    assert keeper is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(keeper.pid, number)
    finished(run)
    assert run.stored_state.exit_code == 5
    assert len(lines(run)) == 20


def test_kill_of_both_still_ends_in_a_truthful_state(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=40))))
    kill(run, "supervisor")
    kill(run, "keeper")
    assert run.current_state().state == "running"
    wait_for(lambda: not run.is_command_alive())
    assert run.current_state().state == "lost"
    replace_supervisor(run)
    finished(run)
    assert run.stored_state.state == "lost"
    assert len(lines(run)) == 40


def test_a_run_without_its_keeper_can_still_be_stopped(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=10_000))))
    kill(run, "supervisor")
    kill(run, "keeper")
    stop(run)


def test_kill_of_the_command_is_recorded_as_its_signal(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=10_000))))
    kill(run, "command")
    finished(run)
    assert run.stored_state.signal == signal.SIGKILL
    assert run.stored_state.state == "failed"


def test_a_run_is_started_once_whatever_is_started_again(store: RunStore) -> None:
    run = finished(submit(store, python("print('once')")))
    keeper = process.start_keeper(run.folder, run.folder / "supervisor.log", None)
    assert keeper.wait(20) == 75
    assert lines(run) == ["once"]


def test_stop_ends_a_whole_tree_with_sigint_first(store: RunStore) -> None:
    code = (
        "import subprocess, sys, time\n"
        "subprocess.Popen(['sleep', '1000'])\n"
        "try: print('up', flush=True); time.sleep(1000)\n"
        "except KeyboardInterrupt: print('interrupted', flush=True); sys.exit(9)\n"
    )
    run = running(submit(store, python(code)))
    wait_for(lambda: lines(run) == ["up"])
    began = time.monotonic()
    stop(run)
    assert time.monotonic() - began < 8
    assert lines(run)[-1] == "interrupted"
    assert run.stored_state.exit_code == 9


def test_stop_of_a_command_that_ignores_sigint_goes_on_to_term(store: RunStore) -> None:
    code = "import signal, time; signal.signal(2, signal.SIG_IGN); print('up'); time.sleep(1000)"
    run = running(submit(store, [sys.executable, "-u", "-c", code]))
    wait_for(lambda: lines(run) == ["up"])
    stop(run)
    assert run.stored_state.signal == signal.SIGTERM


def test_stop_of_a_command_that_ignores_all_it_can_goes_on_to_kill(store: RunStore) -> None:
    code = (
        "import signal, time\n"
        "for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
        "print('up', flush=True); time.sleep(1000)"
    )
    run = running(submit(store, python(code)))
    wait_for(lambda: lines(run) == ["up"])
    stop(run)
    assert run.stored_state.signal == signal.SIGKILL


def test_stop_of_a_stopped_command(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=10_000))))
    command = run.identity("command")
    assert command is not None
    os.kill(command.pid, signal.SIGSTOP)
    began = time.monotonic()
    stop(run)
    assert time.monotonic() - began < 5


def test_stop_through_a_stopped_supervisor(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=10_000))))
    assert run.supervisor is not None
    os.kill(run.supervisor.pid, signal.SIGSTOP)
    stop(run)


DAEMON = (
    "import os, subprocess, sys\n"
    "code = 'import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(1000)'\n"
    "subprocess.Popen([sys.executable, '-c', code], start_new_session=True)\n"
)


def test_a_daemon_in_another_session_is_ended_after_the_command(store: RunStore) -> None:
    run = finished(submit(store, python(DAEMON + "sys.exit(4)")))
    assert run.stored_state.exit_code == 4
    assert nothing_left(run)
    alerts = [one["text"] for one in events.read(run.events)[0] if one["kind"] == "alert"]
    assert any("left 1 process(es) behind" in text for text in alerts)


def test_stop_ends_a_daemon_in_another_session_too(store: RunStore) -> None:
    run = running(
        submit(store, python(DAEMON + "import time; print('up', flush=True)\ntime.sleep(1000)"))
    )
    wait_for(lambda: lines(run) == ["up"])
    assert len(process.run_processes(run.id, run.identity("keeper"))) == 2
    stop(run)


def test_a_run_started_from_a_background_job_can_be_interrupted(
    store: RunStore, cli: Cli, tmp_path: Path
) -> None:
    """A shell starts background jobs with SIGINT ignored, which every child inherits."""
    code = (
        "from conftest import *\n"
        "from tui.engine.store import RunStore; from pathlib import Path\n"
        f"submit(RunStore(Path({str(store.root)!r})), python({SLOW.format(n=10_000)!r}))"
    )
    script = tmp_path / "start.py"
    script.write_text(code)
    subprocess.run(
        ["sh", "-c", f"trap '' INT QUIT; {sys.executable} {script} & wait"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        check=True,
    )
    run = running(store.open("latest"))
    wait_for(lambda: lines(run))  # Python has its own SIGINT handler by now
    command = run.identity("command")
    assert command is not None
    os.killpg(command.pid, signal.SIGINT)
    finished(run)
    assert "KeyboardInterrupt" in run.console.read_text()


def test_the_terminals_hangup_does_not_reach_the_run(store: RunStore, cli: Cli) -> None:
    code = (
        "from conftest import *; from tui.engine.store import RunStore; from pathlib import Path\n"
        f"submit(RunStore(Path({str(store.root)!r})), python({SLOW.format(n=30)!r}))\n"
        "os.killpg(0, 1)"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        check=False,
    )
    run = finished(store.open("latest"))
    assert len(lines(run)) == 30


def test_a_reboot_makes_a_running_run_lost(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=10_000))))
    kill(run, "supervisor")
    kill(run, "keeper")
    kill(run, "command")
    text = run.child_lock.read_text()
    run.child_lock.write_text(text.replace(process.boot_id(), "0" * 8))
    assert run.current_state().state == "lost"
    assert not run.is_command_alive()


@pytest.mark.parametrize("damage", ["", "{", "[]", "\0\0\0"])
def test_a_torn_state_file_is_lost_not_a_crash(store: RunStore, damage: str) -> None:
    run = store.create(spec_of(["true"]), {})
    (run.folder / "state.json").write_text(damage)
    assert run.stored_state.state == "lost"


def test_no_line_is_lost_at_full_speed(store: RunStore) -> None:
    count = 200_000
    code = f"import sys\nfor n in range({count}): sys.stdout.write('line %d of a fast log\\n' % n)"
    run = finished(submit(store, python(code)))
    assert lines(run) == [f"line {n} of a fast log" for n in range(count)]


def test_a_keeper_that_outlives_its_supervisor_is_found_again(store: RunStore) -> None:
    """The supervisor dies between starting the keeper and the keeper's first word."""
    run = store.create(spec_of(python(SLOW.format(n=10_000))), {})
    lock = process.try_lock(run.supervisor_lock)
    turn = queue_of(run).take_turn(run)
    assert lock is not None
    assert turn is not None
    keeper = process.start_keeper(run.folder, run.folder / "supervisor.log", turn)
    os.close(turn)
    os.close(lock)
    LocalRunner().attend(run)
    running(run)
    stop(run)
    keeper.wait(20)


def test_a_withdrawn_run_is_never_started_by_a_late_keeper(store: RunStore) -> None:
    run = store.create(spec_of(python("print('never')")), {})
    assert run.withdraw()
    keeper = process.start_keeper(run.folder, run.folder / "supervisor.log", None)
    assert keeper.wait(20) == 75
    assert run.console.read_bytes() == b""
    assert not run.was_started()


def test_a_command_that_floods_its_console_can_be_stopped(store: RunStore) -> None:
    code = "import os\ndata = b'Warning: an error line of eighty bytes, more or less\\n' * 20_000\n"
    code += "import time\nwhile True: os.write(1, data); time.sleep(0.01)"
    run = running(submit(store, python(code)))
    wait_for(lambda: run.console.stat().st_size > 150_000_000)
    began = time.monotonic()
    stop(run, 60)
    assert time.monotonic() - began < 30
    run.console.unlink()


def test_a_stop_that_comes_too_late_does_not_overrule_what_happened(store: RunStore) -> None:
    run = running(submit(store, python("import time; time.sleep(1); raise SystemExit(6)")))
    kill(run, "supervisor")
    wait_for(lambda: run.exit and not run.is_command_alive())
    events.append(run.events, events.STOP, offset=0)
    replace_supervisor(run)
    finished(run)
    assert (run.stored_state.state, run.stored_state.exit_code) == ("failed", 6)


def test_a_stop_works_where_no_event_can_be_written(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = running(submit(store, python(SLOW.format(n=10_000))))
    kill(run, "supervisor")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(events, "append", full)
    stop(run)


def test_a_fault_of_ours_still_ends_in_a_final_state(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=40))))
    kill(run, "supervisor")
    run.events.unlink(missing_ok=True)
    run.events.mkdir()  # whatever it is that our supervisor cannot bear
    replace_supervisor_until_final(run)
    state = run.stored_state
    assert state.state == "failed"
    assert state.cause is not None
    assert len(lines(run)) == 40


def replace_supervisor_until_final(run: Run) -> None:
    end = time.monotonic() + 60
    while not run.stored_state.is_final and time.monotonic() < end:
        with suppress(StartError):
            replace_supervisor(run)
        time.sleep(0.2)


def test_a_pid_that_was_given_away_is_not_taken_for_the_keeper(store: RunStore) -> None:
    other = subprocess.Popen(["sh", "-c", "sleep 1000 & wait"], start_new_session=True)
    try:
        wait_for(lambda: [1 for one in process.all_processes() if one.session == other.pid])
        stranger = process.Identity(other.pid, 1, process.boot_id())
        assert process.run_processes("no-such-run", stranger) == []
    finally:
        os.killpg(other.pid, signal.SIGKILL)
        other.wait()


def test_a_damaged_state_file_does_not_hide_a_live_run(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=10_000))))
    kill(run, "supervisor")
    (run.folder / "state.json").write_text("{}")
    assert run.current_state().state == "running"


def test_a_stop_that_its_supervisor_did_not_survive_is_still_a_stop(store: RunStore) -> None:
    code = "import signal, time; signal.signal(2, signal.SIG_IGN); print('up'); time.sleep(1000)"
    run = running(submit(store, [sys.executable, "-u", "-c", code]))
    wait_for(lambda: lines(run) == ["up"])
    events.append(run.events, events.STOP, offset=0)
    wait_for(lambda: run.stored_state.state == "stopping")
    kill(run, "supervisor")
    kill(run, "command")
    wait_for(lambda: not run.is_command_alive())
    replace_supervisor(run)
    assert finished(run).stored_state.state == "stopped"


def test_a_stopped_keeper_does_not_hold_up_a_stop(store: RunStore) -> None:
    run = running(submit(store, python(SLOW.format(n=10_000))))
    keeper = run.identity("keeper")
    assert keeper is not None
    os.kill(keeper.pid, signal.SIGSTOP)
    stop(run)


def test_a_broken_round_of_the_users_own_does_not_cost_the_verdict(
    store: RunStore, tmp_path: Path
) -> None:
    rounds = tmp_path / "profiles/rounds"
    rounds.mkdir(parents=True)
    (rounds / "v9.9.yaml").write_text("name: v9.9\nseeds: none\n")
    log = DATA / "loadgen/offline_valid"
    code = f"import shutil; shutil.copytree({str(log)!r}, '../results/run_1')"
    run = finished(submit(store, python(code)))
    assert run.stored_state.state == "finished"
    assert [one["verdict"] for one in run.result or ()] == ["VALID"]
    alerts = [one["text"] for one in events.read(run.events)[0] if one["kind"] == "alert"]
    assert any("v9.9.yaml" in one for one in alerts)
