"""Verification over windows told letter by letter: h healthy, b breach, i inconclusive, n no data."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.finding import Verdict
from daemon.domain.window import Window
from daemon.remediate.journal import Outcome
from daemon.remediate.verify import Judged, verify
from tests.remediate.stories import QUARTER, START

LETTERS = {"h": Verdict.HEALTHY, "b": Verdict.BREACH, "i": Verdict.INCONCLUSIVE, "n": Verdict.NO_DATA}


def judged(letters: str, requests: int = 100) -> list[Judged]:
    windows = [Window(START + n * QUARTER, START + (n + 1) * QUARTER) for n in range(len(letters))]
    return [Judged(w, LETTERS[letter], requests) for w, letter in zip(windows, letters, strict=True)]


@pytest.mark.parametrize(
    ("letters", "outcome"),
    [
        ("", Outcome.WAIT),
        ("hh", Outcome.WAIT),
        ("hhh", Outcome.DONE),
        ("hihnh", Outcome.DONE),
        ("bhhh", Outcome.DONE),
        ("hhbh", Outcome.WAIT),
        ("hhb", Outcome.WAIT),
        ("bb", Outcome.UNFIT),
        ("bihhb", Outcome.UNFIT),
        ("bhbhhh", Outcome.UNFIT),
        ("iiiii", Outcome.WAIT),
        ("nnnnn", Outcome.WAIT),
        ("iiihh", Outcome.WAIT),
    ],
)
def test_three_healthy_windows_in_a_row_verify_and_two_in_breach_condemn(letters: str, outcome: Outcome) -> None:
    assert verify(judged(letters), healthy=3, requests=0, breaches=2).outcome is outcome


def test_healthy_windows_of_too_few_requests_wait_for_more() -> None:
    asked = {"healthy": 2, "requests": 200, "breaches": 1}
    assert verify(judged("hh", requests=99), **asked).outcome is Outcome.WAIT
    assert verify(judged("hhh", requests=99), **asked).outcome is Outcome.DONE


def test_windows_count_in_the_order_of_their_time() -> None:
    assert verify(judged("hhb")[::-1], healthy=2, requests=0, breaches=9).outcome is Outcome.WAIT
    assert verify(judged("bhh")[::-1], healthy=2, requests=0, breaches=9).outcome is Outcome.DONE


def test_the_numbers_are_told() -> None:
    seen = verify(judged("bhih"), healthy=2, requests=1, breaches=2)
    assert seen.result == {"healthy_windows": 2, "breaches": 1, "requests": 400}


STORIES = st.text("hbin", max_size=12)


@given(letters=STORIES, healthy=st.integers(1, 4), breaches=st.integers(1, 4), requests=st.integers(0, 900))
def test_success_rests_on_enough_healthy_windows_and_requests_and_failure_on_enough_breaches(
    letters: str, healthy: int, breaches: int, requests: int
) -> None:
    outcome = verify(judged(letters), healthy=healthy, requests=requests, breaches=breaches).outcome
    told = letters.replace("i", "").replace("n", "")
    unfit = letters.count("b") >= breaches
    proven = told.endswith("h" * healthy) and 100 * len(letters) >= requests
    assert outcome is (Outcome.UNFIT if unfit else Outcome.DONE if proven else Outcome.WAIT)


@given(letters=STORIES, noise=st.text("in", max_size=5), at=st.integers(0, 12))
def test_windows_that_say_nothing_change_nothing(letters: str, noise: str, at: int) -> None:
    def outcome(told: str) -> Outcome:
        return verify(judged(told), healthy=2, requests=0, breaches=2).outcome

    assert outcome(letters[:at] + noise + letters[at:]) is outcome(letters)


def test_silence_never_ends_anything() -> None:
    silent = [Judged(Window(START, START + timedelta(hours=9)), Verdict.NO_DATA, 0)]
    assert verify(silent, healthy=1, requests=1, breaches=1).outcome is Outcome.WAIT
