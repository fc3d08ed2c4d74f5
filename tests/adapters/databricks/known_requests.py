"""Requests as the real SDK, MLflow's own client and the API's documentation have them: typed from there, not from here.

`...` stands for anything. What is optional and left out by us is left out here.
"""

from typing import Any

ANY = ...
UC, MLFLOW = "/api/2.1/unity-catalog", "/api/2.0/mlflow"
MODEL = f"{UC}/models/main.air.delay"
NAMED = {"name": "main.air.delay", "version": "3"}
NOTHING: dict[str, Any] = {}

KNOWN: dict[str, tuple[dict[str, Any], Any]] = {
    # serving_endpoints.get, list, update_config, export_metrics
    "GET /api/2.0/serving-endpoints/flights": (NOTHING, NOTHING),
    "GET /api/2.0/serving-endpoints": (NOTHING, NOTHING),
    "PUT /api/2.0/serving-endpoints/flights/config": (
        NOTHING,
        {
            "served_entities": [
                {
                    "name": "delay-3",
                    "entity_name": "main.air.delay",
                    "entity_version": "3",
                    "scale_to_zero_enabled": False,
                }
            ],
            "traffic_config": {"routes": [{"served_model_name": "delay-3", "traffic_percentage": 100}]},
        },
    ),
    "GET /api/2.0/serving-endpoints/flights/metrics": (NOTHING, NOTHING),
    # jobs.get, run_now, get_run
    "GET /api/2.2/jobs/get": ({"job_id": "7"}, NOTHING),
    "POST /api/2.2/jobs/run-now": (NOTHING, {"job_id": 7, "job_parameters": {}, "idempotency_token": "t"}),
    "GET /api/2.2/jobs/runs/get": ({"run_id": "5"}, NOTHING),
    # tables.get
    f"GET {UC}/tables/main.ml.t": (NOTHING, NOTHING),
    # statement_execution.execute_statement, get_statement, get_statement_result_chunk_n, cancel; warehouses.get
    "POST /api/2.0/sql/statements": (
        NOTHING,
        {
            "warehouse_id": "w1",
            "statement": "SELECT 1 AS a",
            "parameters": [],
            "disposition": "EXTERNAL_LINKS",
            "format": "ARROW_STREAM",
            "wait_timeout": ANY,
            "on_wait_timeout": "CONTINUE",
        },
    ),
    "GET /api/2.0/sql/statements/01ef-23ab": (NOTHING, NOTHING),
    "GET /api/2.0/sql/statements/01ef-23ab/result/chunks/0": (NOTHING, NOTHING),
    "POST /api/2.0/sql/statements/01ef-23ab/cancel": (NOTHING, NOTHING),
    "GET /api/2.0/sql/warehouses/w1": (NOTHING, NOTHING),
    # registered_models.get, model_versions.get, list, get_by_alias, set_alias
    f"GET {MODEL}": ({"include_aliases": "true"}, NOTHING),
    f"GET {MODEL}/versions/3": ({"include_aliases": "true"}, NOTHING),
    f"GET {MODEL}/versions": ({"max_results": "0"}, NOTHING),
    f"GET {MODEL}/aliases/champion": (NOTHING, NOTHING),
    f"PUT {MODEL}/aliases/champion": (NOTHING, {"version_num": 3}),
    # what MLflow's client sends for the tags of a version in Unity Catalog
    f"POST {MLFLOW}/unity-catalog/model-versions/set-tag": (
        NOTHING,
        NAMED | {"key": "mlsteward_stale", "value": "yes"},
    ),
    f"GET {MLFLOW}/unity-catalog/model-versions/get": (NAMED, NOTHING),
    # model_registry.transition_stage
    f"POST {MLFLOW}/databricks/model-versions/transition-stage": (
        NOTHING,
        NAMED | {"stage": "Staging", "archive_existing_versions": False},
    ),
}


def like(found: Any, known: Any) -> bool:
    """Tell whether something is as it is known to be."""
    if known is ANY:
        return True
    if isinstance(known, dict):
        same = isinstance(found, dict) and found.keys() == known.keys()
        return same and all(like(found[name], value) for name, value in known.items())
    if isinstance(known, list):
        same = isinstance(found, list) and len(found) == len(known)
        return same and all(like(one, other) for one, other in zip(found, known, strict=True))
    return type(found) is type(known) and found == known
