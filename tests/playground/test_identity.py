"""Who is calling, and who is refused."""

import uuid

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied, Unauthenticated

from playground.process import Playground
from tests.playground.conftest import Caller, connect


def test_the_sdk_finds_out_who_it_is(workspace: WorkspaceClient) -> None:
    assert workspace.current_user.me().user_name == "operator@playground.example"


def test_the_well_known_path_needs_no_token(playground: Playground) -> None:
    answer = Caller(playground, token="").request("GET", "/.well-known/databricks-config")
    assert answer.status == 200
    assert answer.json()["workspace_id"].isdigit()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/2.0/preview/scim/v2/Me"),
        ("GET", "/api/2.0/serving-endpoints"),
        ("PUT", "/api/2.0/serving-endpoints/flight-delay/config"),
        ("POST", "/serving-endpoints/flight-delay/invocations"),
        ("POST", "/api/2.2/jobs/run-now"),
        ("GET", "/_playground/effects"),
        ("POST", "/_playground/flush"),
        ("GET", "/no/such/path"),
    ],
)
def test_everything_else_refuses_an_unknown_token(playground: Playground, method: str, path: str) -> None:
    answer = Caller(playground, token="dapi-unknown").request(method, path, {})
    assert (answer.status, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(("status", "error"), [(401, Unauthenticated), (403, PermissionDenied)])
def test_an_expired_token_is_refused_until_it_is_renewed(
    playground: Playground, status: int, error: type[Exception]
) -> None:
    token = playground.control.issue_token()
    workspace = connect(playground, token)
    workspace.current_user.me()
    playground.control.expire_token(token=token, status=status)
    with pytest.raises(error):
        workspace.current_user.me()
    assert Caller(playground, token).request("GET", "/_playground/effects").status == 200
    playground.control.renew_token(token=token)
    workspace.current_user.me()


def test_a_refused_call_is_no_effect(playground: Playground) -> None:
    body = {"job_id": 101, "idempotency_token": uuid.uuid4().hex}
    Caller(playground, token="dapi-unknown").request("POST", "/api/2.2/jobs/run-now", body)
    assert body not in [effect["body"] for effect in playground.control.effects()]


def test_a_path_that_is_not_there_answers_in_the_shape_of_databricks(caller: Caller) -> None:
    answer = caller.request("GET", "/api/2.0/no-such-api")
    assert (answer.status, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
