"""The workspace's own registry on the wire: stages, requests to move to one, and aliases that are tags."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from daemon.adapters.databricks import DatabricksClient, DatabricksRuns, WorkspaceRegistry
from daemon.domain.registry import Stage
from daemon.ports import PlatformError
from tests.adapters.databricks.test_unity import recorded
from tests.adapters.local_server import Answer, LocalServer

NAME = "churn model"
GET, SEARCH = "/api/2.0/mlflow/model-versions/get", "/api/2.0/mlflow/model-versions/search"
MODEL = "/api/2.0/mlflow/databricks/registered-models/get"
TAG, TAG_MODEL = "/api/2.0/mlflow/model-versions/set-tag", "/api/2.0/mlflow/registered-models/set-tag"
TRANSITION = "/api/2.0/mlflow/databricks/model-versions/transition-stage"
LIST, CREATE = "/api/2.0/mlflow/transition-requests/list", "/api/2.0/mlflow/transition-requests/create"
FORBIDDEN = Answer({"error_code": "PERMISSION_DENIED", "message": "User may not transition"}, 403)
WANTED = {"name": NAME, "version": "3"}


@pytest.fixture
def registry(client: DatabricksClient) -> WorkspaceRegistry:
    return WorkspaceRegistry(client, DatabricksRuns(client))


def shown(version: int | str, **more: Any) -> dict[str, Any]:
    return {"name": NAME, "version": version, "creation_timestamp": "1700000000000", "status": "READY"} | more


def model(**aliases: str) -> Answer:
    tags = [{"key": f"mlsteward.alias.{alias}", "value": version} for alias, version in aliases.items()]
    owner = {"key": "owner", "value": "3"}
    return Answer(
        {"registered_model_databricks": {"name": NAME, "tags": [owner, *tags], "permission_level": "CAN_EDIT"}}
    )


def test_the_requests_are_those_of_the_sdk(server: LocalServer, registry: WorkspaceRegistry) -> None:
    server.on("GET", GET, Answer({"model_version": shown(3, current_stage="Staging")}))
    server.on("GET", MODEL, model(champion="3"))
    for path in (TAG, TAG_MODEL, TRANSITION):
        server.on("POST", path, Answer())
    found = registry.version(NAME, 3)
    registry.set_tag(NAME, 3, "mlsteward.remediation", "260301-1")
    registry.set_stage(NAME, 3, Stage.PRODUCTION)
    registry.set_alias(NAME, "champion", 3)
    assert (found.version, found.stage, found.aliases, found.run_id) == (3, Stage.STAGING, ("champion",), None)
    moved = {**WANTED, "stage": "Production", "archive_existing_versions": False}
    assert recorded(server) == [
        ("GET", GET, WANTED, None),
        ("GET", MODEL, {"name": NAME}, None),
        ("POST", TAG, {}, {**WANTED, "key": "mlsteward.remediation", "value": "260301-1"}),
        ("POST", TRANSITION, {}, moved),
        ("GET", GET, WANTED, None),
        ("POST", TAG_MODEL, {}, {"name": NAME, "key": "mlsteward.alias.champion", "value": "3"}),
    ]


def test_versions_are_searched_by_name_page_after_page(server: LocalServer, registry: WorkspaceRegistry) -> None:
    server.on("GET", MODEL, model(champion="9", odd="none"))
    first = {"model_versions": [shown("12", current_stage="Production")], "next_page_token": "more"}
    server.on("GET", SEARCH, Answer(first), Answer({"model_versions": [shown("9", current_stage="Beyond")]}))
    found = [(v.version, v.stage, v.aliases) for v in registry.versions("it's")]
    assert found == [(9, Stage.NONE, ("champion",)), (12, Stage.PRODUCTION, ())]
    queries = [dict(parse_qsl(urlsplit(asked.path).query)) for asked in server.to(SEARCH)]
    assert queries == [{"filter": "name='it\\'s'"}, {"filter": "name='it\\'s'", "page_token": "more"}]


def test_where_it_may_not_move_a_version_it_asks_for_it_once(server: LocalServer, registry: WorkspaceRegistry) -> None:
    open_now: list[dict[str, str]] = []
    server.on("POST", TRANSITION, FORBIDDEN)
    server.on("GET", LIST, lambda _: Answer({"requests": open_now} if open_now else {}))

    def create(asked: Any) -> Answer:
        open_now.append({"to_stage": json.loads(asked.body)["stage"], "user_id": "1"})
        return Answer({"request": open_now[-1]})

    server.on("POST", CREATE, create)
    for stage, requests in ((Stage.STAGING, 1), (Stage.STAGING, 1), (Stage.PRODUCTION, 2)):
        with pytest.raises(PlatformError, match="approve the transition request") as caught:
            registry.set_stage(NAME, 3, stage)
        assert not caught.value.permanent, "somebody may approve it, and then it is done"
        assert len(server.to(CREATE)) == requests
    assert server.to(CREATE)[0].json == {
        **WANTED,
        "stage": "Staging",
        "comment": "by mlsteward, which may not do it by itself",
    }


def test_where_it_may_not_even_ask_the_first_refusal_stands(server: LocalServer, registry: WorkspaceRegistry) -> None:
    server.on("POST", TRANSITION, FORBIDDEN)
    server.on("GET", LIST, Answer({}))
    server.on("POST", CREATE, FORBIDDEN)
    with pytest.raises(PlatformError, match=r"User may not transition.*grant") as caught:
        registry.set_stage(NAME, 3, Stage.STAGING)
    assert caught.value.permanent


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no version 3"}, 404),
        Answer({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"}, 503),
    ],
)
def test_for_what_is_gone_or_away_nothing_is_asked(
    server: LocalServer, registry: WorkspaceRegistry, answer: Answer
) -> None:
    server.on("POST", TRANSITION, answer)
    with pytest.raises(PlatformError):
        registry.set_stage(NAME, 3, Stage.STAGING)
    assert server.to(LIST) == server.to(CREATE) == []


def test_no_alias_names_a_version_that_is_not_there(server: LocalServer, registry: WorkspaceRegistry) -> None:
    server.on("GET", GET, Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}, 404))
    with pytest.raises(PlatformError) as caught:
        registry.set_alias(NAME, "champion", 3)
    assert caught.value.missing
    assert server.to(TAG_MODEL) == []
