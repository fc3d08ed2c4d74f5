"""Strangers: whatever they send, nothing changes but the record of their coming, and no flood of them fills it."""

import asyncio
import itertools
import socket
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from daemon.domain.remediation import Remedy, Standing, VersionVerdict
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.store import restraints, verdicts
from daemon.store.engine import StoreError
from daemon.web import flood
from daemon.web.desk import Credentials, Stranger
from tests.remediate.test_people import needs_human
from tests.remediate.waiting import NOW, waiting
from tests.web.desks import KEY, TOKEN, House

OPEN_PAGES = ("/metrics", "/healthz", "/readyz")
POSTED = (
    "/api/remediations/260301-120000-abcde/approve",
    "/api/remediations/260301-120000-abcde/reject",
    "/api/restraints",
    "/api/restraints/lift",
    "/api/release",
    "/api/pardon",
    "/approve",
    "/reject",
    "/hooks/mlflow",
)
BODIES = (
    {"by": "eve", "reason": "why not"},
    {"kind": "kill", "by": "eve", "reason": "why not"},
    {"kind": "kill", "all": True, "by": "eve", "reason": "why not"},
    {"kind": "pause", "all": True, "for": "2h", "by": "eve", "reason": "why not"},
    {"kind": "hold", "endpoint": "delays", "by": "eve", "reason": "why not"},
    {"target": "flights", "by": "eve", "reason": "why not"},
    {"target": "260301-120001-fffff", "as": "succeeded", "by": "eve", "reason": "why not"},
    {"endpoint": "flights", "version": 3, "by": "eve", "reason": "why not"},
)


def everything(house: House) -> None:
    """Leave something behind that each request could change."""
    waiting(house.store)
    needs_human(house.store, Remedy.RETRAIN, id="260301-120001-fffff")
    with house.store.begin() as tx:
        restraints.impose(tx, Restraint(RestraintKind.HOLD, "flights", "ada", "why", NOW))
        restraints.impose(tx, Restraint(RestraintKind.KILL, "", "ada", "why", NOW))
        verdicts.set_standing(tx, VersionVerdict("flights", "m", 3, Standing.BAD, "", NOW))


METHODS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "MKCOL")
PATHS = (*OPEN_PAGES, *POSTED, "/", "/anything", "//api/restraints", "/api/../metrics")


def test_a_stranger_writes_nothing_by_any_method_on_any_path(house: House, stranger: httpx.Client) -> None:
    everything(house)
    before = house.rows()
    assert not house.hastened
    for method, path in itertools.product(METHODS, PATHS):
        assert stranger.request(method, path, json=BODIES[0]).status_code == 401, (method, path)
    assert house.rows() == before


def test_the_coming_of_a_stranger_is_on_record(house: House, stranger: httpx.Client) -> None:
    stranger.request("PROPFIND", "/anything")
    (event,) = house.events("web.refused")
    assert event.sentence == "127.0.0.1 was turned away: PROPFIND /anything"
    assert event.numbers == {"address": "127.0.0.1", "forwarded_for": "", "method": "PROPFIND", "path": "/anything"}
    assert not event.dedup_key, "nobody is told: whoever floods us must not flood people"


requests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "GET", "HEAD"]),
        "path": st.sampled_from([*POSTED, *OPEN_PAGES, "/api/status", "/api/remediations/260301", "/x"])
        | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20).map(lambda s: "/" + s),
        "query": st.sampled_from(["", "token=" + TOKEN, "id=260301-120000-abcde&gate=plan&plan=x&until=9&signature=x"])
        | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=30),
        "headers": st.dictionaries(
            st.sampled_from(["Authorization", "Content-Type", "X-HTTP-Method-Override", "X-Forwarded-For", "Cookie"]),
            st.sampled_from(
                [
                    "Bearer",
                    "Bearer x",
                    f"Basic {TOKEN}",
                    TOKEN,
                    f"Bearer {TOKEN}x",
                    f"Bearer {TOKEN[:-1]}",
                    f"Bearer {KEY}",
                    "Bearer ü",
                    "application/json",
                    "multipart/form-data; boundary=x",
                    "127.0.0.1",
                    "POST",
                ]
            ).map(lambda s: s.encode("latin-1")),
            max_size=4,
        ),
        "body": st.sampled_from(BODIES).map(lambda b: str(b).replace("'", '"').encode()) | st.binary(max_size=2000),
    }
)


@hypothesis(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(asked=requests)
def test_no_request_without_credentials_changes_anything_but_the_record_of_it(
    house: House, stranger: httpx.Client, asked: dict[str, Any]
) -> None:
    if not house.rows()["remediation"]:
        everything(house)
    before = house.rows()
    url = httpx.URL(str(stranger.base_url)).copy_with(raw_path=path_of(asked))
    answer = stranger.request(asked["method"], url, headers=asked["headers"], content=asked["body"])
    assert house.rows() == before
    assert not house.settings.safety.kill_file.exists()
    assert not house.events("person")
    if asked["method"] not in ("GET", "HEAD"):
        assert answer.status_code == 401
    assert answer.status_code < 500


def path_of(asked: dict[str, Any]) -> bytes:
    return f"{quote(asked['path'])}?{quote(asked['query'], safe='=&')}".encode()


def test_the_property_above_would_notice(house: House, stranger: httpx.Client) -> None:
    """With the token, the very same bodies change something."""
    everything(house)
    for path, body in zip(POSTED[:1] + ("/api/restraints",) * 4, BODIES, strict=False):
        before = house.rows()
        answer = stranger.post(path, json=body, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200, answer.text
        assert house.rows() != before


def test_nothing_that_a_stranger_sent_is_kept_but_method_and_path(house: House, stranger: httpx.Client) -> None:
    secret = "s3cret-that-he-guessed"
    stranger.post(
        f"/api/restraints?key={secret}", content=secret, headers={"Authorization": f"Bearer {secret}", "Cookie": secret}
    )
    (event,) = house.events("web.refused")
    assert secret not in str(event)
    assert (event.numbers["method"], event.numbers["path"]) == ("POST", "/api/restraints")


def test_a_path_that_would_break_a_line_or_a_database_is_kept_without_that(
    house: House, stranger: httpx.Client
) -> None:
    assert stranger.post("/a%00b%0ac%1b" + "x" * 1000).status_code == 401
    (event,) = house.events("web.refused")
    path = str(event.numbers["path"])
    assert path.startswith("/a?b?c?xx")
    assert len(path) == 200


def test_a_huge_body_of_a_stranger_is_neither_read_nor_told_its_limit(house: House, stranger: httpx.Client) -> None:
    assert stranger.post("/api/restraints", content=b"x" * 20_000_000).status_code == 401


def test_a_stranger_behind_a_proxy_is_recorded_as_what_the_proxy_says(house: House, stranger: httpx.Client) -> None:
    stranger.post("/api/kill", headers={"X-Forwarded-For": "203.0.113.7"})
    (event,) = house.events("web.refused")
    assert (event.numbers["address"], event.numbers["forwarded_for"]) == ("127.0.0.1", "203.0.113.7")


@pytest.mark.parametrize("path", OPEN_PAGES)
def test_machines_read_as_ever(house: House, stranger: httpx.Client, path: str) -> None:
    assert stranger.get(path).status_code == 200
    assert stranger.head(path).status_code == 200
    assert stranger.get("/nothing-here").status_code == 404
    assert not house.events("web.refused")


@pytest.mark.parametrize("path", ["/api/status", "/api/remediations/260301"])
def test_the_api_is_read_from_this_machine_or_with_the_token(house: House, stranger: httpx.Client, path: str) -> None:
    waiting(house.store)
    assert stranger.get(path).status_code == 200
    through_proxy = {"X-Forwarded-For": "127.0.0.1"}
    assert stranger.get(path, headers=through_proxy).status_code == 401
    assert stranger.get(path, headers={"Host": "evil.example"}).status_code == 401, "a page in a browser, rebound"
    assert stranger.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    with_token = {"Authorization": f"bearer {TOKEN}", **through_proxy}
    assert stranger.get(path, headers=with_token).status_code == 200


@pytest.mark.parametrize("credentials", [Credentials(), Credentials(link_key=KEY)])
def test_without_a_token_nobody_writes(house: House, stranger: httpx.Client, credentials: Credentials) -> None:
    house.desk.credentials = credentials
    for given_ in ("Bearer", "Bearer None", f"Bearer {TOKEN}"):
        answer = stranger.post("/api/restraints", json=BODIES[1], headers={"Authorization": given_})
        assert answer.status_code == 401


def test_a_token_that_was_renewed_opens_at_once_and_the_old_one_no_more(house: House, stranger: httpx.Client) -> None:
    def status(token: str) -> int:
        return stranger.post("/nothing", headers={"Authorization": f"Bearer {token}"}).status_code

    assert (status(TOKEN), status("n" * 32)) == (404, 401)
    house.desk.credentials = Credentials("n" * 32, KEY)
    assert (status(TOKEN), status("n" * 32)) == (401, 404)


def test_a_flood_is_written_down_one_by_one_and_then_in_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "SPAN_S", 3600)
    with house.listening() as stranger:
        for _ in range(60):
            assert stranger.post("/api/restraints").status_code == 401
        assert len(house.events("web.refused")) == flood.MOST
    # what was only counted is written down when the listener stops
    told = house.events("web.refused")
    assert len(told) == flood.MOST + 1
    assert told[0].numbers["requests"] == 60 - flood.MOST
    assert "50 more requests without credentials were turned away" in told[0].sentence


def test_a_flood_that_has_ended_is_summed_up_though_nobody_comes_any_more() -> None:
    written: list[int] = []

    class Desk:
        credentials = Credentials()

        def turned_away(self, _: Stranger) -> None:
            written.append(1)

        def turned_away_many(self, strangers: int, _: Stranger) -> None:
            written.append(strangers)

    async def come() -> None:
        noted = flood.Flood(Desk(), most=3, span_s=0.2)  # type: ignore[arg-type]
        for _ in range(10):
            await noted.note(Stranger("a", "", "POST", "/"))
        assert written == [1, 1, 1]
        while len(written) < 4:
            await asyncio.sleep(0.01)
        await noted.note(Stranger("a", "", "POST", "/"))

    asyncio.run(asyncio.wait_for(come(), 20))
    assert written == [1, 1, 1, 7, 1]


def test_a_stranger_stays_out_when_he_cannot_be_recorded(house: House, stranger: httpx.Client) -> None:
    def away(_: Stranger) -> None:
        raise StoreError("the database is away", transient=True)

    house.desk.turned_away = away  # type: ignore[method-assign, assignment]
    assert stranger.post("/api/restraints").status_code == 401
    assert stranger.get("/healthz").status_code == 200


def test_what_is_not_http_is_no_way_in(house: House, stranger: httpx.Client) -> None:
    before = house.rows()
    port = stranger.base_url.port
    for garbage in (b"\x00" * 100 + b"\r\n\r\n", b"POST\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port or 0), timeout=10) as end:
            end.sendall(garbage)
            end.settimeout(10)
            assert not end.recv(100).startswith(b"HTTP/1.1 2")
    assert house.rows() == before
    assert stranger.get("/healthz").status_code == 200
