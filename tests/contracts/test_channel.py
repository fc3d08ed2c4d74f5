"""The contract of the port Channel."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.adapters.channels import AppriseChannel
from daemon.config.fields import Secret
from daemon.config.settings import ChannelSettings
from daemon.domain.event import Event, Severity
from daemon.ports import Channel, PlatformError
from tests.adapters.local_server import Answer, Asked, LocalServer
from tests.fakes import FakeChannel

EVENT = Event("watch.blind", Severity.WARNING, "no rows", datetime(2026, 11, 23, tzinfo=UTC))


@dataclass(frozen=True)
class World:
    channel: Channel
    received: Callable[[], list[tuple[str, str]]]
    """Return titles and bodies, as they arrived."""
    refuse_next: Callable[[], None]


@pytest.fixture(params=["fake", "webhook"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "fake":
        yield _fake()
        return
    with LocalServer() as server:
        yield _real(server, tmp_path)


def test_messages_arrive_in_the_order_in_which_they_were_sent(world: World) -> None:
    world.channel.send("first", "one\ntwo", EVENT)
    world.channel.send("second", "three", EVENT)
    assert world.received() == [("first", "one\ntwo"), ("second", "three")]


def test_a_refused_message_may_be_sent_again(world: World) -> None:
    world.refuse_next()
    with pytest.raises(PlatformError) as caught:
        world.channel.send("title", "body", EVENT)
    assert not caught.value.permanent
    assert world.received() == []
    world.channel.send("title", "body", EVENT)
    assert world.received() == [("title", "body")]


def test_a_channel_has_the_name_that_it_was_given(world: World) -> None:
    assert world.channel.name == "ops"


def _fake() -> World:
    channel = FakeChannel("ops")
    return World(
        channel,
        lambda: [(sent.title, sent.body) for sent in channel.sent],
        lambda: channel.fail_next(PlatformError("no", permanent=False)),
    )


def _real(server: LocalServer, folder: Path) -> World:
    taken: list[tuple[str, str]] = []
    address = folder / "address"
    address.write_text(f"{server.url.replace('http', 'json')}/hook")

    def take(asked: Asked) -> Answer:
        taken.append((asked.json["title"], asked.json["message"]))
        return Answer()

    server.on("POST", "/hook", take)
    channel = AppriseChannel(ChannelSettings(name="ops", url=Secret(file=address)))
    return World(channel, lambda: taken, lambda: server.on("POST", "/hook", Answer({}, 500), take))
