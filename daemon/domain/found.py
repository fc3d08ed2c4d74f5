"""What a look around a workspace finds: its endpoints, tables, jobs and warehouses, and who may do what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from daemon.domain.serving import EndpointState


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever the credentials stand for."""

    name: str
    """A user's name, or the application id of a service principal: what a GRANT names."""
    groups: frozenset[str] = frozenset()
    """Those that the workspace tells."""

    @property
    def names(self) -> frozenset[str]:
        """All names under which it may have been granted something."""
        return self.groups | {self.name, "account users"}


@dataclass(frozen=True, slots=True)
class Meeting:
    """How the credentials were taken."""

    me: Principal
    host: str
    kind: str
    """As the SDK calls it: `pat`, `oauth-m2m`, `azure-cli` ..."""
    server_time: datetime | None
    """The workspace's clock, to the second."""
    token_until: datetime | None
    """The end of the access token, where it says so itself."""


class Logging(StrEnum):
    """The kinds of inference table that a serving endpoint can have, by what writes them."""

    GATEWAY = "AI Gateway"
    LEGACY = "legacy auto-capture"
    TELEMETRY = "endpoint telemetry"


@dataclass(frozen=True, slots=True)
class LoggedTo:
    """An inference table, as its endpoint tells of it."""

    kind: Logging
    table: str
    """`catalog.schema.table`; empty where the endpoint does not tell."""
    enabled: bool
    trouble: str = ""
    """What Databricks says is wrong with it."""


@dataclass(frozen=True, slots=True)
class FoundEndpoint:
    state: EndpointState
    id: str = ""
    """What permissions go by."""
    creator: str = ""
    permission: str = ""
    """The level of whoever asks, as the endpoint tells it; empty where it does not."""
    route_optimized: bool = False
    task: str = ""
    logs: tuple[LoggedTo, ...] = ()

    @property
    def name(self) -> str:
        return self.state.endpoint

    @property
    def foreign(self) -> bool:
        """Say whether nothing that it serves is a version of a registered model."""
        return bool(self.state.served) and all(e.foreign for e in self.state.served)


@dataclass(frozen=True, slots=True)
class FoundJob:
    id: int
    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Those it declares, with their defaults."""
    tags: Mapping[str, str] = field(default_factory=dict)
    creator: str = ""


@dataclass(frozen=True, slots=True)
class FoundWarehouse:
    id: str
    name: str
    state: str
    serverless: bool = False


class Kind(StrEnum):
    """What privileges and permissions are asked of, as Databricks' paths have it."""

    CATALOG = "catalog"
    SCHEMA = "schema"
    TABLE = "table"
    MODEL = "function"
    """A registered model of Unity Catalog, to whom it is a function."""
    ENDPOINT = "serving-endpoints"
    JOB = "jobs"
    WAREHOUSE = "warehouses"


@dataclass(frozen=True, slots=True)
class Rights:
    """Who holds what on one object."""

    holders: Mapping[str, frozenset[str]]
    """A privilege or level -> the principals that hold it, themselves or from above."""
    owner: str = ""
    withheld: str = ""
    """Why `holders` is not known, where the workspace does not show it."""


class Presence(StrEnum):
    """What became of a person or service principal."""

    THERE = "there"
    INACTIVE = "deactivated"
    GONE = "gone"
    UNKNOWN = "not told"
