"""What the real API takes: method, path, query and body of each request, typed from the SDK and its documentation.

In: recorded requests. Out: what about them no workspace would know. A name that ends with `?` may be left out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.recorder import Recorded

UC, MLFLOW, ENDPOINT = "/api/2.1/unity-catalog", "/api/2.0/mlflow", "/api/2.0/serving-endpoints/{name}"
STATEMENT = "/api/2.0/sql/statements"
MODEL, VERSION = f"{UC}/models/{{model}}", f"{UC}/models/{{model}}/versions/{{n}}"
ANY = object
BOOLEAN = frozenset({"true", "false"})
STAGES = frozenset({"None", "Staging", "Production", "Archived"})
NAMED = {"name": str, "version": str}
TAG = {"key": str, "value": str}
ENTITY = {
    "name?": str,
    "entity_name": str,
    "entity_version": str,
    "scale_to_zero_enabled": bool,
    "workload_size?": str,
    "workload_type?": str,
    "min_provisioned_concurrency?": int,
    "max_provisioned_concurrency?": int,
    "burst_scaling_enabled?": bool,
    "environment_vars?": {str: str},
    "instance_profile_arn?": str,
}
ROUTE = {"served_model_name?": str, "served_entity_name?": str, "traffic_percentage": int}
PARAMETER = {"name": str, "type?": str, "value?": str}


@dataclass(frozen=True)
class Shape:
    """One kind of request."""

    method: str
    path: str
    """`{word}` stands for one part of it, `{*}` for all that follows."""
    query: Mapping[Any, Any] = field(default_factory=dict)
    body: Any = field(default_factory=dict)

    def fits(self, method: str, path: str) -> bool:
        """Tell whether a request is one of this kind, whatever it carries."""
        pattern = re.escape(self.path).replace(r"\{\*\}", ".+")
        return method == self.method and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", pattern), path) is not None


SHAPES = (
    Shape("GET", "/.well-known/databricks-config"),
    Shape("GET", "/api/2.0/preview/scim/v2/Me"),
    # serving_endpoints: get, list, update_config, export_metrics; query of one served model
    Shape("GET", ENDPOINT),
    Shape("GET", "/api/2.0/serving-endpoints"),
    Shape("PUT", f"{ENDPOINT}/config", {}, {"served_entities?": [ENTITY], "traffic_config?": {"routes": [ROUTE]}}),
    Shape("GET", f"{ENDPOINT}/metrics"),
    Shape("POST", "/serving-endpoints/{name}/served-models/{entity}/invocations", {}, ANY),
    # jobs: get, run_now, get_run
    Shape("GET", "/api/2.2/jobs/get", {"job_id": str}),
    Shape(
        "POST",
        "/api/2.2/jobs/run-now",
        {},
        {"job_id": int, "job_parameters?": {str: str}, "idempotency_token?": str},
    ),
    Shape("GET", "/api/2.2/jobs/runs/get", {"run_id": str}),
    # tables: get; temporary_table_credentials; metastores: summary
    Shape("GET", f"{UC}/tables/{{table}}"),
    Shape("POST", "/api/2.0/unity-catalog/temporary-table-credentials", {}, {"table_id": str, "operation": str}),
    Shape("GET", f"{UC}/metastore_summary"),
    # statement_execution: execute_statement, get_statement, get_statement_result_chunk_n, cancel; warehouses: get
    Shape(
        "POST",
        STATEMENT,
        {},
        {
            "warehouse_id": str,
            "statement": str,
            "parameters?": [PARAMETER],
            "disposition?": frozenset({"INLINE", "EXTERNAL_LINKS", "INLINE_OR_EXTERNAL_LINKS"}),
            "format?": frozenset({"JSON_ARRAY", "ARROW_STREAM", "CSV"}),
            "wait_timeout?": str,
            "on_wait_timeout?": frozenset({"CONTINUE", "CANCEL"}),
            "row_limit?": int,
            "catalog?": str,
            "schema?": str,
        },
    ),
    Shape("GET", f"{STATEMENT}/{{id}}"),
    Shape("GET", f"{STATEMENT}/{{id}}/result/chunks/{{n}}"),
    Shape("POST", f"{STATEMENT}/{{id}}/cancel"),
    Shape("GET", "/api/2.0/sql/warehouses/{id}"),
    # registered_models: get, set_alias; model_versions: get, list, get_by_alias
    Shape("GET", MODEL, {"include_aliases?": BOOLEAN}),
    Shape("GET", VERSION, {"include_aliases?": BOOLEAN}),
    Shape("GET", f"{MODEL}/versions", {"max_results?": str, "page_token?": str}),
    Shape("GET", f"{MODEL}/aliases/{{alias}}", {"include_aliases?": BOOLEAN}),
    Shape("PUT", f"{MODEL}/aliases/{{alias}}", {}, {"version_num": int}),
    # what MLflow's own client asks of Unity Catalog
    Shape("POST", f"{MLFLOW}/unity-catalog/model-versions/set-tag", {}, NAMED | TAG),
    Shape("GET", f"{MLFLOW}/unity-catalog/model-versions/get", NAMED),
    Shape("GET", f"{MLFLOW}/unity-catalog/registered-models/get", {"name": str}),
    Shape("GET", f"{MLFLOW}/unity-catalog/model-versions/get-download-uri", NAMED),
    Shape(
        "POST", f"{MLFLOW}/unity-catalog/model-versions/generate-temporary-credentials", {}, NAMED | {"operation": str}
    ),
    Shape(
        "GET",
        f"{MLFLOW}/unity-catalog/registered-models:is-databricks-sdk-models-artifact-repository-enabled",
    ),
    # runs and their files
    Shape("GET", f"{MLFLOW}/runs/get", {"run_id": str}),
    Shape("POST", f"{MLFLOW}/artifacts/credentials-for-read", {}, {"run_id": str, "path": [str]}),
    # the Files API; its paths go on
    Shape("GET", "/api/2.0/fs/directories/{*}", {"page_token?": str}),
    Shape("GET", "/api/2.0/fs/files/{*}"),
    Shape("POST", "/api/2.0/fs/create-download-url", {}, {"path": str}),
    # the workspace's own registry, with its stages
    Shape("GET", f"{MLFLOW}/databricks/registered-models/get", {"name": str}),
    Shape("POST", f"{MLFLOW}/registered-models/set-tag", {}, {"name": str} | TAG),
    Shape("GET", f"{MLFLOW}/model-versions/get", NAMED),
    Shape(
        "GET",
        f"{MLFLOW}/model-versions/search",
        {"filter?": str, "max_results?": str, "order_by?": str, "page_token?": str},
    ),
    Shape("POST", f"{MLFLOW}/model-versions/set-tag", {}, NAMED | TAG),
    Shape("GET", f"{MLFLOW}/model-versions/list-artifacts", NAMED | {"path?": str, "page_token?": str}),
    Shape("GET", f"{MLFLOW}/model-versions/get-signed-download-uri", NAMED | {"path": str}),
    Shape(
        "POST",
        f"{MLFLOW}/databricks/model-versions/transition-stage",
        {},
        NAMED | {"stage": STAGES, "archive_existing_versions": bool, "comment?": str},
    ),
    Shape("GET", f"{MLFLOW}/transition-requests/list", NAMED),
    Shape("POST", f"{MLFLOW}/transition-requests/create", {}, NAMED | {"stage": STAGES, "comment?": str}),
)


def unlike(requests: Iterable[Recorded]) -> dict[str, str]:
    """Return what is wrong with requests that no workspace would understand, by method and path."""
    return {f"{one.method} {one.path}": wrong for one in requests if (wrong := _wrong(one))}


def _wrong(one: Recorded) -> str:
    kinds = [shape for shape in SHAPES if shape.fits(one.method, one.path)]
    if not kinds:
        return "the real API is not known to have it"
    return _differs(one.query, kinds[0].query, "query") or _differs(one.body, kinds[0].body, "body")


def _differs(found: Any, known: Any, where: str) -> str:
    """Say where a value is not of its kind, or nothing."""
    if isinstance(known, Mapping) and str in known:
        inner = found.items() if isinstance(found, dict) else ()
        right = isinstance(found, dict) and all(isinstance(v, known[str]) for _, v in inner)
        return "" if right else f"{where} is {found!r}, not a map of {known[str].__name__}"
    if isinstance(known, Mapping):
        return _names_differ(found, known, where)
    if isinstance(known, list):
        if not isinstance(found, list):
            return f"{where} is {found!r}, not a list"
        return next(filter(None, (_differs(one, known[0], f"{where}[{n}]") for n, one in enumerate(found))), "")
    if isinstance(known, frozenset):
        return "" if found in known else f"{where} is {found!r}, not one of {', '.join(sorted(known))}"
    right = isinstance(found, known) and (known is not int or not isinstance(found, bool))
    return "" if right else f"{where} is {found!r}, not {known.__name__}"


def _names_differ(found: Any, known: Mapping[str, Any], where: str) -> str:
    if not isinstance(found, dict):
        return f"{where} is {found!r}, not an object"
    kinds = {name.removesuffix("?"): kind for name, kind in known.items()}
    if unknown := found.keys() - kinds.keys():
        return f"{where} has {', '.join(sorted(unknown))}, which is not known"
    if missing := {name for name in known if not name.endswith("?")} - found.keys():
        return f"{where} lacks {', '.join(sorted(missing))}"
    return next(filter(None, (_differs(value, kinds[name], f"{where}.{name}") for name, value in found.items())), "")
