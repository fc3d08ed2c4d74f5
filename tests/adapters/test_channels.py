import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest

from daemon.adapters.channels import AppriseChannel
from daemon.config.fields import Secret
from daemon.config.settings import ChannelSettings
from daemon.domain.event import Event, Severity
from daemon.ports import Channel, PlatformError
from tests.adapters.local_server import Answer, LocalServer

HOOK = "/hooks/T000/s3cr3t"
EVENT = Event(
    kind="remediation.succeeded",
    severity=Severity.PAGE,
    sentence="rolled back",
    at=datetime(2026, 11, 23, 12, tzinfo=UTC),
    endpoint="flights",
    dedup_key="flights/rollback/7",
)


@pytest.fixture
def address(tmp_path: Path) -> Path:
    """The file that holds the channel's address."""
    return tmp_path / "address"


@pytest.fixture
def channel(address: Path) -> Channel:
    return AppriseChannel(ChannelSettings(name="ops", url=Secret(file=address)))


@pytest.fixture(autouse=True)
def no_address_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG, "apprise")
    yield
    assert "s3cr3t" not in "".join(line for name, _, line in caplog.record_tuples if name == "apprise")


def refused(channel: Channel) -> PlatformError:
    with pytest.raises(PlatformError, match="channel ops") as caught:
        channel.send("title", "body", EVENT)
    assert "s3cr3t" not in str(caught.value)
    return caught.value


def webhook(server: LocalServer) -> str:
    return server.url.replace("http://", "json://") + HOOK


def test_a_webhook_gets_the_message_and_what_a_machine_wants_to_know(
    server: LocalServer, channel: Channel, address: Path
) -> None:
    address.write_text(webhook(server))
    server.on("POST", HOOK, Answer())
    channel.send("flights: rolled back", "from 3 to 2\n5xx 0.20 > 0.01", EVENT)
    (asked,) = server.to(HOOK)
    expected = {
        "title": "flights: rolled back",
        "message": "from 3 to 2\n5xx 0.20 > 0.01",
        "type": "failure",
        "kind": "remediation.succeeded",
        "severity": "page",
        "endpoint": "flights",
        "at": "2026-11-23T12:00:00+00:00",
        "dedup_key": "flights/rollback/7",
    }
    assert expected.items() <= asked.json.items()


def test_text_is_not_taken_for_markup(server: LocalServer, channel: Channel, address: Path) -> None:
    address.write_text(webhook(server))
    server.on("POST", HOOK, Answer())
    channel.send("a_b *c* <d>", "p < 0.05 & n > 3", EVENT)
    (asked,) = server.to(HOOK)
    assert (asked.json["title"], asked.json["message"]) == ("a_b *c* <d>", "p < 0.05 & n > 3")


def test_text_is_escaped_where_the_receiver_takes_markup(server: LocalServer, channel: Channel, address: Path) -> None:
    address.write_text(f"{webhook(server)}?format=html")
    server.on("POST", HOOK, Answer())
    channel.send("title", "p < 0.05", EVENT)
    message = server.to(HOOK)[0].json["message"]
    assert "<" not in message
    assert unescape(message).split() == ["p", "<", "0.05"]


def test_a_refused_message_may_be_sent_again(server: LocalServer, channel: Channel, address: Path) -> None:
    address.write_text(webhook(server))
    server.on("POST", HOOK, Answer({}, 500))
    assert not refused(channel).permanent
    assert len(server.to(HOOK)) == 1


def test_a_receiver_that_is_away_may_come_back(channel: Channel, address: Path) -> None:
    address.write_text(f"json://127.0.0.1:9{HOOK}")
    assert not refused(channel).permanent


@pytest.mark.parametrize("text", ["s3cr3t", "nosuchservice://s3cr3t", "slack://s3cr3t", "json://", "http//s3cr3t"])
def test_an_address_that_makes_no_sense_never_will(channel: Channel, address: Path, text: str) -> None:
    address.write_text(text)
    assert refused(channel).permanent


def test_a_changed_address_needs_no_restart(server: LocalServer, channel: Channel, address: Path) -> None:
    assert f"{address} cannot be read" in str(refused(channel))
    address.write_text(webhook(server))
    server.on("POST", HOOK, Answer())
    channel.send("title", "body", EVENT)
    assert len(server.to(HOOK)) == 1
