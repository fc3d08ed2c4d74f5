"""Webhooks of an MLflow server: only what it has signed itself, just now and for the first time, is taken as a hint."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.webhooks.delivery import _generate_hmac_signature as signature_by_mlflow

from daemon.web import hook
from daemon.web.desk import Credentials
from tests.remediate.waiting import NOW, waiting
from tests.web.desks import KEY, SECRET, TOKEN, House

BODY = {
    "entity": "model_version",
    "action": "created",
    "timestamp": NOW.isoformat(),
    "data": {"name": "m", "version": "3", "source": "models:/m-1", "run_id": None, "tags": {}, "description": None},
}
SPAN = hook.FRESH.total_seconds()


def delivery(
    body: Any = BODY, *, name: str = "d-1", at: datetime = NOW, secret: str = SECRET, version: str = "v1"
) -> dict[str, Any]:
    """Return a request as MLflow sends it, signed by MLflow's own code."""
    content, timestamp = json.dumps(body), str(int(at.timestamp()))
    signature = signature_by_mlflow(secret, name, timestamp, content).replace("v1", version, 1)
    headers = {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": name,
        "X-MLflow-Timestamp": timestamp,
        "X-MLflow-Signature": signature,
    }
    return {"content": content.encode(), "headers": headers}


def test_a_good_one_has_the_endpoints_of_its_model_looked_at_and_changes_nothing(
    house: House, stranger: httpx.Client
) -> None:
    waiting(house.store)
    before, told = house.rows(), house.events("")
    answer = stranger.post(hook.PATH, **delivery())
    assert (answer.status_code, answer.json()) == (200, {"looks_at": ["flights", "delays"]})
    assert house.hastened == ["flights", "delays"]
    assert house.rows() == before
    assert house.events("") == told


@pytest.mark.parametrize(
    "body", [BODY | {"data": {"name": "of somebody else"}}, BODY | {"data": []}, {"entity": "x"}, [], "text", None]
)
def test_a_good_one_about_nothing_of_ours_is_taken_and_does_nothing(
    house: House, stranger: httpx.Client, body: Any
) -> None:
    answer = stranger.post(hook.PATH, **delivery(body))
    assert (answer.status_code, answer.json(), house.hastened) == (200, {"looks_at": []}, [])


def turned_away(house: House, stranger: httpx.Client, **request: Any) -> None:
    seen = len(house.events("web.refused"))
    answer = stranger.post(hook.PATH, **request)
    assert answer.status_code == 401
    assert len(house.events("web.refused")) == seen + 1
    assert house.events("web.refused")[0].sentence == "127.0.0.1 was turned away: POST /hooks/mlflow"


def test_a_second_one_of_the_same_delivery_is_turned_away(house: House, stranger: httpx.Client) -> None:
    assert stranger.post(hook.PATH, **delivery()).status_code == 200
    turned_away(house, stranger, **delivery())
    house.now = NOW + hook.FRESH
    turned_away(house, stranger, **delivery())
    assert house.hastened == ["flights", "delays"]
    assert stranger.post(hook.PATH, **delivery(name="d-2")).status_code == 200


@pytest.mark.parametrize("seconds", [-SPAN - 1, SPAN + 1, -86_400, 86_400])
def test_one_that_was_not_sent_just_now_is_turned_away(house: House, stranger: httpx.Client, seconds: float) -> None:
    house.now = NOW + timedelta(days=2)
    turned_away(house, stranger, **delivery(at=house.now + timedelta(seconds=seconds)))
    assert not house.hastened


def test_one_that_the_daemon_before_this_one_may_have_had_is_turned_away(house: House, stranger: httpx.Client) -> None:
    turned_away(house, stranger, **delivery(at=NOW - timedelta(seconds=1)))
    house.now = NOW + timedelta(seconds=2)
    assert stranger.post(hook.PATH, **delivery(at=NOW)).status_code == 200


@pytest.mark.parametrize("seconds", [-SPAN, 0, SPAN])
def test_a_clock_that_is_a_little_off_does_not_matter(house: House, stranger: httpx.Client, seconds: float) -> None:
    house.now = NOW + timedelta(hours=1)
    assert stranger.post(hook.PATH, **delivery(at=house.now + timedelta(seconds=seconds))).status_code == 200


FORGED: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda it: it | {"content": it["content"].replace(b"created", b"deleted")},
    lambda it: it | {"content": b""},
    lambda it: it | {"headers": it["headers"] | {"X-MLflow-Delivery-Id": "d-2"}},
    lambda it: it | {"headers": it["headers"] | {"X-MLflow-Timestamp": str(int(NOW.timestamp()) + 1)}},
    lambda it: it | {"headers": it["headers"] | {"X-MLflow-Timestamp": "9" * 400}},
    lambda it: it | {"headers": it["headers"] | {"X-MLflow-Timestamp": "-1"}},
    lambda it: it | {"headers": it["headers"] | {"X-MLflow-Timestamp": "1e9"}},
    lambda it: it | {"headers": it["headers"] | {"X-MLflow-Signature": "v1,"}},
    lambda it: it | {"headers": it["headers"] | {"X-MLflow-Signature": "v1,ü".encode("latin-1")}},
    lambda it: it | {"headers": it["headers"] | {"X-MLflow-Signature": "v1," + "A" * 43 + "="}},
    *(
        lambda it, name=name: it | {"headers": {k: v for k, v in it["headers"].items() if k != name}}
        for name in (
            "X-MLflow-Signature",
            "X-MLflow-Timestamp",
            "X-MLflow-Delivery-Id",
        )
    ),
    lambda _: delivery(version="v2"),
    lambda _: delivery(secret=TOKEN),
    lambda _: delivery(secret=KEY),
    lambda _: delivery(secret=""),
    lambda _: delivery(BODY | {"data": {"name": "m", "description": "x" * 300_000}}),
    lambda it: it | {"headers": {"Authorization": f"Bearer {TOKEN}"}},
]


@pytest.mark.parametrize("forge", FORGED)
def test_what_was_changed_on_its_way_or_signed_by_nobody_is_turned_away(
    house: House, stranger: httpx.Client, forge: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    turned_away(house, stranger, **forge(delivery()))
    assert not house.hastened
    assert stranger.post(hook.PATH, **delivery()).status_code == 200, "the forged one has not used up its id"


def test_without_a_secret_no_webhook_is_heard(house: House, stranger: httpx.Client) -> None:
    house.desk.credentials = Credentials(TOKEN, KEY, None)
    for secret in (SECRET, "", "None"):
        turned_away(house, stranger, **delivery(secret=secret))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_a_post_is_a_webhook(house: House, stranger: httpx.Client, method: str) -> None:
    assert stranger.request(method, hook.PATH, **delivery()).status_code in (401, 405)
    assert not house.hastened


def test_nothing_of_what_was_sent_is_kept(house: House, stranger: httpx.Client) -> None:
    turned_away(house, stranger, **delivery({"data": {"name": "s3cret"}}, secret="wrong"))
    assert "s3cret" not in str(house.events("web.refused"))


headers = st.dictionaries(
    st.sampled_from(["x-mlflow-delivery-id", "x-mlflow-timestamp", "x-mlflow-signature"]),
    st.text() | st.sampled_from(["v1,", "v1,QUJD", "1700000000", "99999999999", "²"]),
)


@given(headers, st.binary(), st.text())
def test_no_headers_raise_and_none_are_believed(said: dict[str, str], body: bytes, secret: str) -> None:
    found = hook.claim(said)
    assert found is None or not hook.signed(found, body, secret)


@given(st.binary() | st.recursive(st.none() | st.text(), lambda x: st.dictionaries(st.just("data"), x)).map(str))
def test_no_body_raises(body: bytes | str) -> None:
    assert isinstance(hook.model_of(body if isinstance(body, bytes) else body.encode()), str)


def test_what_is_remembered_does_not_grow() -> None:
    deliveries, said = hook.Deliveries(NOW), hook.claim({k.lower(): v for k, v in delivery()["headers"].items()})
    assert said
    for n in range(2_000):
        assert deliveries.first(replace(said, delivery=str(n), sent_at=NOW + timedelta(seconds=n)))
    assert len(deliveries._seen) <= 2 * SPAN + 1
    assert not deliveries.first(replace(said, delivery="1999", sent_at=NOW + timedelta(seconds=1999)))


def test_the_time_is_read_as_utc() -> None:
    said = hook.claim({k.lower(): v for k, v in delivery()["headers"].items()})
    assert said and said.sent_at == datetime.fromtimestamp(int(NOW.timestamp()), UTC)
