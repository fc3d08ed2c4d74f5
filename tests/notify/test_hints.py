"""What a message says that a person can do: links that work, commands that can be copied."""

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from daemon.config.settings import Notify
from daemon.domain.event import Event, Severity
from daemon.domain.remediation import State
from daemon.notify import cycle
from daemon.remediate.people import answer
from daemon.store import events, remediations
from daemon.store.engine import Store
from daemon.telemetry import log
from daemon.telemetry.metrics import Metrics
from daemon.web.desk import Credentials
from daemon.web.link import link_to, read
from tests.fakes import FakeChannel
from tests.remediate.test_people import needs_human, who
from tests.remediate.waiting import NOW, asking, waiting
from tests.web.desks import KEY, House


@pytest.fixture
def house(sqlite_store: Store, tmp_path: Path) -> House:
    made = House(sqlite_store, tmp_path)
    made.desk.url = "http://127.0.0.1:9464"
    return made


def told(house: House, *, later: float = 60) -> str:
    """Let the notify loop run, and return the bodies of what went out."""
    channel = FakeChannel()
    with capture_logs():
        while cycle.run(
            house.store,
            [channel],
            Notify(),
            Metrics(),
            log.get("test"),
            now=NOW + timedelta(seconds=later),
            hints=house.desk.hints,
        ):
            pass
    return "\n\n".join(sent.body for sent in channel.sent)


def links(body: str) -> dict[str, str]:
    lines = (line.partition(": ") for line in body.splitlines())
    return {verb: url for verb, _, url in lines if url.startswith("http")}


def test_a_plan_that_waits_is_told_with_links_and_commands(house: House) -> None:
    one = waiting(house.store)
    body = told(house)
    found = links(body)
    assert set(found) == {"approve", "reject"}
    for verb, url in found.items():
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}" == "http://127.0.0.1:9464"
        expected = link_to(verb, one.id, "plan", one.plan_hash, NOW + timedelta(hours=24))
        assert read(parts.path, parts.query, KEY) == expected
        assert f"to {verb}, type: mlsteward {verb} {one.id} --by YOU --reason TEXT" in body
    assert "answer by 2026-03-02 12:00:00 UTC" in body


def test_a_step_that_asks_is_told_with_its_own_links(house: House) -> None:
    one = asking(house.store)
    with house.store.begin() as tx:
        for event in events.due(tx, 10):
            if event.kind != "remediation.asks":
                events.delivered(tx, event, NOW)
    parts = urlsplit(links(told(house))["approve"])
    expected = link_to("approve", one.id, "ask-full", one.plan_hash, NOW + timedelta(hours=24))
    assert read(parts.path, parts.query, KEY) == expected


@pytest.mark.parametrize("public", ["https://steward.example.com", "https://example.com/steward/"])
def test_links_lead_to_where_people_reach_the_listener(house: House, public: str) -> None:
    web = house.settings.web.model_copy(update={"public_url": public})
    house.settings = house.settings.model_copy(update={"web": web})
    waiting(house.store)
    assert links(told(house))["approve"].startswith(f"{public.rstrip('/')}/approve?id=")


def test_without_a_key_there_are_commands_alone(house: House) -> None:
    house.desk.credentials = Credentials()
    one = waiting(house.store)
    body = told(house)
    assert links(body) == {}
    assert f"mlsteward approve {one.id}" in body


def test_nothing_signed_is_stored(house: House) -> None:
    waiting(house.store)
    body = told(house)
    assert "signature=" in body
    with house.store.read() as tx:
        assert "signature" not in str(events.history(tx, limit=99))


def test_a_message_that_was_held_up_until_after_the_answer_says_so(house: House) -> None:
    one = waiting(house.store)
    with house.store.begin() as tx:
        answer.answer(tx, one, who(), granted=False, within=timedelta(hours=24))
    body = told(house)
    assert links(body) == {}
    assert "answered or over meanwhile: it is rejected" in body


def test_what_needs_a_human_says_how_it_is_released(house: House) -> None:
    one = needs_human(house.store)
    numbers = {"remediation": one.id}
    event = Event("remediation.needs_human", Severity.PAGE, "look", NOW, "flights", numbers, "k")
    assert house.desk.hints(event) == [f"when it has been looked at: mlsteward release {one.id} --by YOU --reason TEXT"]
    with house.store.begin() as tx:
        remediations.move(tx, one, State.CANCELLED, now=NOW)
    assert house.desk.hints(event) == ["over meanwhile: it is cancelled"]


def test_other_events_need_no_database(house: House) -> None:
    def away() -> nullcontext[Store]:
        raise AssertionError("not asked")

    house.desk._opened = away
    assert house.desk.hints(Event("watch.blind", Severity.PAGE, "x", NOW)) == []
