"""The listener over real HTTP."""

import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Thread

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from daemon.telemetry.metrics import Metrics
from daemon.web.listener import Listener
from tests.web.nobody import Nobody

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0; q=0.9, text/plain; q=0.5"}


def noon() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Daemon:
    """What the listener asks."""

    metrics: Metrics = field(default_factory=Metrics)
    stalled: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)

    def listener(self, host: str = "127.0.0.1", port: int = 0) -> Listener:
        return Listener(
            host,
            port,
            metrics=self.metrics,
            stalled=lambda: self.stalled,
            unready=lambda: self.unready,
            desk=Nobody(),
            now=noon,
        )


@pytest.fixture(scope="module")
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture(scope="module")
def http(daemon: Daemon) -> Iterator[httpx.Client]:
    listener = daemon.listener().start()
    with httpx.Client(base_url=listener.url, trust_env=False, timeout=10) as client:
        yield client
    listener.stop()


def test_metrics_are_prometheus_text(daemon: Daemon, http: httpx.Client) -> None:
    daemon.metrics.events_seen(7)
    answer = http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {s.name: s.value for family in plain(answer.text) for s in family.samples}
    assert samples["mlsteward_events_pending"] == 7


def test_metrics_are_openmetrics_for_who_accepts_it(daemon: Daemon, http: httpx.Client) -> None:
    daemon.metrics.cycle_ended("watch", result="ok", seconds=1, now=datetime(2026, 1, 1, tzinfo=UTC))
    answer = http.get("/metrics", headers=OPENMETRICS)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = {family.name for family in openmetrics(answer.text)}  # type: ignore[no-untyped-call]
    assert "mlsteward_cycles" in families


def test_a_daemon_whose_loops_beat_is_healthy(http: httpx.Client) -> None:
    answer = http.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_a_daemon_with_a_stalled_loop_says_which_and_is_not_healthy(daemon: Daemon, http: httpx.Client) -> None:
    daemon.stalled = ["notify", "watch/flights"]
    answer = http.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"stalled": ["notify", "watch/flights"]}
    daemon.stalled = []
    assert http.get("/healthz").status_code == 200


def test_a_daemon_is_ready_when_it_waits_for_no_endpoint(daemon: Daemon, http: httpx.Client) -> None:
    daemon.unready = ["flights"]
    answer = http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"waiting_for": ["flights"]}
    assert http.get("/healthz").status_code == 200
    daemon.unready = []
    assert http.get("/readyz").text == "ok"


@pytest.mark.parametrize("path", ["/", "/metrics/", "/healthz/x", "/favicon.ico", "//metrics", "/../metrics%00"])
def test_every_other_path_is_not_found(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_but_reading_is_allowed(http: httpx.Client, method: str, path: str) -> None:
    assert http.request(method, path, content=b"x" * 100_000).status_code == 401
    answer = http.request(method, path, headers={"Authorization": f"Bearer {Nobody.TOKEN}"})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
def test_head_is_get_without_the_body(http: httpx.Client, path: str) -> None:
    answer = http.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_an_address_in_use_is_one_sentence(daemon: Daemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError) as refused:
            daemon.listener(port=port).start()
    assert str(refused.value) == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_an_unknown_host_is_one_sentence(daemon: Daemon) -> None:
    with pytest.raises(OSError, match=r"^cannot listen on no-such-host\.invalid:9464: [A-Z]"):
        daemon.listener("no-such-host.invalid", 9464).start()


def test_the_chosen_port_is_known_and_free_again_at_once_after_the_stop(daemon: Daemon) -> None:
    first = daemon.listener().start()
    port = int(first.url.rsplit(":", 1)[1])
    assert first.url == f"http://127.0.0.1:{port}"
    assert port > 0
    with httpx.Client(base_url=first.url, trust_env=False) as kept_alive:
        kept_alive.get("/healthz")
        first.stop()
        with pytest.raises(httpx.TransportError):
            kept_alive.get("/healthz")
    again = daemon.listener(port=port).start()
    assert httpx.get(f"{again.url}/healthz", trust_env=False).text == "ok"
    again.stop()


def test_a_hanging_answer_does_not_hold_up_the_others() -> None:
    go_on, asked = Event(), Event()

    def hangs() -> list[str]:
        asked.set()
        go_on.wait(20)
        return []

    listener = Listener("127.0.0.1", 0, metrics=Metrics(), stalled=list, unready=hangs, desk=Nobody(), now=noon).start()
    slow = Thread(target=httpx.get, args=(f"{listener.url}/readyz",), kwargs={"trust_env": False})
    slow.start()
    assert asked.wait(10)
    assert httpx.get(f"{listener.url}/healthz", trust_env=False).text == "ok"
    go_on.set()
    slow.join(10)
    listener.stop()


def test_an_answer_that_fails_is_a_500_and_the_listener_lives(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> list[str]:
        raise RuntimeError("the store is gone")

    listener = Listener("127.0.0.1", 0, metrics=Metrics(), stalled=list, unready=fails, desk=Nobody(), now=noon).start()
    with caplog.at_level(logging.ERROR):
        answer = httpx.get(f"{listener.url}/readyz", trust_env=False)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert httpx.get(f"{listener.url}/healthz", trust_env=False).text == "ok"
    listener.stop()


def test_requests_leave_no_log_line(http: httpx.Client) -> None:
    heard: list[str] = []
    handler, root = logging.Handler(), logging.getLogger()
    handler.emit = lambda record: heard.append(record.name)  # type: ignore[method-assign]
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        http.get("/metrics")
        http.get("/nothing-here")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert "httpx" in heard, "the test listens"
    assert not [name for name in heard if name.startswith("uvicorn")]


def test_an_ipv6_address_is_written_as_a_url_can_hold_it(daemon: Daemon) -> None:
    try:
        listener = daemon.listener("::1").start()
    except OSError:
        pytest.skip("no IPv6 here")
    assert listener.url.startswith("http://[::1]:")
    assert httpx.get(f"{listener.url}/healthz", trust_env=False).text == "ok"
    listener.stop()
