"""One worker is told that there are too many requests, and all of them ask less."""

import logging
import threading
from collections.abc import Callable
from itertools import pairwise
from time import monotonic

import pytest

from daemon.adapters.databricks import DatabricksClient
from daemon.adapters.databricks import throttle as throttling
from daemon.adapters.databricks.throttle import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Throttle
from tests.adapters.local_server import Answer, Asked, LocalServer

PATH, OTHER = "/api/2.0/thing", "/api/2.0/other"
GOOD = Answer({"answer": 42})
TOO_MANY = {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "too many requests"}


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def throttle(time: Time) -> Throttle:
    return Throttle(90, clock=lambda: time.now, sleep=time.sleep)


def test_as_long_as_nothing_is_said_nobody_waits(time: Time, throttle: Throttle) -> None:
    for status in (200, 400, 500, 503):
        throttle.wait()
        throttle.heard(status, None)
    assert time.slept == []


def test_all_wait_for_as_long_as_is_asked_for_and_no_longer(time: Time, throttle: Throttle) -> None:
    throttle.heard(429, "7")
    throttle.wait()
    assert time.slept == [7]
    throttle.wait()
    assert time.slept == [7]


def test_without_a_number_each_refusal_in_a_row_doubles_the_pause_up_to_a_limit(time: Time, throttle: Throttle) -> None:
    for _ in range(9):
        throttle.heard(429, None)
        throttle.wait()
    assert time.slept[0] == FIRST_PAUSE_SECONDS
    assert all(after == min(2 * before, LONGEST_PAUSE_SECONDS) for before, after in pairwise(time.slept))
    assert time.slept[-1] == LONGEST_PAUSE_SECONDS
    throttle.heard(200, None)
    throttle.heard(429, None)
    throttle.wait()
    assert time.slept[-1] == FIRST_PAUSE_SECONDS, "it was answered in between"


@pytest.mark.parametrize("strange", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "", "1e9"])
def test_what_is_no_number_of_seconds_is_as_good_as_nothing(time: Time, throttle: Throttle, strange: str) -> None:
    throttle.heard(429, strange)
    throttle.wait()
    assert time.slept == [FIRST_PAUSE_SECONDS]


def test_nobody_asks_for_more_than_a_request_may_wait(time: Time) -> None:
    impatient = Throttle(5, clock=lambda: time.now, sleep=time.sleep)
    impatient.heard(429, "86400")
    impatient.wait()
    assert time.slept == [5]
    assert impatient._until - 1000 == LONGEST_PAUSE_SECONDS


def test_a_shorter_pause_does_not_end_a_longer_one(time: Time, throttle: Throttle) -> None:
    throttle.heard(429, "30")
    throttle.heard(429, "2")
    throttle.wait()
    assert time.slept == [30]


def test_it_is_said_once_a_pause(throttle: Throttle, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        throttle.heard(429, "30")
        throttle.heard(429, "30")
    assert [r.getMessage() for r in caplog.records] == ["the workspace asks for fewer requests: none is sent for 30 s"]


def test_a_worker_that_was_refused_slows_down_the_others(
    server: LocalServer, client: DatabricksClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is told to wait a second; what another asks for after that is not sent before the second is over."""
    heard, arrived = threading.Event(), list[float]()
    monkeypatch.setattr(throttling.log, "warning", lambda *_: heard.set())

    def reply(answer: Answer) -> Callable[[Asked], Answer]:
        def to(_asked: Asked) -> Answer:
            arrived.append(monotonic())
            return answer

        return to

    server.on("GET", PATH, reply(Answer(TOO_MANY, 429, {"Retry-After": "1"})), reply(GOOD))
    server.on("GET", OTHER, reply(GOOD))
    first = threading.Thread(target=client.get, args=(PATH, dict), kwargs={"what": "ask"})
    first.start()
    assert heard.wait(20)
    client.get(OTHER, dict, what="ask")
    first.join(20)
    refused, *after = arrived
    assert len(after) == 2
    # its answer was some milliseconds on the way
    assert min(after) - refused >= 0.99
