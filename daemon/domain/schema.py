"""A signature: the columns that a served version takes and gives."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


class Role(StrEnum):
    INPUT = "input"
    PREDICTION = "prediction"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    role: Role = Role.INPUT
    required: bool = True


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs in the order of the model's own schema: positional payloads (`instances` of lists) need it."""

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.inputs + self.outputs
