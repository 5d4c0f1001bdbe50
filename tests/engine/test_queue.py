"""One run at a time on an installation; the queue needs no daemon and skips the dead."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from conftest import finished, python, replace_supervisor, running, spec_of, submit, wait_for

from tui.engine.queue import queue_of
from tui.engine.runners.local import LocalRunner
from tui.engine.store import Run, RunStore


def waiting(run: Run) -> Run:
    wait_for(lambda: any(run.id == one for _, one in queue_of(run).tickets()))
    return run


def until(flag: Path) -> list[str]:
    return python(f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.02)")


def started_at(run: Run) -> float:
    assert run.exit is not None
    return float(run.exit["started_boottime_s"])


def ended_at(run: Run) -> float:
    assert run.exit is not None
    return float(run.exit["ended_boottime_s"])


def test_three_runs_of_which_the_seconds_supervisor_is_killed(
    store: RunStore, tmp_path: Path
) -> None:
    first = running(submit(store, until(tmp_path / "go")))
    second = waiting(submit(store, python("print('second')")))
    third = waiting(submit(store, python("print('third')")))
    assert [second.stored_state.state, third.stored_state.state] == ["queued", "queued"]
    assert second.supervisor is not None
    os.kill(second.supervisor.pid, signal.SIGKILL)
    wait_for(lambda: not second.is_watched())
    (tmp_path / "go").touch()
    finished(first)
    finished(third)
    assert second.current_state().state == "queued"
    assert started_at(third) >= ended_at(first)
    replace_supervisor(second)
    finished(second)
    assert second.stored_state.exit_code == 0
    assert queue_of(first).tickets() == []


def test_runs_start_in_the_order_of_their_tickets_and_renaming_reorders(
    store: RunStore, tmp_path: Path
) -> None:
    first = running(submit(store, until(tmp_path / "go")))
    second = waiting(submit(store, python("pass")))
    third = waiting(submit(store, python("pass")))
    queue = queue_of(first)
    tickets = queue.tickets()
    assert [run_id for _, run_id in tickets] == [second.id, third.id]
    last = tickets[1][0]
    last.rename(last.with_name(f"000001-{third.id}"))
    (tmp_path / "go").touch()
    finished(second)
    finished(third)
    assert started_at(second) >= ended_at(third)


def test_the_lock_of_a_killed_keeper_is_not_taken_while_its_command_runs(
    store: RunStore, tmp_path: Path
) -> None:
    first = running(submit(store, until(tmp_path / "go")))
    keeper = first.identity("keeper")
    assert keeper is not None
    os.kill(keeper.pid, signal.SIGKILL)
    second = waiting(submit(store, python("pass")))
    wait_for(lambda: not keeper.is_alive)
    assert queue_of(second).take_turn(second) is None
    (tmp_path / "go").touch()
    finished(first)
    finished(second)
    assert second.stored_state.exit_code == 0


def test_other_installations_do_not_wait(store: RunStore, tmp_path: Path) -> None:
    running(submit(store, until(tmp_path / "go")))
    other = submit(store, python("pass"), installation="/mnt/other")
    assert finished(other).stored_state.exit_code == 0
    (tmp_path / "go").touch()


def test_a_queued_run_can_be_stopped_and_never_starts(store: RunStore, tmp_path: Path) -> None:
    first = running(submit(store, until(tmp_path / "go")))
    second = waiting(submit(store, python("print('never')")))
    assert LocalRunner().stop(second, 20)
    assert second.stored_state.state == "stopped"
    assert queue_of(second).tickets() == []
    (tmp_path / "go").touch()
    finished(first)
    assert second.console.read_bytes() == b""


def test_a_ticket_of_a_deleted_run_holds_nobody_up(store: RunStore) -> None:
    run = store.create(spec_of(["true"]), {})
    queue = queue_of(run)
    ghost = Run(store.runs / "20200101T000000Z-smoke-Offline-0000")
    queue.enter(ghost)
    assert finished(submit(store, python("pass"))).stored_state.exit_code == 0
