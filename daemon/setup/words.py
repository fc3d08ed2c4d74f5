"""How a right is given: the SQL to run, or where to click. Pure."""

from daemon.domain.found import Kind
from daemon.setup.needs import Need

SECURABLES = {
    Kind.CATALOG: "CATALOG",
    Kind.SCHEMA: "SCHEMA",
    Kind.TABLE: "TABLE",
    Kind.MODEL: "FUNCTION",  # what a registered model is to Unity Catalog's SQL
}
THINGS = {
    Kind.CATALOG: "catalog",
    Kind.SCHEMA: "schema",
    Kind.TABLE: "table",
    Kind.MODEL: "model",
    Kind.ENDPOINT: "the endpoint",
    Kind.JOB: "job",
    Kind.WAREHOUSE: "warehouse",
}
LEVELS = {
    "CAN_VIEW": "Can view",
    "CAN_QUERY": "Can query",
    "CAN_MANAGE": "Can manage",
    "CAN_MANAGE_RUN": "Can manage run",
    "CAN_USE": "Can use",
}


def what(need: Need) -> str:
    """Name a right and what it is held on."""
    right = need.right if need.right.startswith("CAN_") else need.right.replace("_", " ")
    thing = THINGS[need.kind]
    return f"{right} on {thing}" if need.kind is Kind.ENDPOINT else f"{right} on {thing} {need.object}"


def how(need: Need, principal: str) -> str:
    """Say what a person types or clicks to give a right."""
    level = LEVELS.get(need.right, need.right)
    if need.kind is Kind.ENDPOINT:
        return f"Serving > {need.object} > Permissions: add {principal} with '{level}'"
    if need.kind is Kind.JOB:
        return f"Jobs & Pipelines > job {need.object} > Job details > Edit permissions: add {principal} with '{level}'"
    if need.kind is Kind.WAREHOUSE:
        return f"SQL Warehouses > {need.object} > Permissions: add {principal} with '{level}'"
    return grant(need.right, need.kind, need.object, principal)


def grant(right: str, kind: Kind, name: str, principal: str) -> str:
    """Write the statement that grants a privilege of Unity Catalog."""
    parts = ".".join(quoted(part) for part in name.split("."))
    return f"GRANT {right.replace('_', ' ')} ON {SECURABLES[kind]} {parts} TO {quoted(principal)};"


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
