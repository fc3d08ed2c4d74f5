"""The registry in Unity Catalog on the wire: which requests go out, and what is made of every answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

import pytest
from mlflow.protos.databricks_uc_registry_messages_pb2 import DeploymentJobConnection, ModelVersionDeploymentJobState

from daemon.adapters.databricks import DatabricksClient, DatabricksRuns, UnityRegistry
from daemon.adapters.databricks.unity import read_deployment_job
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.domain.registry import Deployment, DeploymentJob, ModelVersion
from daemon.ports import PlatformError
from tests.adapters.databricks.test_fence import Gate
from tests.adapters.local_server import Answer, LocalServer

NAME = "prod-eu.ml_team.churn-model"
MODEL = f"/api/2.1/unity-catalog/models/{NAME}"
LIST, V3, CHAMPION = f"{MODEL}/versions", f"{MODEL}/versions/3", f"{MODEL}/aliases/champion"
MLFLOW = "/api/2.0/mlflow/unity-catalog"
DESCRIBE, TAG = f"{MLFLOW}/model-versions/get", f"{MLFLOW}/model-versions/set-tag"
DESCRIBE_MODEL = f"{MLFLOW}/registered-models/get"
GONE = Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Routine or Model '{NAME}' does not exist."}, 404)
NOW_MS = 1_700_000_000_000


def nowhere(*_: object) -> NoReturn:
    raise AssertionError("no cloud storage is asked here")


@pytest.fixture
def registry(client: DatabricksClient) -> UnityRegistry:
    return UnityRegistry(client, DatabricksRuns(client), nowhere)


def shown(version: int | str, **more: Any) -> dict[str, Any]:
    return {"version": version, "created_at": NOW_MS, "status": "READY", "run_id": "r"} | more


def described(version: int | str, **tags: str) -> Answer:
    pairs = [{"key": key, "value": value} for key, value in tags.items()]
    return Answer({"model_version": {"name": NAME, "version": str(version), "tags": pairs}})


def recorded(server: LocalServer) -> list[tuple[str, str, dict[str, str], Any]]:
    """Return method, path, query and body of every request but the SDK's own."""
    found = []
    for asked in server.asked:
        parts = urlsplit(asked.path)
        if parts.path != "/.well-known/databricks-config":
            body = asked.json if asked.body else None
            found.append((asked.method, parts.path, dict(parse_qsl(parts.query)), body))
    return found


def test_the_requests_are_those_of_the_sdk_and_of_mlflow(server: LocalServer, registry: UnityRegistry) -> None:
    server.on("GET", V3, Answer(shown(3, aliases=[{"alias_name": "champion", "version_num": 3}])))
    server.on("GET", DESCRIBE, described(3, mlsteward_remediation="260301-1", owner="ops"))
    server.on("PUT", CHAMPION, Answer({"alias_name": "champion", "version_num": 3}))
    server.on("POST", TAG, Answer())
    server.on("GET", CHAMPION, Answer(shown(3)))
    server.on("GET", LIST, Answer({"model_versions": []}))
    server.on("GET", MODEL, Answer({"full_name": NAME}))
    found = registry.version(NAME, 3)
    registry.set_alias(NAME, "champion", 3)
    registry.set_tag(NAME, 3, "mlsteward.stale_since", "2026-03-01T00:00:00+00:00")
    assert registry.alias(NAME, "champion") == 3
    assert registry.versions(NAME) == []
    assert found.tags == {"mlsteward.remediation": "260301-1", "owner": "ops"}
    assert (found.version, found.aliases, found.ready, found.run_id) == (3, ("champion",), True, "r")
    tag = {"name": NAME, "version": "3", "key": "mlsteward_stale_since", "value": "2026-03-01T00:00:00+00:00"}
    assert recorded(server) == [
        ("GET", V3, {"include_aliases": "true"}, None),
        ("GET", DESCRIBE, {"name": NAME, "version": "3"}, None),
        ("PUT", CHAMPION, {}, {"version_num": 3}),
        ("POST", TAG, {}, tag),
        ("GET", CHAMPION, {}, None),
        ("GET", LIST, {"max_results": "0"}, None),
        ("GET", MODEL, {"include_aliases": "true"}, None),
    ]


def test_versions_are_read_to_the_last_page_however_empty_one_is(server: LocalServer, registry: UnityRegistry) -> None:
    server.on(
        "GET",
        LIST,
        Answer({"next_page_token": "a"}),
        Answer({"model_versions": [shown("12"), shown(3)], "next_page_token": "b"}),
        Answer({"model_versions": [], "next_page_token": "c"}),
        Answer({"model_versions": [shown(9, status="PENDING_REGISTRATION")]}),
    )
    aliases = [{"alias_name": "v-next_1", "version_num": "12"}, {"alias_name": "champion", "version_num": 3}]
    server.on("GET", MODEL, Answer({"full_name": NAME, "aliases": aliases}))
    server.on("GET", DESCRIBE, described(12), described(3), described(9))
    found = [(v.version, v.aliases, v.ready) for v in registry.versions(NAME)]
    assert found == [(3, ("champion",), True), (9, (), False), (12, ("v-next_1",), True)]
    tokens = [dict(parse_qsl(urlsplit(asked.path).query)).get("page_token") for asked in server.to(LIST)]
    assert tokens == [None, "a", "b", "c"]


def test_pages_that_never_end_are_given_up(server: LocalServer, registry: UnityRegistry) -> None:
    server.on("GET", LIST, Answer({"next_page_token": "a"}))
    with pytest.raises(PlatformError, match="in a circle") as caught:
        registry.versions(NAME)
    assert not caught.value.permanent


def test_a_version_that_is_deleted_while_the_others_are_read_is_left_out(
    server: LocalServer, registry: UnityRegistry
) -> None:
    server.on("GET", LIST, Answer({"model_versions": [shown(1), shown(2)]}))
    server.on("GET", MODEL, Answer({}))
    server.on("GET", DESCRIBE, GONE, described(2))
    assert [v.version for v in registry.versions(NAME)] == [2]


def test_tags_that_come_with_the_versions_are_not_asked_for_again(server: LocalServer, registry: UnityRegistry) -> None:
    server.on("GET", LIST, Answer({"model_versions": [shown(1, tags=[{"key": "owner"}]), shown(2, tags=[])]}))
    server.on("GET", MODEL, Answer({}))
    assert [dict(v.tags) for v in registry.versions(NAME)] == [{"owner": ""}, {}]
    assert server.to(DESCRIBE) == []


@pytest.mark.parametrize(
    "status", ["PENDING_REGISTRATION", "FAILED_REGISTRATION", "MODEL_VERSION_STATUS_UNKNOWN", None]
)
def test_a_version_is_ready_only_where_unity_catalog_says_so(
    server: LocalServer, registry: UnityRegistry, status: str | None
) -> None:
    server.on("GET", V3, Answer(shown(3, status=status, tags=[])))
    assert not registry.version(NAME, 3).ready
    assert not registry.loadable(NAME, 3)


CALLS: list[Callable[[UnityRegistry], object]] = [
    lambda it: it.version(NAME, 3),
    lambda it: it.versions(NAME),
    lambda it: it.alias(NAME, "champion"),
    lambda it: it.set_alias(NAME, "champion", 3),
    lambda it: it.set_tag(NAME, 3, "k", "v"),
    lambda it: it.deployment_job(NAME, 3),
]
EVERY = [("GET", path) for path in (V3, LIST, MODEL, CHAMPION, DESCRIBE, DESCRIBE_MODEL)]
EVERY += [("PUT", CHAMPION), ("POST", TAG)]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("answer", "permanent", "missing", "words"),
    [
        (GONE, True, True, "does not exist"),
        (Answer({"error_code": "NOT_FOUND", "message": "Model version 3 was not found"}, 404), True, True, "not found"),
        (Answer({"error_code": "CATALOG_DOES_NOT_EXIST", "message": "Catalog 'x'"}, 404), True, True, "Catalog"),
        (Answer({"error_code": "ENDPOINT_NOT_FOUND", "message": "No API"}, 404), False, False, "host"),
        (
            Answer(
                {"error_code": "PERMISSION_DENIED", "message": "User does not have EXECUTE on Routine or Model"}, 403
            ),
            True,
            False,
            r"EXECUTE .*grant it to the daemon's principal",
        ),
        (Answer({"error_code": "INTERNAL_ERROR", "message": "oops"}, 500), False, False, "again"),
        (Answer(["no object"]), False, False, "proxy"),
    ],
)
def test_every_refusal_says_whether_asking_again_can_help(
    server: LocalServer,
    registry: UnityRegistry,
    call: Callable[[UnityRegistry], object],
    answer: Answer,
    permanent: bool,
    missing: bool,
    words: str,
) -> None:
    for method, path in EVERY:
        server.on(method, path, answer)
    with pytest.raises(PlatformError, match=words) as caught:
        call(registry)
    assert (caught.value.permanent, caught.value.missing) == (permanent, missing)


def test_no_alias_of_a_model_that_is_there_is_none(server: LocalServer, registry: UnityRegistry) -> None:
    server.on("GET", CHAMPION, Answer({"error_code": "NOT_FOUND", "message": "Alias 'champion' does not exist"}, 404))
    server.on("GET", MODEL, Answer({"full_name": NAME}))
    assert registry.alias(NAME, "champion") is None


@pytest.mark.parametrize("path", ["../../x", "a/b", "a b"])
def test_no_name_leads_to_another_address(server: LocalServer, registry: UnityRegistry, path: str) -> None:
    with pytest.raises(PlatformError):
        registry.alias(path, path)
    assert all(asked.path.startswith("/api/2.1/unity-catalog/models/") for asked in server.asked[1:])
    assert all("/x" not in asked.path and "/b" not in asked.path.removesuffix("/b") for asked in server.asked[1:])


def test_what_changes_the_registry_is_sent_once_and_stands_behind_the_fence(server: LocalServer, token: Path) -> None:
    later = Answer({"message": "later"}, 503, {"Retry-After": "0"})
    server.on("PUT", CHAMPION, later)
    server.on("POST", TAG, later)
    gate = Gate(2)
    client = DatabricksClient(Workspace(host=server.url, token=Secret(file=token)), fence=gate)
    registry = UnityRegistry(client, DatabricksRuns(client), nowhere)
    for _ in range(2):
        with pytest.raises(PlatformError):
            registry.set_alias(NAME, "champion", 3)
        with pytest.raises(PlatformError):
            registry.set_tag(NAME, 3, "k", "v")
    assert (len(server.to(CHAMPION)), len(server.to(TAG))) == (1, 1)
    assert gate.asked == 4


CONNECTIONS = {
    "DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED": False,
    "NOT_SET_UP": False,
    "CONNECTED": True,
    "NOT_FOUND": False,
    "REQUIRED_PARAMETERS_CHANGED": True,
}
RUNS = {
    "DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED": Deployment.NONE,
    "NO_VALID_DEPLOYMENT_JOB_FOUND": Deployment.NONE,
    "RUNNING": Deployment.RUNS,
    "SUCCEEDED": Deployment.NONE,
    "FAILED": Deployment.NONE,
    "PENDING": Deployment.RUNS,
    "APPROVAL": Deployment.WAITS,
}


def test_every_state_that_mlflow_knows_of_a_deployment_job_is_read() -> None:
    """A state that a newer MLflow brings is noticed here."""
    assert set(DeploymentJobConnection.State.keys()) == set(CONNECTIONS)
    assert set(ModelVersionDeploymentJobState.DeploymentJobRunState.keys()) == set(RUNS)
    for connection, connected in CONNECTIONS.items():
        for run, stands in RUNS.items():
            found = read_deployment_job(
                {"deployment_job_id": "7", "deployment_job_state": connection}, {"run_state": run}
            )
            if not connected and stands is Deployment.NONE:
                assert found is None
            else:
                assert found is not None
                assert (found.connected, found.run) == (connected, stands)


def test_a_state_that_nobody_knows_counts_as_at_work() -> None:
    found = read_deployment_job(
        {"deployment_job_id": 7, "deployment_job_state": "LEVITATING"}, {"run_state": "FLOATING"}
    )
    assert found == DeploymentJob("7", connected=True, run=Deployment.RUNS, words="LEVITATING, FLOATING")
    assert read_deployment_job({"deployment_job_id": "7"}, {}) == DeploymentJob("7", connected=True)
    assert read_deployment_job({}, {"job_id": "7", "job_state": "CONNECTED", "run_state": "APPROVAL"}) == DeploymentJob(
        "7", connected=True, run=Deployment.WAITS, words="CONNECTED, APPROVAL"
    )
    assert read_deployment_job({}, {}) is None


def test_a_deployment_job_is_told_with_the_task_it_is_at(server: LocalServer, registry: UnityRegistry) -> None:
    server.on(
        "GET",
        DESCRIBE_MODEL,
        Answer({"registered_model": {"deployment_job_id": "7", "deployment_job_state": "CONNECTED"}}),
    )
    state = {"job_id": "7", "run_id": "9", "run_state": "APPROVAL", "current_task_name": "Approval_Check"}
    server.on("GET", DESCRIBE, Answer({"model_version": {"deployment_job_state": state}}))
    found = registry.deployment_job(NAME, 3)
    assert found == DeploymentJob("7", True, Deployment.WAITS, "CONNECTED, APPROVAL, at Approval_Check")


def test_numbers_may_be_strings(server: LocalServer, registry: UnityRegistry) -> None:
    server.on("GET", V3, Answer(shown("3", created_at=str(NOW_MS), tags=[])))
    found: ModelVersion = registry.version(NAME, 3)
    assert (found.version, found.created_at.timestamp() * 1000) == (3, NOW_MS)
