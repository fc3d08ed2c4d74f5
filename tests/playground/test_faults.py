"""The fault switch and the recorder: what is ordered happens, to what it was ordered for, and to nothing else."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from tests.small_workspace import SmallWorkspace

ENDPOINTS = "/api/2.0/serving-endpoints"
STATEMENTS = "/api/2.0/sql/statements"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorkspace]:
    with SmallWorkspace(tmp_path_factory.mktemp("workspace")) as running:
        yield running


@pytest.fixture
def small(workspace: SmallWorkspace) -> Iterator[SmallWorkspace]:
    yield workspace
    workspace.control.clear_faults()


def ask(small: SmallWorkspace, method: str, path: str, **about: Any) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager(retries=False, timeout=10) as http:
        return http.request(
            method, small.host + path, headers={"Authorization": f"Bearer {small.token}", "User-Agent": "me/1"}, **about
        )


def test_a_status_is_answered_in_databricks_own_words_until_it_is_cleared(small: SmallWorkspace) -> None:
    small.control.fault(ENDPOINTS, status=429, headers={"Retry-After": "7"})
    answer = ask(small, "GET", ENDPOINTS)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    small.control.clear_faults()
    assert ask(small, "GET", ENDPOINTS).status == 200


def test_a_fault_is_for_a_method_a_whole_path_and_as_many_requests_as_it_says(small: SmallWorkspace) -> None:
    small.control.fault(f"{ENDPOINTS}/[a-c].*", method="get", status=503, times=2)
    seen = [ask(small, "GET", f"{ENDPOINTS}/{name}").status for name in ("adam", "zoe", "bert", "carl")]
    assert seen == [503, 404, 503, 404]
    small.control.fault(ENDPOINTS, method="PUT", status=500)
    assert ask(small, "GET", ENDPOINTS).status == 200
    assert ask(small, "GET", f"{ENDPOINTS}/adam").status == 404


def test_any_family_can_fail_also_one_without_a_token_and_one_that_nobody_serves(small: SmallWorkspace) -> None:
    small.control.fault(".*", status=418, body="a teapot")
    for method, path in (
        ("GET", "/.well-known/databricks-config"),
        ("POST", STATEMENTS),
        ("GET", "/_results/1/0"),
        ("GET", "/nowhere"),
    ):
        answer = ask(small, method, path)
        assert (answer.status, answer.data) == (418, b"a teapot")


def test_a_call_without_a_good_token_is_refused_before_it_meets_a_fault(small: SmallWorkspace) -> None:
    small.control.fault(ENDPOINTS, status=503)
    with urllib3.PoolManager(retries=False) as http:
        assert http.request("GET", small.host + ENDPOINTS).status == 401


@pytest.mark.parametrize(("drop", "sent"), [("before", 0), ("after", 1)])
def test_a_connection_is_dropped_before_the_effect_or_after_it(small: SmallWorkspace, drop: str, sent: int) -> None:
    body = {"statement": "SELECT 1 AS a", "warehouse_id": small.settings.warehouse_id}
    known = len(small.control.statements())
    small.control.fault(STATEMENTS, drop=drop, times=1)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        ask(small, "POST", STATEMENTS, json=body)
    assert len(small.control.statements()) == known + sent
    assert ask(small, "POST", STATEMENTS, json=body).status == 200


def test_an_answer_comes_late_and_all_others_in_time(small: SmallWorkspace) -> None:
    small.control.fault(ENDPOINTS, delay_seconds=0.3)
    began = time.monotonic()
    assert ask(small, "GET", f"{ENDPOINTS}/x").status == 404
    assert time.monotonic() - began < 0.3
    assert ask(small, "GET", ENDPOINTS).status == 200
    assert time.monotonic() - began > 0.3


def test_a_fault_that_was_misspelt_is_refused(small: SmallWorkspace) -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"path": "endpoints"},
        {"path": "/("},
        {"path": "/x", "state": 500},
        {"path": "/x", "status": "500"},
        {"path": "/x", "status": 99},
        {"path": "/x", "drop": "sometimes"},
        {"path": "/x", "drop": "after", "status": 500},
        {"path": "/x", "times": 0},
    ]
    for body in wrong:
        assert ask(small, "POST", "/_playground/faults", json=body).status == 400
    assert ask(small, "GET", "/x").status == 404


def test_requests_are_recorded_once_that_is_asked_for_and_without_secrets(small: SmallWorkspace) -> None:
    ask(small, "GET", ENDPOINTS)
    small.control.record()
    small.control.fault(ENDPOINTS, status=500)
    ask(small, "GET", f"{ENDPOINTS}?a=1&page_token=p&access_token=t")
    body = {"name": "x", "idempotency_token": "i", "env": [{"db_password": "hidden"}], "token": {"n": 1}}
    ask(small, "PUT", f"{ENDPOINTS}/o%27hare/config", json=body)
    ask(small, "POST", STATEMENTS, body=b"{no json")
    small.control.record(on=False)
    ask(small, "GET", ENDPOINTS)
    first, second, third = small.control.requests()
    assert first == {
        "method": "GET",
        "path": ENDPOINTS,
        "query": {"a": "1", "page_token": "p", "access_token": "***"},
        "body": {},
        "user_agent": "me/1",
    }
    assert second["path"] == f"{ENDPOINTS}/o%27hare/config"
    assert second["body"] == {**body, "env": [{"db_password": "***"}]}
    assert third["body"] == "{no json"
    assert small.token not in str(small.control.requests())


def test_what_was_recorded_is_still_read_whole_by_its_route(small: SmallWorkspace) -> None:
    small.control.record()
    padding = "x" * 300_000
    body = {"statement": f"SELECT 1 AS a -- {padding}", "warehouse_id": small.settings.warehouse_id}
    answer = ask(small, "POST", STATEMENTS, json=body)
    assert answer.json()["status"]["state"] == "SUCCEEDED"
    assert small.control.requests()[0]["body"] == body
