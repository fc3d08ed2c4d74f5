"""Every door to the world, on one page. Whatever fails behind one leaves it as a `PlatformError`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from daemon.domain.cohort import Label
from daemon.domain.event import Event
from daemon.domain.found import FoundEndpoint, FoundJob, FoundWarehouse, Kind, Meeting, Presence, Rights
from daemon.domain.registry import DeploymentJob, JobRun, ModelVersion, Stage
from daemon.domain.sample import HealthCount, Part, Sample
from daemon.domain.schema import Signature
from daemon.domain.serving import EndpointState, ServedEntity
from daemon.domain.sources import EndpointMetrics
from daemon.domain.window import Window


class PlatformError(Exception):
    """The world did not do what was asked. `permanent` says that asking again cannot help."""

    def __init__(self, message: str, *, permanent: bool, missing: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.missing = missing
        """The thing asked for is not there (a version, a table, an endpoint)."""


Fence = Callable[[], AbstractContextManager[None]]
"""What an adapter holds around each request that may change something: it raises PlatformError where none may go."""


class InferenceLog(Protocol):
    """The inference table of one endpoint."""

    def health(self, windows: Sequence[Window]) -> list[HealthCount]:
        """Count all requests of the windows by window and served entity, each request id once, payloads untouched."""

    def sample(self, parts: Sequence[Part], *, salt: str) -> Sample:
        """Return the rows whose hash falls under each part's rate: the same rows at every call."""

    def newest(self, since: datetime) -> datetime | None:
        """Return the time of the newest request at or after `since`, None where there is none."""

    def entities(self) -> Mapping[str, tuple[str, int]]:
        """Return served_entity_id -> (model, version), as far as Databricks' own table tells."""


class Tables(Protocol):
    """Any other table that the platform holds: a baseline may be kept in one."""

    def rows(self, table: str) -> object:
        """Return all rows as an Arrow stream that is read once."""


class Labels(Protocol):
    """The label table of one endpoint: what became true of its requests."""

    def of(self, ids: Sequence[str], since: datetime) -> Mapping[str, Label]:
        """Return the labels that have come for these requests, which were made at or after `since`.

        Each id once, however often its label was written: the newest counts. Where the table tells no time, an id whose
        rows contradict each other is left out. A row whose label is null is no label.
        """


class Serving(Protocol):
    def state(self, endpoint: str) -> EndpointState: ...

    def serving_anywhere(self, model: str) -> frozenset[int]:
        """Return the versions of the model that any endpoint of the workspace serves, at any share."""

    def update(self, endpoint: str, served: Sequence[ServedEntity]) -> None:
        """Replace what is served, whole, traffic included. Returns at once: the update goes on for minutes."""

    def metrics(self, endpoint: str) -> EndpointMetrics | None:
        """Return what the endpoint says of its last minute, None where it exports nothing that is known here."""

    def query(self, endpoint: str, entity: str, payload: Mapping[str, object]) -> tuple[int, float]:
        """Send one request to one served entity, whatever its traffic; return its status and milliseconds."""


class Jobs(Protocol):
    def start(self, job_id: int, parameters: Mapping[str, str], *, token: str) -> int:
        """Start a run, or return the run that this token has started before.

        The job is told those of the parameters that it declares.
        """

    def run(self, run_id: int) -> JobRun: ...


class Registry(Protocol):
    def version(self, model: str, version: int) -> ModelVersion: ...

    def versions(self, model: str) -> list[ModelVersion]:
        """Return all versions, oldest first, with their aliases."""

    def alias(self, model: str, alias: str) -> int | None: ...

    def set_alias(self, model: str, alias: str, version: int) -> None: ...

    def set_tag(self, model: str, version: int, key: str, value: str) -> None: ...

    def set_stage(self, model: str, version: int, stage: Stage) -> None:
        """Move one version to a stage. Whoever else is in that stage stays there.

        Where the principal may not, and the registry takes requests, ask for it there once, and raise.
        """

    def deployment_job(self, model: str, version: int) -> DeploymentJob | None:
        """Return Databricks' own job that deploys the model's versions, and its run for this one; None without one."""

    def signature(self, model: str, version: int) -> Signature: ...

    def input_example(self, model: str, version: int) -> Mapping[str, object] | None:
        """Return a request body that the version must be able to answer, None where none was logged."""

    def metrics(self, run_id: str) -> Mapping[str, float]: ...

    def training_data(self, run_id: str, folder: Path) -> Path | None:
        """Fetch the dataset logged with the run as context `training` into the folder, None where none was logged."""

    def loadable(self, model: str, version: int) -> bool:
        """Tell whether the version's artifacts are there now, to be loaded from."""

    def download(self, model: str, version: int, folder: Path) -> None:
        """Copy all artifacts of the version into the folder."""

    def upload(self, model: str, version: int, folder: Path) -> None:
        """Put the artifacts of the version back where they were."""

    def remove_artifacts(self, model: str, version: int) -> None:
        """Remove the artifacts of the version; the version's own record stays."""


class Survey(Protocol):
    """A workspace as whoever sets it up sees it. It only looks."""

    def meet(self) -> Meeting: ...

    def endpoints(self) -> list[FoundEndpoint]:
        """Return all serving endpoints; of those that serve no registered model, only what the list tells."""

    def endpoint(self, name: str) -> FoundEndpoint: ...

    def jobs(self) -> list[FoundJob]: ...

    def job(self, job_id: int) -> FoundJob: ...

    def warehouses(self) -> list[FoundWarehouse]: ...

    def warehouse(self, warehouse_id: str) -> FoundWarehouse: ...

    def rights(self, kind: Kind, name: str) -> Rights:
        """Return who holds what on one object, inherited rights with it. Raise where the object is not seen."""

    def presence(self, name: str) -> Presence:
        """Tell what became of a user or service principal."""

    def token_ends(self) -> list[datetime | None]:
        """Return when each personal access token of the principal ends; None for one that does not."""


class Channel(Protocol):
    name: str

    def send(self, title: str, body: str, event: Event) -> None: ...
