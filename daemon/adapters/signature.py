"""The text of an MLmodel file in, the served version's columns out."""

import json
from typing import Any

import yaml

from daemon.domain.schema import Column, Kind, Role, Signature

NUMERIC = frozenset({"integer", "long", "float", "double"})
"""Everything else is a category to us: a date, a text, and the JSON of an array or object, too."""


class UnusableError(ValueError):
    """A description that no column can be watched by."""


def read_signature(mlmodel: str) -> Signature:
    """Return the columns that the version takes and gives, or raise UnusableError."""
    texts = _described(mlmodel).get("signature") or {}
    if not texts.get("inputs"):
        raise UnusableError("it was logged without a signature")
    try:
        inputs = tuple(_column(n, spec, Role.INPUT) for n, spec in enumerate(_specs(texts["inputs"])))
        outputs = _outputs(_specs(texts.get("outputs") or "[]"), taken={column.name for column in inputs})
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise UnusableError(f"its signature is none that we know: {error!r}") from None
    return Signature(inputs, outputs)


def example_path(mlmodel: str) -> str | None:
    """Return where the version keeps the request body made from its input example."""
    saved = _described(mlmodel).get("saved_input_example_info") or {}
    path = saved.get("serving_input_path")
    return str(path) if path else None


def _described(mlmodel: str) -> dict[str, Any]:
    try:
        described = yaml.safe_load(mlmodel)
    except yaml.YAMLError:
        raise UnusableError("its MLmodel file is no YAML") from None
    return described if isinstance(described, dict) else {}


def _specs(text: str) -> list[dict[str, Any]]:
    return [spec for listed in json.loads(text) for spec in _unfolded(listed)]


def _unfolded(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn a tensor of shape (-1, k) into k columns, and leave a column as it is."""
    if spec["type"] != "tensor":
        return [spec]
    shape = spec["tensor-spec"]["shape"]
    number = spec["tensor-spec"]["dtype"].startswith(("int", "uint", "float"))
    column = {"type": "double" if number else "string", "required": True}
    if shape in ([-1], [-1, 1]) and "name" in spec:
        return [column | {"name": spec["name"]}]
    if shape == [-1] or (len(shape) == 2 and shape[1] > 0 and "name" not in spec):
        return [column] * (shape[1] if len(shape) == 2 else 1)
    raise UnusableError(f"a tensor of shape {tuple(shape)} has no columns to watch")


def _column(n: int, spec: dict[str, Any], role: Role) -> Column:
    kind = Kind.NUMERIC if spec["type"] in NUMERIC else Kind.CATEGORICAL
    return Column(str(spec.get("name", n)), kind, role, bool(spec.get("required", True)))


def _outputs(specs: list[dict[str, Any]], *, taken: set[str]) -> tuple[Column, ...]:
    if len(specs) == 1 and "name" not in specs[0]:
        specs = [specs[0] | {"name": "prediction"}]
    columns = (_column(n, spec, Role.PREDICTION) for n, spec in enumerate(specs))
    return tuple(
        Column(f"prediction.{c.name}" if c.name in taken else c.name, c.kind, c.role, c.required) for c in columns
    )
