"""The proxy spoils what it is told to, and nothing else."""

import socket
from collections.abc import Iterator
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.adapters.local_server import Answer, LocalServer
from tests.faults.proxy import Fault, Proxies, Proxy


@pytest.fixture(scope="module")
def proxies() -> Iterator[Proxies]:
    with Proxies() as running:
        yield running


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        for method in ("GET", "PUT"):
            started.on(method, "/thing", Answer({"answer": "é" * 1000}))
        yield started


@pytest.fixture
def proxy(proxies: Proxies, server: LocalServer) -> Proxy:
    return proxies.before(server.url)


def ask(proxy: Proxy, method: str = "PUT", *, seconds: float = 10.0) -> tuple[int, bytes]:
    request = Request(f"{proxy.url}/thing", b'{"a": 1}' if method == "PUT" else None, method=method)
    with urlopen(request, timeout=seconds) as answer:
        return answer.status, answer.read()


def test_it_passes_on_what_it_is_given_and_remembers_what_changes_something(proxy: Proxy, server: LocalServer) -> None:
    assert ask(proxy) == ask(proxy, "GET") == (200, Answer({"answer": "é" * 1000}).content)
    assert [asked.body for asked in server.asked] == [b'{"a": 1}', b""]
    assert [(seen.request.line, seen.status) for seen in proxy.changes] == [("PUT /thing", 200)]


@pytest.mark.parametrize(
    ("fault", "fails"),
    [
        (Fault.LOSE, HTTPException),
        (Fault.HALF, HTTPException),
        (Fault.CLOSE, HTTPException),
        (Fault.HANG, TimeoutError),
        (Fault.STALL, TimeoutError),
        (Fault.TOO_MANY, HTTPError),
        (Fault.TOO_MANY_WAIT, HTTPError),
        (Fault.BROKEN, HTTPError),
        (Fault.UNAVAILABLE, HTTPError),
        (Fault.BROKEN_AFTER, HTTPError),
        (Fault.UNAVAILABLE_AFTER, HTTPError),
    ],
)
def test_each_fault_fails_in_its_own_way_and_reaches_the_server_or_does_not(
    proxy: Proxy, server: LocalServer, fault: Fault, fails: type[Exception]
) -> None:
    proxy.spoil(r"^PUT /thing$", fault, nth=2)
    ask(proxy)
    with pytest.raises((fails, ConnectionError) if fails is HTTPException else fails):
        ask(proxy, seconds=1.0)
    assert ask(proxy)[0] == 200
    assert len(server.asked) == (3 if fault.reaches else 2)
    assert [(seen.fault, seen.status) for seen in proxy.spoiled] == [(fault, 200 if fault.reaches else 0)]


def test_a_late_answer_and_garbage_come_with_a_good_status(proxy: Proxy, server: LocalServer) -> None:
    proxy.spoil("PUT", Fault.GARBLE)
    assert b"<html>" in ask(proxy)[1]
    proxy.heal()
    proxy.spoil("PUT", Fault.DELAY)
    assert ask(proxy) == (200, Answer({"answer": "é" * 1000}).content)
    assert len(server.asked) == 2


def test_a_body_in_chunks_arrives_whole(proxy: Proxy, server: LocalServer) -> None:
    address = proxy.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as line:
        line.sendall(
            b"PUT /thing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert line.recv(100).startswith(b"HTTP/1.")
    assert server.asked[-1].body == b"abcde"
