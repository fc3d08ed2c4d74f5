"""The JSON API, with the token: the same deeds as on the command line, and an answer to every mistake."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from daemon.domain.remediation import Standing, VersionVerdict
from daemon.domain.restraint import RestraintKind
from daemon.store import approvals, restraints, verdicts
from daemon.store.engine import Store, StoreError
from daemon.web.api import MOST_BYTES
from daemon.web.pages import HEADERS
from tests.remediate.test_people import needs_human
from tests.remediate.waiting import NOW, asking, waiting
from tests.web.desks import TOKEN, House
from tests.web.seen import FINDING, failing

BY = {"by": "ada", "reason": "looked at it"}


@pytest.fixture
def person(stranger: httpx.Client) -> Iterator[httpx.Client]:
    """The stranger, with the token."""
    stranger.headers["Authorization"] = f"Bearer {TOKEN}"
    yield stranger


def posted(person: httpx.Client, path: str, status: int = 200, **body: Any) -> Any:
    """Post what is asked for; `for_` and the like are names that Python keeps for itself."""
    answer = person.post(path, json={**BY, **{name.rstrip("_"): value for name, value in body.items()}})
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


@pytest.mark.parametrize(("verb", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_a_word_on_the_plan(house: House, person: httpx.Client, verb: str, state: str) -> None:
    one = waiting(house.store)
    told = posted(person, f"/api/remediations/260301/{verb}")
    assert (told["done"], told["state"], told["remediation"]) == (verb, state, one.id)
    assert house.state(one) == state
    with house.store.read() as tx:
        assert approvals.of(tx, one.id)["plan"].by == "ada"
    (event,) = house.events("person.")
    assert event.numbers["via"] == "the API"
    again = posted(person, f"/api/remediations/260301/{verb}", 409)
    assert "was answered before" in again["error"]


def test_a_word_on_the_step_and_the_plan_that_were_shown(house: House, person: httpx.Client) -> None:
    one = asking(house.store)
    path = f"/api/remediations/{one.id}/approve"
    assert "not its plan" in posted(person, path, 409, gate="ask-full", plan_hash="0" * 64)["error"]
    assert "nothing of it waits" in posted(person, path, 409, gate="plan")["error"]
    told = posted(person, path, gate="ask-full", plan_hash=one.plan_hash)
    assert told["gate"] == "ask-full"


@pytest.mark.parametrize("place", [{"endpoint": "flights"}, {"all": True}])
@pytest.mark.parametrize("kind", ["pause", "maintenance", "silence", "hold"])
def test_restraints_and_their_lifting(house: House, person: httpx.Client, kind: str, place: dict[str, Any]) -> None:
    told = posted(person, "/api/restraints", kind=kind, for_="2h", **place)
    with house.store.read() as tx:
        (one,) = restraints.in_force(tx, NOW)
    assert (one.id, one.kind, one.endpoint) == (told["restraint"], kind, place.get("endpoint", ""))
    assert one.until == NOW + timedelta(hours=2)
    posted(person, "/api/restraints/lift", kind=kind, **place)
    with house.store.read() as tx:
        assert restraints.in_force(tx, NOW) == []
    assert "error" in posted(person, "/api/restraints/lift", 409, kind=kind, **place)


def test_lifting_without_a_kind_is_resuming(house: House, person: httpx.Client) -> None:
    for kind in ("pause", "silence", "hold"):
        posted(person, "/api/restraints", kind=kind, all=True, for_="2h")
    posted(person, "/api/restraints/lift", all=True)
    with house.store.read() as tx:
        assert [r.kind for r in restraints.in_force(tx, NOW)] == [RestraintKind.HOLD]


@pytest.mark.parametrize("more", [{}, {"all": True}])
def test_the_kill_switch(house: House, person: httpx.Client, more: dict[str, Any]) -> None:
    assert posted(person, "/api/restraints", kind="kill", **more)["file"] is True
    assert house.settings.safety.kill_file.exists()
    assert "pulled" in person.get("/api/status").json()["kill_switch"]
    posted(person, "/api/restraints/lift", kind="kill", **more)
    assert not house.settings.safety.kill_file.exists()


def test_release_and_pardon(house: House, person: httpx.Client) -> None:
    one = needs_human(house.store)
    posted(person, "/api/release", target=one.id, as_="succeeded")
    assert house.state(one) == "succeeded"
    posted(person, "/api/restraints", kind="hold", endpoint="flights")
    posted(person, "/api/release", target="flights")
    with house.store.begin() as tx:
        verdicts.set_standing(tx, VersionVerdict("flights", "m", 7, Standing.BAD, "", NOW))
    posted(person, "/api/pardon", endpoint="flights", version=7)
    assert "not known bad" in posted(person, "/api/pardon", 409, endpoint="flights", version=7)["error"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/restraints", {}, "kind: one of pause, maintenance, silence, hold, kill"),
        ("/api/restraints", {"kind": "storm", "all": True, "for": "2h"}, "kind: one of"),
        ("/api/restraints", {"kind": ["kill"]}, "kind: one of"),
        ("/api/restraints", {"kind": "pause", "all": True}, "for is required"),
        ("/api/restraints", {"kind": "pause", "for": "2h"}, "name either one endpoint or all of them"),
        ("/api/restraints", {"kind": "pause", "for": "2h", "all": False}, "name either"),
        ("/api/restraints", {"kind": "pause", "for": 7200, "all": True}, "write a duration as a string"),
        ("/api/restraints", {"kind": "pause", "for": "2h", "all": 1}, "all: "),
        ("/api/restraints", {"kind": "pause", "for": "2h", "endpoint": ["flights"]}, "endpoint: "),
        ("/api/restraints", {"kind": "hold", "all": True, "until": "x"}, "until is not known here"),
        ("/api/restraints", {"kind": "hold", "all": True, "by": ""}, "by: must not be empty"),
        ("/api/restraints", {"kind": "hold", "all": True, "by": None}, "by is required"),
        ("/api/restraints", {"kind": "hold", "all": True, "reason": 7}, "reason: "),
        ("/api/release", {"target": "x", "as": "failed"}, "released as cancelled or as succeeded"),
        ("/api/release", {}, "name either a remediation"),
        ("/api/pardon", {"endpoint": "flights", "version": "3"}, "version: "),
        ("/api/remediations/26/approve", {"granted": True}, "granted is not known here"),
    ],
)
def test_what_cannot_be_understood_is_said_and_nothing_is_done(
    house: House, person: httpx.Client, path: str, body: dict[str, Any], said: str
) -> None:
    waiting(house.store)
    before = house.rows()
    answer = posted(person, path, 400, **body)
    assert said in answer["error"]
    assert house.rows() == before


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/restraints", {"kind": "hold", "endpoint": "flight"}, "there are: flights, delays"),
        ("/api/remediations/zz/approve", {}, "open are: 260301-120000-abcde"),
        ("/api/remediations/%00/approve", {}, "id: must not be empty"),
        ("/api/release", {"target": "zz"}, "remediations that need a human: none"),
        ("/api/release", {"target": "\x00"}, "target: must not be empty"),
    ],
)
def test_what_is_not_known_is_answered_with_what_is(
    house: House, person: httpx.Client, path: str, body: dict[str, Any], said: str
) -> None:
    waiting(house.store)
    answer = person.post(path, json={**BY, **body})
    assert answer.status_code in (400, 404)
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b"9" * 60_000, "application/json", 400),
        (b'{"by": "\\ud800", "reason": "\\u0000"}', "application/json", 400),
        (b" " * (MOST_BYTES + 1), "application/json", 413),
    ],
)
def test_a_body_that_is_none_is_refused(
    house: House, person: httpx.Client, content: bytes, kind: str, status: int
) -> None:
    before = house.rows()
    answer = person.post("/api/restraints", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert house.rows() == before


def test_a_body_without_a_length_is_measured_as_it_comes(house: House, person: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(MOST_BYTES):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    try:
        answer = person.post("/api/restraints", content=endless(), headers=headers)
    except httpx.TransportError:
        return
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/restraints", 405),
        ("DELETE", "/api/restraints", 405),
        ("POST", "/api/status", 405),
        ("POST", "/api", 404),
        ("POST", "/api/remediations/x/execute", 404),
        ("POST", "/approve", 404),
        ("GET", "/approve", 404),
    ],
)
def test_other_ways_lead_nowhere(house: House, person: httpx.Client, method: str, path: str, status: int) -> None:
    assert person.request(method, path).status_code == status
    assert not house.events("web.refused")


def test_status_and_explain_are_those_of_the_command_line(house: House, person: httpx.Client) -> None:
    one = waiting(house.store)
    status = person.get("/api/status").json()
    assert status == json.loads(json.dumps(house.desk.status(), default=str))
    assert [w["id"] for w in status["waits_for_approval"]] == [one.id]
    told = person.get("/api/remediations/260301").json()
    assert told == json.loads(json.dumps(house.desk.explain("260301"), default=str))
    assert told["plan_hash"] == one.plan_hash
    assert person.get("/api/remediations/zz").status_code == 404
    assert person.get("/api/remediations/%00").status_code == 404


def test_a_finding_is_that_of_the_command_line_and_its_picture_an_svg(house: House, person: httpx.Client) -> None:
    failing(house.store)
    told = person.get(f"/api/findings/{FINDING}").json()
    assert told == json.loads(json.dumps(house.desk.finding(FINDING), default=str))
    assert (told["id"], told["phase"], len(told["picture"]["points"])) == (FINDING, "firing", 3)
    drawn = person.get(f"/api/pictures/{FINDING}")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert drawn.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert ElementTree.fromstring(drawn.text).get("role") == "img"


def test_a_picture_of_what_is_not_there_says_what_is(house: House, person: httpx.Client) -> None:
    failing(house.store)
    missing = person.get("/api/findings/flights:4:error_rate_5xx")
    assert (missing.status_code, FINDING in missing.json()["error"]) == (404, True)
    waiting(house.store)
    assert "not kept any more" in person.get("/api/pictures/260301").json()["error"]
    assert person.get("/api/pictures/zz").status_code == 404


def test_a_stranger_sees_no_finding(house: House, stranger: httpx.Client) -> None:
    failing(house.store)
    for path in ("findings", "pictures"):
        proxied = stranger.get(f"/api/{path}/{FINDING}", headers={"X-Forwarded-For": "10.0.0.1"})
        assert proxied.status_code == 401
        assert FINDING not in proxied.text


def test_a_database_that_is_away_is_503_and_one_sentence(house: House, person: httpx.Client) -> None:
    @contextmanager
    def away() -> Iterator[Store]:
        raise StoreError("the database is away", transient=True)
        yield

    house.desk._opened = away
    assert person.get("/api/status").json() == {"error": "the database is away"}
    answer = person.post("/api/restraints", json={**BY, "kind": "hold", "all": True})
    assert (answer.status_code, answer.json()) == (503, {"error": "the database is away"})
    killed = posted(person, "/api/restraints", kind="kill")
    assert (killed["file"], killed["database"]) == (True, False)
