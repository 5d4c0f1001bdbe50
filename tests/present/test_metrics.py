"""How numbers are written."""

from __future__ import annotations

import pytest

from tui.present import metrics


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0386, "0.0386"),
        (7.220828, "7.221"),
        (147.947, "147.9"),
        (13157.8, "13 157.8"),
        (1_042_110.4, "1 042 110"),
        (-3.5, "-3.500"),
        (0, "0.0000"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert metrics.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (0.4, "0:00"), (75, "1:15"), (3675, "1:01:15")]
)
def test_durations(seconds: float | None, text: str) -> None:
    assert metrics.duration(seconds) == text


def test_counts_agree_with_their_noun() -> None:
    assert metrics.count(1, "query", "queries") == "1 query"
    assert metrics.count(13157, "query", "queries") == "13 157 queries"
