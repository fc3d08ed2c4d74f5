"""Under load: who is asked how often and in which order, and who is certainly too slow."""

from datetime import timedelta

import numpy as np
import pytest

from daemon.ports import PlatformError
from daemon.remediate.journal import Outcome
from daemon.remediate.load import Answers, judge, send
from tests.fakes import FakeServing
from tests.remediate.stories import ENDPOINT, EXAMPLE, MODEL

NEW, OLD = "flight_delay-2", "flight_delay-1"


def served(**ms: float) -> FakeServing:
    fake = FakeServing()
    fake.add(ENDPOINT, MODEL, {1: 100, 2: 0})
    fake.answers = {(ENDPOINT, int(v[1:])): (200, took) for v, took in ms.items()}
    return fake


@pytest.mark.parametrize("at_once", [1, 3, 4, 32])
def test_both_get_the_same_requests_in_turn(at_once: int) -> None:
    fake = served(v1=5, v2=7)
    new, old = send(fake, ENDPOINT, [NEW, OLD], EXAMPLE, requests=10, at_once=at_once)
    assert (new, old) == (Answers((7.0,) * 10), Answers((5.0,) * 10))
    asked = [entity for _, entity, _ in fake.queries]
    for n in range(0, len(asked), at_once):
        # whatever order the threads of one round come in, a round holds both alike
        assert abs(asked[n : n + at_once].count(NEW) - asked[n : n + at_once].count(OLD)) <= 1
    assert all(payload == EXAMPLE for _, _, payload in fake.queries)


@pytest.mark.parametrize(("at_once", "answered"), [(1, 6), (4, 20)])
def test_no_round_begins_once_the_time_is_used_up(at_once: int, answered: int) -> None:
    fake = served(v1=10_000, v2=20_000)
    found = send(fake, ENDPOINT, [NEW, OLD], EXAMPLE, requests=50, at_once=at_once, longest=timedelta(seconds=90))
    # one by one 20 and 10 s in turn, in rounds of four 20 s each: the round under way at 90 s is the last
    assert sum(one.asked for one in found) == answered
    assert found[0].asked == found[1].asked


def test_refusals_are_told_from_answers() -> None:
    fake = served(v1=5)
    fake.answers[ENDPOINT, 2] = (503, 1.0)
    new, old = send(fake, ENDPOINT, [NEW, OLD], EXAMPLE, requests=3, at_once=2)
    assert (new.ms, new.refused, new.asked) == ((), (503,) * 3, 3)
    assert old.refused == ()


def test_a_workspace_that_is_away_is_nobodys_fault() -> None:
    fake = served(v1=5, v2=5)
    fake.fail_next(PlatformError("away", permanent=False), call="query")
    with pytest.raises(PlatformError):
        send(fake, ENDPOINT, [NEW, OLD], EXAMPLE, requests=3, at_once=2)


def took(median_ms: float, n: int, seed: int) -> Answers:
    """Return latencies as services have them: log-normal, half as slow or as fast a standard deviation off."""
    rng = np.random.default_rng(seed)
    return Answers(tuple(float(ms) for ms in median_ms * np.exp(rng.normal(0, 0.4, n))))


@pytest.mark.parametrize(
    ("new", "old", "outcome"),
    [
        (took(20, 50, 1), took(20, 50, 2), Outcome.DONE),
        (took(24, 50, 1), took(20, 50, 2), Outcome.DONE),
        (took(60, 50, 1), took(20, 50, 2), Outcome.FAILED),
        (took(10, 50, 1), took(20, 50, 2), Outcome.DONE),
        # too few to be certain of anything
        (took(60, 3, 1), took(20, 3, 2), Outcome.DONE),
        (Answers((20.0,) * 50), Answers((20.0,) * 49, (503,)), Outcome.FAILED),
        (Answers((20.0,) * 49, (400,)), Answers((20.0,) * 50), Outcome.FAILED),
        (Answers(), Answers(), Outcome.FAILED),
    ],
)
def test_what_is_certainly_slower_than_tolerated_does_not_pass(new: Answers, old: Answers, outcome: Outcome) -> None:
    assert judge(new, old, tolerance=0.25).outcome is outcome


def test_a_tail_that_grew_shows_in_enough_requests() -> None:
    quick, slow_tail = Answers((20.0,) * 1000), Answers((20.0,) * 900 + (200.0,) * 100)
    seen = judge(slow_tail, quick, tolerance=0.25)
    assert seen.outcome is Outcome.FAILED
    assert "p95 is certainly over" in seen.detail


def test_a_challenger_as_fast_as_its_champion_is_hardly_ever_refused() -> None:
    refused = sum(
        judge(took(20, 50, seed), took(20, 50, 10_000 + seed), tolerance=0.0).outcome is Outcome.FAILED
        for seed in range(400)
    )
    assert refused == 0, "promised: once in ten thousand"


def test_who_refused_is_told() -> None:
    one, ill = Answers((20.0,) * 9), Answers((20.0,) * 7, (503, 400))
    assert judge(ill, one, tolerance=0.25).detail == "the challenger refused 2 of 9 requests (503)"
    assert judge(one, ill, tolerance=0.25).detail == "the champion refused 2 of 9 requests (503)"
