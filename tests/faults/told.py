"""P12: killed around each message, all are told, none twice but the one under way, none again by a restart."""

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from daemon.domain.event import Event
from tests.faults.ground import Ground
from tests.faults.plays import PROMOTE, ROLLBACK, Play
from tests.faults.report import Case, Tried
from tests.faults.site import Site

TRIED = "SIGKILL around the sending of each message, and a restart"
STORM = "restarted again and again: nothing is told again"
RESTARTS = 4
ROUNDS_SECONDS = 2.0
"""A few rounds of telling."""
CHANNEL = """
[[notify.channels]]
name = "ear"
url = { env = "EAR" }
"""


class Ear:
    """A channel that hears messages, and does something to whoever sends the n-th one."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answered: list[str] = []
        self.at: int | None = None
        """The message at which `deed` is done, counted from 1."""
        self.before_answer = True
        self.deed: Callable[[], None] = lambda: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="ear", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def copies(self, sentence: str) -> int:
        return sum(sentence in body for body in self.heard)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                ear.heard.append(f"{told.get('title', '')}\n{told.get('message', '')}")
                due = len(ear.heard) == ear.at
                if due and ear.before_answer:
                    ear.deed()
                    return
                self.send_response(200)
                self.end_headers()
                self.wfile.flush()
                if due:
                    ear.deed()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        return Handler


def cases() -> Iterator[Tried]:
    for play, messages in ((ROLLBACK, 3), (PROMOTE, 3)):
        for n in range(1, messages + 1):
            for before_answer in (True, False):
                when = "heard and not answered" if before_answer else "just answered"
                short = (play, n, before_answer) == (ROLLBACK, 1, True)
                run = partial(killed_in_telling, play, n, before_answer)
                yield Case("P12", TRIED, f"{play.name}, message {n} {when}", run, short)
    yield Case("P12", STORM, "rollback", restarted)


def killed_in_telling(play: Play, n: int, before_answer: bool, ground: Ground) -> None:
    with Ear() as ear, play.site(ground, "sqlite", rules=CHANNEL) as site:
        play.begin(site)
        first = site.daemon(EAR=ear.url)
        ear.at, ear.before_answer = n, before_answer
        ear.deed = lambda: first.process.send_signal(signal.SIGKILL)
        first.spawn()
        site.wait("the kill", lambda: first.ended is not None or _all_told(site, play))
        if first.ended is None:
            # fewer messages than that: they were grouped
            return
        with site.daemon(EAR=ear.url):
            site.wait("everything to be told", lambda: _all_told(site, play))
        _check(site, ear, kills=1)


def restarted(ground: Ground) -> None:
    with Ear() as ear, ROLLBACK.site(ground, "sqlite", rules=CHANNEL) as site:
        ROLLBACK.begin(site)
        for n in range(RESTARTS):
            daemon = site.daemon(EAR=ear.url)
            with daemon:
                site.wait("everything to be told", lambda: _all_told(site, ROLLBACK))
                time.sleep(ROUNDS_SECONDS)
                heard = _said(site, ear)
                (daemon.stop if n % 2 else daemon.process.kill)()
                daemon.process.wait()
            if n == 0:
                first = heard
            assert heard == first, "told again by a restart"
        _check(site, ear, kills=0)


def _said(site: Site, ear: Ear) -> Counter[str]:
    """Count how often each event of the remediation was heard; what loops say of themselves is another matter."""
    return Counter({e.dedup_key: ear.copies(e.sentence) for e in _due(site)})


def _due(site: Site) -> list[Event]:
    return [e for e in site.events("remediation.") if e.dedup_key]


def _all_told(site: Site, play: Play) -> bool:
    return play.over(site) and all(e.delivered_at for e in _due(site))


def _check(site: Site, ear: Ear, *, kills: int) -> None:
    """Each event was heard, and at most as often again as the daemon was killed between hearing and writing it down."""
    keys = [e.dedup_key for e in site.events() if e.dedup_key]
    assert len(keys) == len(set(keys)), "two events of one key"
    copies = _said(site, ear)
    assert copies, "nothing was to be told"
    assert not [key for key, n in copies.items() if not n], f"never told: {copies}"
    assert sum(copies.values()) - len(copies) <= kills * len(copies), f"told too often: {copies}"
    assert max(copies.values()) <= 1 + kills, f"told too often: {copies}"
