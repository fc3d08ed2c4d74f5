"""The tracking server's paths that a client of `databricks` asks: one run, and addresses of its artifacts."""

from typing import Any

from starlette.requests import Request

from playground.api.handlers import asking_aside, reading_aside
from playground.errors import invalid
from playground.workspace import Workspace


def _get(workspace: Workspace, request: Request) -> dict[str, Any]:
    run_id = request.query_params.get("run_id")
    if not run_id:
        raise invalid("Missing value for required parameter 'run_id'.")
    run = workspace.registry.do(lambda it: it.get_run(run_id))
    inputs = run.inputs.dataset_inputs if run.inputs else []
    return {
        "run": {
            "info": {"run_id": run.info.run_id, "experiment_id": run.info.experiment_id, "status": run.info.status},
            "data": {"metrics": [{"key": key, "value": value} for key, value in run.data.metrics.items()]},
            "inputs": {
                "dataset_inputs": [
                    {
                        "tags": [{"key": tag.key, "value": tag.value} for tag in given.tags],
                        "dataset": {
                            "name": given.dataset.name,
                            "digest": given.dataset.digest,
                            "source_type": given.dataset.source_type,
                            "source": given.dataset.source,
                        },
                    }
                    for given in inputs
                ]
            },
        }
    }


def _sign(workspace: Workspace, body: dict[str, Any]) -> dict[str, Any]:
    run_id, paths = str(body.get("run_id")), body.get("path") or []
    return {
        "credential_infos": [
            {
                "run_id": run_id,
                "path": path,
                "signed_uri": workspace.registry.run_address(run_id, path),
                "headers": [],
                "type": "AWS_PRESIGNED_URL",
            }
            for path in paths
        ]
    }


routes = [
    reading_aside("/api/2.0/mlflow/runs/get", _get),
    asking_aside("/api/2.0/mlflow/artifacts/credentials-for-read", _sign),
]
