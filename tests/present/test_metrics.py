"""How numbers are written."""

from __future__ import annotations

from datetime import datetime, timezone

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


def test_ages_and_times_of_our_files() -> None:
    now = datetime(2026, 11, 24, 14, 0, tzinfo=timezone.utc)
    assert metrics.seconds_since("2026-11-24T13:59:00.000Z", now) == 60
    assert metrics.seconds_since("2026-11-24T13:59:00", now) == 60  # without a zone: UTC
    assert metrics.seconds_since("yesterday", now) is None
    assert [metrics.age(one) for one in (5, 59, 60, 3599, 3600, 172_799, 172_800)] == [
        "5 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days",
    ]  # fmt: skip


def test_sizes_and_limits_have_the_unit_that_fits() -> None:
    assert [metrics.size(one) for one in (12, 50_000_000, 2_300_000_000_000)] == [
        "12 B", "50 MB", "2.3 TB",
    ]  # fmt: skip
    assert metrics.of(575.4, 700.0, "W") == "575/700 W"
    assert metrics.of(575.4, None, "W") == "575 W"
    assert metrics.of(None, 700.0, "W") == "–"
