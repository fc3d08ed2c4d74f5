"""Where a running playground is found: one JSON file below its folder, there from READY until the stop."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "playground.json"


@dataclass(frozen=True)
class EndpointAddress:
    """What belongs to one endpoint."""

    table: Path
    """The inference table, a Delta table."""
    registered_model: str
    labels: Path
    """The folder in which true labels arrive, as Parquet."""


@dataclass(frozen=True)
class Address:
    """What a client of a playground has to know."""

    host: str
    token: str
    mlflow: str
    pid: int
    endpoints: dict[str, EndpointAddress]
    served_entities_table: Path
    flights: Path
    jobs: dict[str, int]

    def write(self, root: Path) -> None:
        """Publish the address at once and whole; it holds a token, so for this user only."""
        unfinished = root / f".{FILE}"
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(asdict(self), default=os.fspath, indent=2) + "\n")
        unfinished.replace(root / FILE)


def withdraw(root: Path) -> None:
    """Take the address back."""
    (root / FILE).unlink(missing_ok=True)


def read(root: Path) -> Address | None:
    """Return the address of the playground below a folder, or None while it is not ready."""
    try:
        found = json.loads((root / FILE).read_text())
    except FileNotFoundError:
        return None
    endpoints = {
        name: EndpointAddress(Path(e["table"]), e["registered_model"], Path(e["labels"]))
        for name, e in found.pop("endpoints").items()
    }
    return Address(
        endpoints=endpoints,
        served_entities_table=Path(found.pop("served_entities_table")),
        flights=Path(found.pop("flights")),
        **found,
    )
