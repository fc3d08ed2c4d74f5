"""Real clients of the shared playground, and endpoints of one's own."""

import fcntl
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import urllib3
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.service.serving import EndpointCoreConfigInput, Route, ServedEntityInput, TrafficConfig
from mlflow import MlflowClient

from playground.process import Playground

VERSIONS = Path(__file__).with_name("versions")


@pytest.fixture(scope="session", autouse=True)
def without_proxy() -> Iterator[None]:
    """Keep the clients' requests on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        yield


def connect(playground: Playground, token: str | None = None) -> WorkspaceClient:
    """Return the real SDK's client, with little patience."""
    config = Config(
        host=playground.address.host,
        token=token or playground.address.token,
        product="playground-tests",
        product_version="0.1.0",
        http_timeout_seconds=10,
        retry_timeout_seconds=2,
    )
    return WorkspaceClient(config=config)


@pytest.fixture(scope="session")
def workspace(playground: Playground) -> WorkspaceClient:
    """The SDK with the main token."""
    return connect(playground)


@pytest.fixture(scope="session")
def registry(playground: Playground) -> MlflowClient:
    """The registry's client, for which MLflow's own functions stand as well."""
    mlflow.set_tracking_uri(playground.address.mlflow)
    return MlflowClient(playground.address.mlflow)


@pytest.fixture(scope="session")
def registered(registry: MlflowClient) -> Callable[[str], int]:
    """Register a file of `versions/` as the next version of the registered model of that name."""
    known: dict[str, int] = {}

    def register(name: str) -> int:
        if name not in known:
            mlflow.set_experiment("tests")
            with mlflow.start_run():
                logged = mlflow.pyfunc.log_model(
                    name="model", python_model=str(VERSIONS / f"{name}.py"), pip_requirements=["mlflow"]
                )
            known[name] = int(mlflow.register_model(logged.model_uri, name).version)
        return known[name]

    return register


@pytest.fixture
def alone_with_jobs(playground: Playground) -> Iterator[None]:
    """Keep other workers from the jobs, which run one at a time, and from the labels that they learn from."""
    with (playground.root / "alone-with-jobs").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def entity(registered_model: str = "flight_delay", version: int = 1, **settings: Any) -> ServedEntityInput:
    """Return a served entity as the SDK sends it."""
    given: dict[str, Any] = {"scale_to_zero_enabled": False, "workload_size": "Small"} | settings
    return ServedEntityInput(entity_name=registered_model, entity_version=str(version), **given)


def routes(**shares: int) -> TrafficConfig:
    """Return shares of the traffic by served entity, written with _ for -."""
    return TrafficConfig([Route(percent, served_model_name=name) for name, percent in shares.items()])


@pytest.fixture
def new_endpoint(workspace: WorkspaceClient) -> Callable[..., str]:
    """Create an endpoint of one's own and return its name once it serves."""

    def create(*entities: ServedEntityInput, traffic: TrafficConfig | None = None) -> str:
        name = f"test-{uuid.uuid4().hex[:8]}"
        config = EndpointCoreConfigInput(
            name=name, served_entities=list(entities) or [entity()], traffic_config=traffic
        )
        workspace.serving_endpoints.create_and_wait(name, config=config)
        return name

    return create


class Caller:
    """A caller without an SDK: one request, one answer, no second try."""

    def __init__(self, playground: Playground, token: str | None = None) -> None:
        self._host = playground.address.host
        self._token = playground.address.token if token is None else token
        self._http = urllib3.PoolManager(timeout=20.0, retries=False)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """Send a body as JSON, or bytes as they are."""
        return self._http.request(
            method,
            self._host + path,
            body=body if isinstance(body, bytes) else json.dumps(body),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"} | headers,
        )

    def score(self, endpoint: str, body: Any, *, served: str | None = None) -> urllib3.BaseHTTPResponse:
        """Send one scoring request."""
        middle = f"/served-models/{served}" if served else ""
        return self.request("POST", f"/serving-endpoints/{endpoint}{middle}/invocations", body)


@pytest.fixture(scope="session")
def caller(playground: Playground) -> Caller:
    """A caller with the main token."""
    return Caller(playground)
