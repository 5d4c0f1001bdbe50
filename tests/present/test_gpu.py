"""GPU readings as rows."""

from __future__ import annotations

from tests.screens.made_up import Gpus, Host
from tui.present import gpu, metrics


def test_what_a_card_does_not_tell_is_a_dash_and_a_lost_one_is_said_to_be() -> None:
    snapshot, (host,) = Gpus().snapshot(), Host().read()
    busy, silent, lost, last = gpu.meters(snapshot, None, host)
    assert busy.level.share == 1.0
    assert "625/700 W" in busy.facts
    assert silent.facts[:4] == ("–", "–", "–", "–")
    assert lost.badge is not None
    assert "fallen off the bus" in lost.badge.text
    assert last.name == "host"
    (none, _) = gpu.meters(None, "no NVIDIA driver here", host)
    assert none.level.text == "no NVIDIA driver here"
    assert gpu.names(snapshot) == "3 x H100 80GB HBM3"


def test_a_process_is_one_line_whatever_its_command_holds() -> None:
    assert metrics.one_line("python3 -c \nimport x\n\x1b[31mred") == "python3 -c import x [31mred"
    assert len(metrics.one_line("x" * 1000)) == 120
