"""What the workspace starts with: version 1 of both cases, the two endpoints that serve them, and their jobs."""

import asyncio
from pathlib import Path

import mlflow

from daemon.domain.registry import JOB_PARAMETERS
from playground.address import EndpointAddress
from playground.cases import CASES, Case
from playground.environment import command
from playground.flights import WINTER, flights, training, unseen
from playground.learn import Fitted, fit
from playground.mlflow_server import MlflowServer
from playground.publish import publish
from playground.workspace import Workspace

_EVALUATION_ROWS = 5_000
_SERVER_SECONDS = 90.0
_DEPLOY_SECONDS = 60.0


def first_versions(root: Path, server: MlflowServer) -> None:
    """Train version 1 of each case on winter flights while the server starts; register both as champions."""
    table = flights(root)
    columns = sorted({column for case in CASES.values() for column in (*case.features, case.target)})
    trained_on = training(table).select(columns).to_pandas()
    evaluation = unseen(table, WINTER).slice(0, _EVALUATION_ROWS).select(columns).to_pandas()
    fitted = [fit(case, trained_on, evaluation) for case in CASES.values()]
    server.wait_until_healthy(deadline_seconds=_SERVER_SECONDS)
    for each in fitted:
        _register(each, server.uri)


def declare_jobs(workspace: Workspace, mlflow_uri: str) -> dict[str, int]:
    """Declare one retraining job for each case; return their ids by name."""

    def train(parameters: dict[str, str]) -> list[str]:
        options = [text for name, value in parameters.items() for text in (f"--{name}", value)]
        return command("playground.train", "--root", str(workspace.root), "--mlflow", mlflow_uri, *options)

    return {case.job: workspace.jobs.declare(case.job, _defaults(case), train).job_id for case in CASES.values()}


async def first_endpoints(workspace: Workspace) -> None:
    """Serve version 1 of each case."""
    for case in CASES.values():
        entity = {
            "entity_name": case.registered_model,
            "entity_version": "1",
            "scale_to_zero_enabled": False,
        }
        workspace.create_endpoint(case.endpoint, {"served_entities": [entity]})
    async with asyncio.timeout(_DEPLOY_SECONDS):
        while any(endpoint.serving is None for endpoint in workspace.endpoints.values()):
            _raise_failures(workspace)
            await asyncio.sleep(0.02)


def endpoint_addresses(root: Path, workspace: Workspace) -> dict[str, EndpointAddress]:
    """Return what others have to know about the endpoints."""
    return {
        case.endpoint: EndpointAddress(
            table=workspace.endpoint(case.endpoint).table.path,
            registered_model=case.registered_model,
            labels=case.labels_below(root),
        )
        for case in CASES.values()
    }


def _register(fitted: Fitted, mlflow_uri: str) -> None:
    name = fitted.case.registered_model
    version = publish(fitted, mlflow_uri=mlflow_uri, parameters={}, registered_model=name)
    mlflow.MlflowClient(mlflow_uri).set_registered_model_alias(name, "champion", str(version))


def _defaults(case: Case) -> dict[str, str]:
    return dict.fromkeys(JOB_PARAMETERS, "") | {"endpoint": case.endpoint, "model": case.registered_model}


def _raise_failures(workspace: Workspace) -> None:
    for endpoint in workspace.endpoints.values():
        if endpoint.failure:
            raise RuntimeError(f"{endpoint.name} does not start: {endpoint.failure}")
