"""The third loop on a real database: nothing is lost, nothing recorded is repeated, nobody is held up."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as plain
from structlog.testing import capture_logs

from daemon.config import settings
from daemon.config.fields import Secret
from daemon.config.settings import ChannelSettings, Notify
from daemon.domain.event import Event
from daemon.notify import cycle
from daemon.ports import PlatformError
from daemon.store import events
from daemon.store.engine import Store, Tx
from daemon.telemetry import log
from daemon.telemetry.metrics import Metrics
from tests.fakes import Crash, FakeChannel, Ledger
from tests.notify.messages import T0, event, page

AWAY = PlatformError("503 from the webhook", permanent=False)


class DyingStore(Store):
    """Dies before or after the commit of its n-th writing transaction."""

    dies_at = 0
    committed = False

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        self.dies_at -= 1
        with super().begin() as tx:
            yield tx
            if self.dies_at == 0 and not self.committed:
                raise Crash("died before the commit")
        if self.dies_at == 0:
            raise Crash("died after the commit")


@dataclass
class Loop:
    """The loop with its world, and a clock that the test turns."""

    store: DyingStore
    channels: list[FakeChannel] = field(default_factory=lambda: [FakeChannel("ops")])
    at_least: dict[str, Any] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    now: datetime = T0
    lines: list[Any] = field(default_factory=list)

    def queue(self, *queued: Event) -> None:
        with self.store.begin() as tx:
            for each in queued:
                assert events.append(tx, each)

    def run(self, *, after: float = 0) -> bool:
        """Let so many seconds pass, then run one cycle."""
        self.now += timedelta(seconds=after)
        with capture_logs() as lines:
            ran = cycle.run(self.store, self.channels, self.settings(), self.metrics, log.get("test"), now=self.now)
        self.lines += lines
        return ran

    def run_all(self, *, after: float = 0) -> None:
        self.now += timedelta(seconds=after)
        while self.run():
            pass

    def settings(self) -> Notify:
        names = [channel.name for channel in self.channels]
        return Notify(
            channels=tuple(
                ChannelSettings(name=n, url=Secret(env="URL"), at_least=self.at_least.get(n, "info")) for n in names
            )
        )

    def titles(self, channel: int = 0) -> list[str]:
        return [sent.title for sent in self.channels[channel].sent]

    def pending(self) -> list[Event]:
        with self.store.read() as tx:
            return events.due(tx, 1000)

    def metric(self, name: str, **labels: str) -> float | None:
        families = plain(self.metrics.page()[0].decode())
        found = [s.value for f in families for s in f.samples if s.name == name and s.labels == labels]
        return found[0] if found else None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DyingStore]:
    opened = DyingStore.open(settings.Store(url=f"sqlite:///{tmp_path}/mlsteward.db"))
    yield opened
    opened.close()


@pytest.fixture
def loop(store: DyingStore) -> Loop:
    return Loop(store)


def test_nothing_to_tell_is_nothing_done(loop: Loop) -> None:
    assert loop.run() is False
    assert loop.channels[0].sent == []
    assert loop.lines == []


def test_a_page_goes_out_at_once_and_once(loop: Loop) -> None:
    loop.queue(page(1, "flight-delay", sentence="rolled back to version 2", numbers={"requests": 200}))
    assert loop.run() is True
    assert loop.metric("mlsteward_events_pending") == 0
    assert loop.run() is False
    (sent,) = loop.channels[0].sent
    assert sent.title == "[page] flight-delay: rolled back to version 2"
    assert "requests 200" in sent.body
    assert sent.event.dedup_key == "flight-delay/1"
    assert loop.pending() == []
    assert loop.metric("mlsteward_notifications_total", channel="ops", result="delivered") == 1


def test_events_of_an_endpoint_become_one_message_after_the_wait(loop: Loop) -> None:
    loop.queue(event(1), event(2, at=20))
    assert loop.run(after=29) is False
    assert loop.metric("mlsteward_events_pending") == 2
    assert loop.run(after=1) is True
    assert loop.titles() == ["flights: 2 events"]


def test_one_cycle_sends_one_group_and_pages_go_first(loop: Loop) -> None:
    loop.queue(event(1, "a"), event(2, "b"), page(3, "c", at=60))
    loop.now += timedelta(seconds=60)
    for told in (1, 2, 3):
        assert loop.run() is True
        assert len(loop.titles()) == told
    assert loop.titles() == ["[page] c: sentence 3", "a: sentence 1", "b: sentence 2"]


def test_what_is_for_the_record_only_is_never_sent(loop: Loop) -> None:
    loop.queue(event(1, dedup_key=""))
    assert loop.run(after=3600) is False


def test_a_channel_gets_what_is_loud_enough_for_it(loop: Loop) -> None:
    loop.channels = [FakeChannel("all"), FakeChannel("pager")]
    loop.at_least = {"pager": "page"}
    loop.queue(event(1), page(2))
    loop.run_all(after=30)
    assert loop.titles(0) == ["[page] flights: sentence 2", "flights: sentence 1"]
    assert loop.titles(1) == ["[page] flights: sentence 2"]
    assert loop.pending() == []


def test_without_channels_events_stay_in_the_record_and_the_log_says_so(loop: Loop) -> None:
    loop.channels = []
    loop.queue(page(1))
    assert loop.run() is True
    assert loop.pending() == []
    assert "no channel wants an event" in loop.lines[-1]["event"]
    assert "sentence 1" in loop.lines[-1]["event"]


def test_a_refused_message_is_tried_again_by_the_backoff_until_it_is_taken(loop: Loop) -> None:
    loop.channels[0].fail_next(AWAY, times=3)
    loop.queue(page(1))
    tried = [second for second in range(60) if loop.run(after=1 if second else 0)]
    assert tried == [0, 5, 15, 35]
    assert loop.titles() == ["[page] flights: sentence 1"]
    assert loop.metric("mlsteward_notifications_total", channel="ops", result="failed") == 3
    refusals = [line for line in loop.lines if line["log_level"] == "warning"]
    assert [line["event"] for line in refusals] == [
        f"not delivered, tried again in {seconds} s: 503 from the webhook" for seconds in (5, 10, 20)
    ]


def test_a_channel_that_is_away_holds_up_no_other_channel_and_hears_it_later(loop: Loop) -> None:
    loop.channels = [FakeChannel("away"), FakeChannel("ops")]
    loop.channels[0].fail_next(AWAY, times=2)
    loop.queue(page(1))
    loop.run()
    assert loop.titles(1) == ["[page] flights: sentence 1"]
    assert loop.pending()[0].taken == ("ops",)
    loop.run(after=5)
    loop.run(after=10)
    assert loop.titles(0) == ["[page] flights: sentence 1"]
    assert loop.titles(1) == ["[page] flights: sentence 1"]
    assert loop.pending() == []


def test_a_channel_does_not_hear_again_what_it_took_when_more_comes_for_the_one_that_was_away(
    loop: Loop,
) -> None:
    loop.channels = [FakeChannel("away"), FakeChannel("ops")]
    loop.channels[0].fail_next(AWAY)
    loop.queue(page(1))
    loop.run()
    loop.queue(page(2, at=1))
    loop.run(after=1)
    assert loop.titles(0) == ["[page] flights: 2 events"]
    assert loop.titles(1) == ["[page] flights: sentence 1", "[page] flights: sentence 2"]


def test_a_group_that_fails_holds_up_no_other_group(loop: Loop) -> None:
    loop.channels[0].fail_next(AWAY)
    loop.queue(page(1, "a"), page(2, "b", at=1))
    loop.run_all(after=1)
    assert loop.titles() == ["[page] b: sentence 2"]
    loop.run_all(after=5)
    assert loop.titles() == ["[page] b: sentence 2", "[page] a: sentence 1"]


def test_a_channel_that_breaks_in_its_own_way_is_a_failure_like_any_other(loop: Loop) -> None:
    class Broken(FakeChannel):
        def send(self, title: str, body: str, event: Event) -> None:
            raise TypeError("a bug in a library")

    loop.channels = [Broken("broken"), FakeChannel("ops")]
    loop.queue(page(1))
    loop.run()
    assert loop.titles(1) == ["[page] flights: sentence 1"]
    assert loop.lines[0]["kind"] == "TypeError"


def test_even_what_is_said_to_be_hopeless_is_tried_again(loop: Loop) -> None:
    loop.channels[0].fail_next(PlatformError("404: the webhook was revoked", permanent=True))
    loop.queue(page(1))
    loop.run()
    loop.run(after=5)
    assert loop.titles() == ["[page] flights: sentence 1"]


def test_after_three_days_of_refusals_an_event_is_given_up_counted_and_logged(loop: Loop) -> None:
    loop.channels = [FakeChannel("away"), FakeChannel("ops")]
    loop.channels[0].fail_next(AWAY, times=10_000)
    loop.queue(page(1))
    while loop.pending():
        loop.run(after=900)
    assert timedelta(days=3) <= loop.now - T0 < timedelta(days=3, minutes=20)
    assert loop.metric("mlsteward_notifications_total", channel="away", result="given_up") == 1
    assert loop.metric("mlsteward_notifications_total", channel="ops", result="given_up") is None
    assert loop.lines[-1]["log_level"] == "error"
    assert "away never took an event, which is given up: sentence 1" in loop.lines[-1]["event"]
    assert len(loop.titles(1)) == 1


def test_after_a_week_switched_off_one_refusal_does_not_lose_an_event(loop: Loop) -> None:
    loop.channels[0].fail_next(AWAY)
    loop.queue(event(1))
    loop.run(after=7 * 86400)
    loop.run(after=5)
    assert loop.titles() == ["flights: sentence 1"]


def test_a_channel_that_a_reload_removed_is_not_waited_for(loop: Loop) -> None:
    loop.channels = [FakeChannel("old"), FakeChannel("ops")]
    loop.channels[0].fail_next(AWAY, times=100)
    loop.queue(page(1))
    loop.run()
    del loop.channels[0]
    loop.run(after=5)
    assert loop.pending() == []
    assert len(loop.titles()) == 1


def test_a_reply_that_is_lost_means_the_message_is_sent_again(loop: Loop) -> None:
    loop.channels[0].lose_reply()
    loop.queue(page(1))
    loop.run()
    loop.run(after=5)
    assert len(loop.titles()) == 2


def test_two_channels_cannot_share_the_name_under_which_it_is_recorded_who_took_an_event() -> None:
    twin = ChannelSettings(name="ops", url=Secret(env="URL"))
    with pytest.raises(ValueError, match="channels named more than once: ops"):
        Notify(channels=(twin, twin))


def test_no_line_holds_a_number_of_the_event(loop: Loop) -> None:
    loop.channels[0].fail_next(AWAY)
    loop.queue(page(1, numbers={"salary": "hush-hush"}))
    loop.run()
    loop.run(after=5)
    assert "hush-hush" in loop.channels[0].sent[0].body
    assert "hush-hush" not in str(loop.lines)


QUEUED = (page(1, "a"), event(2, "a"), event(3, "a", at=1), event(4, "b", at=2))
TITLES = {"[page] a: sentence 1", "a: 2 events", "b: sentence 4"}


def end_well(loop: Loop) -> None:
    """What happens after the restart."""
    loop.run_all(after=30)
    loop.run_all(after=30)
    assert loop.pending() == []


@pytest.mark.parametrize("effect", range(1, 7))
def test_killed_after_any_send_nothing_is_lost_and_only_that_send_repeats(loop: Loop, effect: int) -> None:
    ledger = Ledger()
    loop.channels = [FakeChannel("one", ledger), FakeChannel("two", ledger)]
    loop.queue(*QUEUED)
    ledger.crash_after = effect
    with pytest.raises(Crash):
        loop.run_all(after=60)
    end_well(loop)
    repeated = ledger.effects[effect - 1]
    told = [(e.subject, str(e.detail["title"])) for e in ledger.effects]
    assert set(told) == {(channel, title) for channel in ("one", "two") for title in TITLES}
    assert len(told) == len(set(told)) + 1
    assert told.count((repeated.subject, str(repeated.detail["title"]))) == 2


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("transaction", range(1, 13))
def test_killed_at_any_transaction_nothing_is_lost_and_nothing_recorded_repeats(
    loop: Loop, transaction: int, committed: bool
) -> None:
    ledger = Ledger()
    loop.channels = [FakeChannel("one", ledger), FakeChannel("two", ledger)]
    loop.queue(*QUEUED)
    loop.store.dies_at, loop.store.committed = transaction, committed
    with pytest.raises(Crash):
        loop.run_all(after=60)
    recorded = [(channel, e.sentence) for e in loop.pending() for channel in e.taken]
    sends = len(ledger.effects)
    end_well(loop)
    told = [(e.subject, str(e.detail["title"])) for e in ledger.effects]
    assert set(told) == {(channel, title) for channel in ("one", "two") for title in TITLES}
    assert len(told) <= len(set(told)) + (0 if committed else 1)
    again = told[sends:]
    assert not [(c, s) for c, s in recorded if any(c == to and title.endswith(s) for to, title in again)]
