"""Watches one run and outlives the terminal: `python -I -m tui.engine.supervisor RUN_DIR FD`.

It waits for the run's turn, starts the keeper, and from then on only reads and records. Killed, it
loses nothing: the keeper holds the command, and the next viewer starts another supervisor, which
reads the console from its first byte and goes on where the events end.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.engine import causes, events, home, learned, oom, process
from tui.engine.console import Activity, ConsoleReader, Phase
from tui.engine.containers import Containers
from tui.engine.ending import FIRMLY, GENTLY, Ending
from tui.engine.errors import MlperfTuiError
from tui.engine.pace import Pace
from tui.engine.probe.record import SILENCE_S, ProbeReader
from tui.engine.process import Identity, boottime
from tui.engine.queue import queue_of
from tui.engine.store import Cause, Run, RunState, RunStore, free_bytes
from tui.engine.telemetry.gpus import GpuSnapshot
from tui.engine.telemetry.host import HostSource
from tui.engine.telemetry.recorder import Recorder
from tui.engine.telemetry.traffic import Traffic, WithTraffic
from tui.engine.telemetry.whose import Whose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.engine.catalog import Catalog
    from tui.engine.pace import Learned, PhaseKey

SILENT = "gave no sign for"
POLL_S = 0.25
STOPPING_POLL_S = 0.05
QUEUE_POLL_S = 0.5
READ_BYTES = 1 << 20
READ_S = 0.2
LARGEST_BACKLOG_BYTES = 64 << 20
LOW_DISK = "the disk is nearly full"
LOW_DISK_BYTES = 1_000_000_000
FULL_DISK_BYTES = 65_536
DISK_CHECK_S = 5.0
LIMITS = ("min_duration_s", "max_duration_s", "expected_s")
DOING_S = 2.0
"""So often at most it is told what goes on inside a phase."""
LEFTOVER_GRACE_S = 1.0
KEEPER_START_S = 15.0


class Supervisor:
    """One run, from its ticket to its final state."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._is_probe = run.stored_spec.get("kind") == "probe"
        self._reader = ProbeReader() if self._is_probe else ConsoleReader()
        self._hung_step: str | None = None
        """Of a probe that was killed because it gave no sign."""
        self._heard = (-1, 0.0)
        """How many lines it has told, and when the last one was new."""
        self._console_offset = 0
        self._events_offset = 0
        self._recorded_offset = -1
        """Where the last phase lies that is recorded; earlier ones are not told again."""
        self._recorded: dict[int, float] = {}
        """When those began (CLOCK_BOOTTIME), by where they lie."""
        self._alerts: set[str] = set()
        self._limits: dict[str, float | None] | None = None
        """What is told of how long LoadGen's part will take."""
        self._are_limits_sure = False
        """By LoadGen's own log."""
        self._pace = Pace({})
        self._doing: Activity | None = None
        self._doing_due = 0.0
        self._reader_phase: str | None = None
        self._oom_kills: int | None = None
        self._traffic = Traffic(None)
        self._is_behind = False
        """What is read was printed while nobody watched."""
        self._recorder: Recorder | None = None
        self._gpu_used: str | None = None
        self._no_cuda_told = False
        self._low_disk_told = False
        self._disk_due = 0.0
        self._stop_wanted = False
        self._stopped = False
        signal.signal(signal.SIGUSR1, self._want_stop)

    def _recall(self) -> None:
        """What earlier supervisors of this run have recorded."""
        recorded, self._events_offset = events.read(self._run.events)
        for one in recorded:
            if one["kind"] == events.PHASE:
                offset = one.get("offset", -1)
                self._recorded_offset = max(self._recorded_offset, offset)
                self._recorded[offset] = one.get("boottime_s") or boottime()
                self._limits = None
            elif one["kind"] == events.LIMITS:
                self._limits = {name: one.get(name) for name in LIMITS}
            elif one["kind"] == events.ALERT:
                self._alerts.add(one["text"])
                if self._is_probe and SILENT in one["text"]:
                    self._hung_step = one["text"].split()[1]
            elif one["kind"] == events.GPU_USED:
                self._gpu_used = one["answer"]
            elif one["kind"] == events.STOP:
                self._stop_wanted = True
        self._low_disk_told = any(text.startswith(LOW_DISK) for text in self._alerts)

    def run(self) -> None:
        """Everything there is to do; returns when the state is final."""
        if self._run.stored_state.is_final:
            queue_of(self._run).leave(self._run)
            return
        try:
            self._recall()
            if self._start():
                self._watch()
        except Exception as error:  # our fault: the run is seen to its end all the same
            traceback.print_exc()
            self._watch_plainly(error)

    # --- before the command ------------------------------------------------------------------

    def _start(self) -> bool:
        """Wait for the run's turn and start its keeper; False where it will never run."""
        run, queue = self._run, queue_of(self._run)
        while not run.was_started():  # by a keeper of ours, or of an earlier supervisor
            self._read_requests()
            if self._stop_wanted and run.withdraw():
                self._finish(state="stopped")
                return False
            lock = queue.take_turn(run)
            if lock is None:
                self._sleep(QUEUE_POLL_S)
            elif not self._start_keeper(lock):
                text = "its keeper could not be started; see supervisor.log"
                self._finish(state="failed", cause=Cause("keeper", text))
                return False
        queue.leave(run)
        return True

    def _start_keeper(self, lock: int) -> bool:
        """Start the keeper, which takes over the installation's lock; is the command there?"""
        run = self._run
        try:
            self._write(replace(run.stored_state, state="starting"), durable=True)
            keeper = process.start_keeper(run.folder, run.folder / "supervisor.log", lock)
        finally:
            os.close(lock)
        end = boottime() + KEEPER_START_S
        while run.identity("command") is None and run.exit is None:
            if keeper.poll() is not None or boottime() > end:
                keeper.kill()  # it must not start the command after we gave it up
                keeper.wait()
                return run.identity("keeper") is not None or not run.withdraw()
            self._sleep(0.01)
        return True

    # --- while it runs -----------------------------------------------------------------------

    def _watch(self) -> None:
        run = self._run
        command, keeper = run.identity("command"), run.identity("keeper")
        known = command or keeper
        started = home.read_json(run.child_lock) or {}
        ended, stored = run.exit, run.stored_state
        self._stopped = stored.state == "stopping"  # by an earlier supervisor
        self._is_behind = stored.state in ("running", "stopping")
        self._write(
            replace(
                stored,
                state=stored.state if self._stopped else "running",
                started=started.get("started"),
                started_boottime_s=_started_boottime(known),
                boot_id=known.boot_id if known else None,
                pid=command.pid if command else None,
                start_ticks=command.start_ticks if command else None,
            ),
            durable=True,
        )
        self._pace = Pace(self._learned())
        self._oom_kills = oom.cgroup_kills()
        self._traffic = traffic = Traffic(keeper)
        self._recorder = recorder = Recorder(
            run.folder,
            Whose(run.id, keeper),
            self._alert,
            host=lambda: WithTraffic(HostSource(), traffic, self._is_measuring),
            wants_gpu=run.stored_spec.get("device") == "cuda",
            was_used=self._gpu_used == "yes",
            told=self._tell_use,
            met=self._tell_gpus,
        )
        if ended is None and run.is_command_alive():
            recorder.start()
        try:
            self._follow_command(keeper)
            self._end_containers()
        finally:
            recorder.stop()
        while self._read_console():
            pass
        for phase in self._reader.end():
            self._record(phase)
        self._finish()

    def _watch_plainly(self, error: Exception) -> None:
        """After a fault of ours: no phases, no telemetry; but stop works, and the end is kept."""
        run = self._run
        ending: Ending | None = None
        while run.is_command_alive():
            with suppress(OSError):
                self._read_requests()
            if self._stop_wanted and ending is None:
                ending = Ending(run, GENTLY)
            if ending is not None:
                ending.step()
            self._sleep(POLL_S)
        text = f"mlperf-tui itself failed: {error!r}; see supervisor.log"
        ended = run.exit or {}
        run.withdraw()
        run.write_state(
            replace(
                run.stored_state,
                state="failed",
                cause=Cause("supervisor", text),
                ended=home.utc_now(),
                exit_code=ended.get("exit_code"),
                signal=ended.get("signal"),
            ),
            durable=True,
        )
        queue_of(run).leave(run)

    def _follow_command(self, keeper: Identity | None) -> None:
        """Until nothing of the command is left."""
        run = self._run
        ending: Ending | None = None
        leftovers_due: float | None = None
        with _Watch(keeper) as watch:
            while True:
                keeper = keeper or run.identity("keeper")
                is_behind = self._read_console()
                self._is_behind &= is_behind
                self._read_requests()
                self._check_disk()
                self._look_at_pace()
                alive = run.is_command_alive()
                if self._stop_wanted and ending is None and alive:
                    self._write(replace(run.stored_state, state="stopping"), durable=True)
                    self._stopped = True
                    ending = Ending(run, GENTLY)
                if ending is None and alive and self._is_silent():
                    ending = Ending(run, FIRMLY)
                if ending is None and (run.exit is not None or not alive):
                    # The command has ended; what it left behind gets a moment to go by itself.
                    leftovers_due = leftovers_due or boottime() + LEFTOVER_GRACE_S
                    left = process.run_processes(run.id, keeper)
                    if left and boottime() >= leftovers_due:
                        self._alert(f"the command left {len(left)} process(es) behind: ending them")
                        ending = Ending(run, FIRMLY)
                    elif not left and not run.is_command_alive():
                        return
                if ending is not None and not ending.step() and not run.is_command_alive():
                    return
                hurried = ending is not None or leftovers_due is not None
                watch.wait(0 if is_behind else STOPPING_POLL_S if hurried else POLL_S)

    def _end_containers(self) -> None:
        """What the command left running in docker: no signal of ours reaches that."""
        argv = [str(one) for one in self._run.stored_spec.get("argv", ())]
        mine = Containers(self._run.id, argv)
        is_wanted = any(one.startswith("--docker_keep_alive") for one in argv)
        left = mine.ids() if self._stopped or not is_wanted else []
        if left:
            self._alert(f"ending {len(left)} container(s) of this run")
            mine.stop()
            mine.kill()

    def _is_silent(self) -> bool:
        """A probe has told nothing for so long that its GPU hangs."""
        if not isinstance(self._reader, ProbeReader):
            return False
        lines = self._reader.lines
        if lines != self._heard[0]:
            self._heard = (lines, time.monotonic())  # while the machine is suspended nobody speaks
        if time.monotonic() - self._heard[1] < SILENCE_S:
            return False
        now = self._reader.current
        self._hung_step = now.name if now is not None else "start"
        self._alert(f"step {self._hung_step} {SILENT} {SILENCE_S:.0f} s: killing it")
        return True

    def _read_console(self) -> bool:
        """Read on for a moment: whatever floods the console, a stop is heard. Is there more?"""
        end = boottime() + READ_S
        data = b""
        try:
            with open(self._run.console, "rb", buffering=0) as file:
                file.seek(self._console_offset)
                size = os.fstat(file.fileno()).st_size
                while (data := file.read(READ_BYTES)) and boottime() < end:
                    self._take_in(data, backlog=size - self._console_offset)
                if data:
                    self._take_in(data, backlog=size - self._console_offset)
        except FileNotFoundError:
            return False
        self._read_limits()
        return bool(data)

    def _take_in(self, data: bytes, backlog: int) -> None:
        self._console_offset += len(data)
        if backlog > LARGEST_BACKLOG_BYTES:
            self._reader.skip(data)
            self._alert("the console grew faster than it can be read: phases may be missing")
            return
        self._pace.heard(boottime())
        for phase in self._reader.feed(data):
            self._record(phase)
        self._pace.line = self._reader.line - 1
        if self._reader.findings.no_cuda and self._recorder and not self._no_cuda_told:
            self._no_cuda_told = True
            self._recorder.no_cuda()

    def _tell_gpus(self, snapshot: GpuSnapshot) -> None:
        """What GPUs there are, by UUID; NVML's numbers are not CUDA's."""
        variables = {**os.environ, **self._run.stored_spec["env_vars"]}
        self._append(
            events.GPUS,
            driver=snapshot.driver,
            cuda=snapshot.cuda,
            cuda_visible_devices=variables.get("CUDA_VISIBLE_DEVICES"),
            cuda_device_order=variables.get("CUDA_DEVICE_ORDER"),
            devices=[one.lasting for one in snapshot.devices],
        )

    def _tell_use(self, answer: str, devices: list[str]) -> None:
        """Is a GPU used? Into the events, whenever the answer changes."""
        self._append(events.GPU_USED, answer=answer, devices=devices)

    def _record(self, phase: Phase) -> None:
        """Into events.jsonl and state.json, unless an earlier supervisor did so."""
        if self._recorder is not None:
            self._recorder.enter(phase.name)
        before = self._reader_phase
        self._reader_phase = phase.name
        began = self._recorded.get(phase.offset, boottime())
        silence = self._pace.enter((phase.name, phase.scenario, phase.mode), began)
        if phase.offset <= self._recorded_offset:
            return
        self._recorded_offset = phase.offset
        about = {**asdict(phase), "phase": phase.name, "log_time": phase.time}
        del about["name"], about["time"], about["loadgen_s"]
        if self._is_behind:
            about["late"] = True  # nobody watched: it began at some time before
        if silence is not None and before is not None:
            seconds = round(silence.seconds, 3)
            self._append(events.SILENCE, phase=before, seconds=seconds, line=silence.line)
        self._append(events.PHASE, boottime_s=round(boottime(), 3), **about)
        self._write(replace(self._run.stored_state, phase=phase.name), durable=False)

    def _read_limits(self) -> None:
        """How long LoadGen's part will take, once it has begun: for everyone who draws progress."""
        now, findings = self._reader.current, self._reader.findings
        if now is None or now.name != "loadgen":
            self._limits, self._are_limits_sure = None, False
            return
        if self._are_limits_sure:
            return  # LoadGen measures: its log is not read again
        from tui.engine.results import limits, locate

        found = None
        if findings.output_dir is not None:
            found = limits.of_log(Path(findings.output_dir) / locate.DETAIL)
            self._are_limits_sure = found is not None
        found = found or limits.of_user_conf(findings.user_conf, now.scenario)
        if found is None or asdict(found) == self._limits:
            return
        self._limits = asdict(found)
        self._pace.expected_s = found.expected_s or found.min_duration_s or None
        self._append(events.LIMITS, offset=self._console_offset, **self._limits)

    def _is_measuring(self) -> bool:
        now = self._reader.current
        return now is not None and now.name == "loadgen"

    def _learned(self) -> Mapping[PhaseKey, Learned]:
        """What earlier runs took; a history that cannot be read teaches nothing."""
        run = self._run
        try:
            return learned.durations(RunStore(run.folder.parent.parent), run.stored_spec, run.id)
        except (MlperfTuiError, OSError) as error:
            self._note(f"nothing learned from earlier runs: {error}")
            return {}

    def _look_at_pace(self) -> None:
        """Silences, stalls, and what goes on inside the phase."""
        now, traffic = boottime(), self._traffic
        self._pace.moved(traffic.read_bytes + traffic.written_bytes, now)
        for text in self._pace.alerts(now):
            self._alert(text)
        doing = self._reader.activity
        if doing is not None and doing != self._doing and now >= self._doing_due:
            self._doing, self._doing_due = doing, now + DOING_S
            about = asdict(doing)
            self._append(events.DOING, activity=about.pop("kind"), **about)

    def _read_requests(self) -> None:
        found, self._events_offset = events.read(self._run.events, self._events_offset)
        if any(one["kind"] == events.STOP for one in found):
            self._stop_wanted = True

    def _check_disk(self) -> None:
        if boottime() < self._disk_due or self._low_disk_told:
            return
        self._disk_due = boottime() + DISK_CHECK_S
        free = free_bytes(self._run.folder)
        if free < LOW_DISK_BYTES:
            self._low_disk_told = True
            self._alert(f"{LOW_DISK}: {free / 1e6:,.0f} MB are free where this run lies")

    # --- its end -----------------------------------------------------------------------------

    def _finish(self, *, state: str | None = None, cause: Cause | None = None) -> None:
        """Judge, and write result.json and the final state."""
        run, ended = self._run, self._run.exit
        if self._is_probe and run.was_started():
            state, cause = self._judge_probe(state, cause)
        else:
            results = self._judge() if run.was_started() else []
            if state is None:
                state, cause = self._outcome(ended, results)
        stored = run.stored_state
        final = replace(
            stored,
            state=state,
            cause=cause,
            ended=(ended or {}).get("ended") or home.utc_now(),
            ended_boottime_s=(ended or {}).get("ended_boottime_s"),
            started_boottime_s=(ended or {}).get("started_boottime_s", stored.started_boottime_s),
            exit_code=(ended or {}).get("exit_code"),
            signal=(ended or {}).get("signal"),
        )
        queue_of(run).leave(run)  # first: a run that is over holds no ticket
        run.write_state(final, durable=True)

    def _judge(self) -> list[dict[str, Any]]:
        """Sum up the telemetry, read the results into result.json; [] where there are none."""
        from tui.engine import beside
        from tui.engine.errors import NotFoundError
        from tui.engine.results import read_results

        telemetry = self._sum_up()
        known = self._catalog("rounds")
        try:
            found = [one.to_json() for one in read_results(self._run.results, known)]
        except NotFoundError:
            return []
        results = beside.with_telemetry(telemetry, found)
        self._keep_result(results)
        return results

    def _judge_probe(self, state: str | None, cause: Cause | None) -> tuple[str, Cause | None]:
        """Read and judge a probe into result.json; its final state, and why where it failed."""
        from tui.engine.probe import judge

        self._sum_up()
        if self._stopped:
            return "stopped", None
        found = judge.judge(self._run, self._catalog("gpus"), hung_step=self._hung_step)
        self._keep_result(found)
        if state is not None:
            return state, cause
        if found["complete"]:
            return "finished", None
        return "failed", Cause(**found["reasons"][0])

    def _sum_up(self) -> dict[str, Any] | None:
        from tui.engine import beside

        try:
            return beside.keep_summary(self._run)
        except OSError as error:
            self._alert(f"the telemetry could not be summed up: {error.strerror}")
            return None

    def _catalog(self, needed: str) -> Catalog:
        """The user's profiles over ours; ours alone, where a faulty one of theirs is in the way."""
        from tui.engine import catalog
        from tui.engine.errors import ProfileError

        try:
            known = catalog.load()
            getattr(known, needed)  # read when first asked for: a faulty file says so here
        except ProfileError as error:
            self._alert(f"judged without your own profiles: {error}")
            known = catalog.load(with_users=False)
        return known

    def _keep_result(self, found: Any) -> None:
        try:
            home.write_atomic(self._run.folder / "result.json", home.to_json(found))
        except OSError as error:
            self._alert(f"result.json could not be written: {error.strerror}")

    def _outcome(
        self, ended: dict[str, Any] | None, results: list[dict[str, Any]]
    ) -> tuple[str, Cause | None]:
        """The final state, and the cause where it is not `finished`."""
        complete = bool(results) and all(one["status"] == "complete" for one in results)
        if self._stopped:
            return "stopped", None
        if ended is None:
            text = "nobody saw the command end (its keeper was killed): exit code unknown"
            if complete:
                return "finished", Cause("exit-unknown", f"{text}; judged by LoadGen's own logs")
            return "lost", Cause("exit-unknown", f"{text}, and LoadGen wrote no verdict")
        findings = self._reader.findings
        if ended["exit_code"] != 0:
            return "failed", self._failure(ended)
        if findings.skipped is not None:
            return "failed", causes.skipped(findings)
        if not results:
            text = "the command ended well but left no LoadGen output"
            return "failed", Cause("no-result", text, "read its console: mlperf-tui logs RUN")
        return "finished", None

    def _failure(self, ended: dict[str, Any]) -> Cause:
        """Why the command failed: by its console, the disk and the kernel."""
        if free_bytes(self._run.folder) < FULL_DISK_BYTES:
            return causes.disk_full()
        command = " ".join(map(str, self._run.stored_spec.get("argv", ())))
        findings, evidence = self._reader.findings, self._reader.evidence()
        cause = causes.failure_cause(findings, evidence, ended, command)
        if cause.code != "killed" or causes.inner_signal(findings, ended) == signal.SIGTERM:
            return cause
        killed = [
            one
            for one in oom.kills(self._run.stored_state.started_boottime_s or boottime())
            if one.pid in self._traffic.pids or str(one.pid).encode() in evidence.text
        ]
        if killed:
            return replace(cause, code="out-of-memory", text=str(killed[-1]))
        now = oom.cgroup_kills()
        if now is not None and self._oom_kills is not None and now > self._oom_kills:
            text = "the kernel killed a process of this run for lack of memory (its control group)"
            return replace(cause, code="out-of-memory", text=text)
        return cause

    # --- writing, on a full disk too ---------------------------------------------------------

    def _alert(self, text: str) -> None:
        """Tell it once, whichever supervisor sees it."""
        if text not in self._alerts:
            self._alerts.add(text)
            self._append(events.ALERT, offset=self._console_offset, text=text)

    def _append(self, kind: str, **about: Any) -> None:
        try:
            events.append(self._run.events, kind, **about)
        except OSError as error:
            self._note(f"event {kind} lost: {error.strerror}")

    def _write(self, state: RunState, *, durable: bool) -> None:
        try:
            self._run.write_state(state, durable=durable)
        except OSError as error:
            self._note(f"state {state.state} not written: {error.strerror}")

    def _note(self, text: str) -> None:
        """Into supervisor.log, which lies on the same full disk."""
        with suppress(OSError):
            print(text, file=sys.stderr, flush=True)

    def _want_stop(self, number: int, frame: Any) -> None:
        self._stop_wanted = True

    def _sleep(self, seconds: float) -> None:
        select.select([], [], [], seconds)


class _Watch:
    """Waits, but not beyond the end of one process."""

    def __init__(self, who: Identity | None) -> None:
        self._handle: int | None = None
        if who is not None and who.is_alive:
            try:
                self._handle = os.pidfd_open(who.pid)
            except OSError:
                self._handle = None  # it ended meanwhile

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def wait(self, seconds: float) -> None:
        """For so long, or until the process ends; after its end always the whole time."""
        if self._handle is None:
            select.select([], [], [], seconds)
        elif select.select([self._handle], [], [], seconds)[0]:
            self.__exit__()


def _started_boottime(who: Identity | None) -> float | None:
    return who.start_ticks / os.sysconf("SC_CLK_TCK") if who else None


def main() -> None:
    """Take the run's lock, tell the starter, supervise."""
    process.daemonize()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until there is who understands it
    run, told = Run(Path(sys.argv[1])), int(sys.argv[2])
    os.set_inheritable(told, False)
    lock = process.try_lock(run.supervisor_lock)
    if lock is None:
        os.write(told, b"another supervisor watches this run")
        return
    own = process.proc_stat(os.getpid())
    assert own is not None  # we are alive
    me = Identity(own.pid, own.start_ticks, process.boot_id())
    with suppress(OSError):  # a full disk: the lock holds all the same, only its owner is unnamed
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps(asdict(me)).encode(), 0)
    os.write(told, b"ok")
    os.close(told)
    Supervisor(run).run()


if __name__ == "__main__":
    main()
