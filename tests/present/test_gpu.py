"""GPU readings as rows."""

from __future__ import annotations

from dataclasses import replace

from tests.screens.made_up import Gpus, Host
from tui.engine.telemetry.gpus import GpuSnapshot, MigInstance
from tui.engine.telemetry.sampler import Latest
from tui.present import gpu, metrics
from widgets.rows import Tone


def test_what_a_card_does_not_tell_is_a_dash_and_a_lost_one_is_said_to_be() -> None:
    gpus, host = Latest(Gpus().sample(), 10.0, 1.0), Latest(Host().sample(), 10.0, 1.0)
    busy, silent, lost, last = gpu.meters(gpus, host, 10.5)
    assert busy.level.share == 0.99
    assert "727/700 W" in busy.facts
    assert silent.facts[:4] == ("–", "–", "–", "–")
    assert lost.badge is not None
    assert "fallen off the bus" in lost.badge.text
    assert last.name == "host"
    absent = Latest[GpuSnapshot](None, None, 1.0, error="no NVIDIA driver here")
    (none, _) = gpu.meters(absent, host, 10.5)
    assert none.level.text == "no NVIDIA driver here"
    assert gpu.names(gpus.sample) == "3 x H100 80GB HBM3"


def test_what_is_old_is_said_to_be_old_not_shown_as_new() -> None:
    gpus, host = Latest(Gpus().sample(), 10.0, 1.0), Latest(Host().sample(), 10.0, 1.0)
    assert gpu.to_json(gpus, host, 11.5)["error"] is None
    busy, *_ = gpu.meters(gpus, host, 17.0)
    assert busy.badge is not None
    assert busy.badge.text == "no answer from the NVIDIA driver for 7 s"
    assert busy.facts == ()
    found = gpu.to_json(gpus, host, 17.0)
    assert found["devices"][0]["age_s"] == 7.0


def test_the_list_is_sorted_with_the_most_at_the_top_and_the_silent_last() -> None:
    devices = Gpus().sample().devices
    assert [one.index for one in gpu.sorted_by(devices, "power")] == [0, 1, 2]
    assert [one.index for one in gpu.sorted_by(devices[::-1], "utilization")] == [0, 1, 2]
    assert [one.index for one in gpu.sorted_by(devices[::-1], "index")] == [2, 1, 0]


def test_rows_say_what_is_lost_silent_or_split() -> None:
    busy, _, lost = Gpus().sample().devices
    assert gpu.listed_row(lost, None)[-1].text == "lost: it has fallen off the bus"
    silent = gpu.listed_row(busy, "no answer from the NVIDIA driver for 7 s")
    assert (silent[-1].spans, len(silent)) == (True, 3)
    split = replace(busy, mig=(MigInstance(0, None, "1g.10gb", 7, 5, 10**10),))
    assert gpu.listed_row(split, None)[2].text == "MIG: n/a"
    hot = replace(busy, reading=replace(busy.reading, throttle_bits=0x44))
    assert gpu.listed_row(hot, None)[-1].tone is Tone.WARNING
    assert gpu.listed_row(busy, None)[-1].tone is Tone.PLAIN  # a power cap is normal


def test_a_process_is_one_line_whatever_its_command_holds() -> None:
    assert metrics.one_line("python3 -c \nimport x\n\x1b[31mred") == "python3 -c import x [31mred"
    assert len(metrics.one_line("x" * 1000)) == 120


def test_one_that_cannot_be_read_does_not_hide_the_others() -> None:
    snapshot = Gpus().sample()
    closed = replace(snapshot.devices[1], closed="no permission to talk to the NVIDIA driver")
    gpus = Latest(replace(snapshot, devices=(snapshot.devices[0], closed)), 10.0, 1.0)
    first, second = gpu.gpu_meters(gpus, 10.5)
    assert first.level.share == 0.99
    assert second.badge is not None
    assert second.badge.text.startswith("closed: no permission")
    assert gpu.to_json(gpus, Latest(None, None, 1.0), 10.5)["devices"][1]["closed"]


def test_what_holds_for_all_of_them_is_said_once() -> None:
    gpus = Latest(Gpus().sample(), 10.0, 1.0)
    (one,) = gpu.gpu_meters(gpus, 17.0)
    assert one.badge is not None
    assert "no answer from the NVIDIA driver for 7 s" in one.badge.text
