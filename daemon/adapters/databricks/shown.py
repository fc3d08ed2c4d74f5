"""What Databricks shows of endpoints, jobs, warehouses and rights, read for a survey."""

from daemon.adapters.databricks.client import Json
from daemon.adapters.databricks.serving import read_state
from daemon.domain.found import FoundEndpoint, FoundJob, FoundWarehouse, LoggedTo, Logging, Rights

INFERENCE_TABLE = "TELEMETRY_FEATURE_INFERENCE_TABLE"


def read_endpoint(shown: Json) -> FoundEndpoint:
    name = str(shown["name"])
    return FoundEndpoint(
        state=read_state(name, shown),
        id=str(shown.get("id") or ""),
        creator=str(shown.get("creator") or ""),
        permission=str(shown.get("permission_level") or ""),
        route_optimized=bool(shown.get("route_optimized")),
        task=str(shown.get("task") or ""),
        logs=tuple(it for it in (_gateway(name, shown), _legacy(name, shown), _telemetry(shown)) if it is not None),
    )


def _gateway(name: str, shown: Json) -> LoggedTo | None:
    config = (shown.get("ai_gateway") or {}).get("inference_table_config")
    if not config:
        return None
    table = _table(config, f"{config.get('table_name_prefix') or name}_payload")
    return LoggedTo(Logging.GATEWAY, table, bool(config.get("enabled")))


def _legacy(name: str, shown: Json) -> LoggedTo | None:
    config = (shown.get("config") or {}).get("auto_capture_config")
    if not config:
        return None
    payload = (config.get("state") or {}).get("payload_table") or {}
    table = _table(config, payload.get("name") or f"{config.get('table_name_prefix') or name}_payload")
    failed = payload.get("status_message") or "it has failed" if payload.get("status") == "FAILED" else ""
    return LoggedTo(Logging.LEGACY, table, bool(config.get("enabled")), str(failed))


def _telemetry(shown: Json) -> LoggedTo | None:
    config = shown.get("telemetry_config")
    if not config:
        return None
    features = config.get("enabled_telemetry_features") or []
    logs = (config.get("table_names") or {}).get("logs_table")
    # Without a list of features all of them are on. The names of the tables were never seen in an answer.
    enabled = not features or INFERENCE_TABLE in features
    table = (config.get("inference_table_config") or {}).get("name") or (f"{logs}_payload" if logs else "")
    return LoggedTo(Logging.TELEMETRY, str(table) if str(table).count(".") == 2 else "", enabled)


def _table(config: Json, name: str) -> str:
    catalog, schema = config.get("catalog_name"), config.get("schema_name")
    return f"{catalog}.{schema}.{name}" if catalog and schema else ""


def read_job(shown: Json) -> FoundJob:
    settings = shown.get("settings") or {}
    return FoundJob(
        id=int(shown["job_id"]),
        name=str(settings.get("name") or ""),
        parameters={str(p["name"]): str(p.get("default") or "") for p in settings.get("parameters") or []},
        tags={str(key): str(value) for key, value in (settings.get("tags") or {}).items()},
        creator=str(shown.get("creator_user_name") or ""),
    )


def read_warehouse(shown: Json) -> FoundWarehouse:
    return FoundWarehouse(
        id=str(shown["id"]),
        name=str(shown.get("name") or ""),
        state=str(shown.get("state") or "UNKNOWN"),
        serverless=bool(shown.get("enable_serverless_compute")),
    )


def read_rights(shown: Json) -> Rights:
    """Read an access control list."""
    holders: dict[str, frozenset[str]] = {}
    for entry in shown.get("access_control_list") or []:
        who = entry.get("user_name") or entry.get("group_name") or entry.get("service_principal_name") or ""
        for each in entry.get("all_permissions") or []:
            level = str(each["permission_level"])
            holders[level] = holders.get(level, frozenset()) | {str(who)}
    return Rights(holders)


def read_people(shown: Json) -> list[bool]:
    """Return for each person or service principal that is listed whether it is active."""
    return [bool(person.get("active", True)) for person in shown.get("Resources") or []]
