"""Where the files of a registered version are, in Unity Catalog and in the workspace's own registry."""

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.adapters.databricks.files import Entry, Files, FilesApi, pages, signed_address
from daemon.ports import PlatformError

if TYPE_CHECKING:
    from collections.abc import Sequence

LEGACY = "/api/2.0/mlflow/model-versions"
UNITY = "/api/2.0/mlflow/unity-catalog"
ASKED = f"{UNITY}/registered-models:is-databricks-sdk-models-artifact-repository-enabled"
VEND = f"{UNITY}/model-versions/generate-temporary-credentials"
log = logging.getLogger(__name__)


class Shown(Protocol):
    @property
    def path(self) -> str: ...

    @property
    def is_dir(self) -> bool: ...


class Repository(Protocol):
    """Files in cloud storage, as MLflow reaches them."""

    def list_artifacts(self, path: str | None = None) -> "Sequence[Shown]": ...

    def download_artifacts(self, artifact_path: str, dst_path: str) -> str: ...


Vended = Callable[[str, Callable[[], Mapping[str, Any]]], Repository]
"""From a storage location, and credentials that are asked for when they are needed, to the files there."""


class Way(StrEnum):
    """How a workspace hands out the files of its versions. MLflow's own client asks the same question."""

    FILES = "the files API"
    SIGNED = "signed addresses"
    VENDED = "vended credentials of the cloud storage"


class UnityFiles:
    """The files of versions in Unity Catalog: the workspace says by which way, and it is logged once."""

    def __init__(self, client: DatabricksClient, vended: Vended) -> None:
        self._client, self._vended = client, vended
        self._told: set[Way] = set()
        self._offers: bool | None = None
        """None: the workspace has not said so far."""

    def of(self, model: str, version: int) -> Files:
        root = f"/Models/{model.replace('.', '/')}/{version}"
        if self._offers is None:
            self._offers = self._offers_files()
        if self._offers:
            self._tell(Way.FILES, model)
            return FilesApi(self._client, root)
        credentials = self._credentials(model, version)
        if credentials.get("storage_mode") == "DEFAULT_STORAGE":
            self._tell(Way.SIGNED, model)
            return FilesApi(self._client, root, signed=True)
        self._tell(Way.VENDED, model)
        return CloudFiles(f"{model} version {version}", lambda: self._repository(model, version))

    def _offers_files(self) -> bool | None:
        def read(answer: Json) -> bool:
            return bool(answer.get("is_databricks_sdk_models_artifact_repository_enabled"))

        try:
            return self._client.get(ASKED, read, what="ask how files of models are read")
        except PlatformError as error:
            # An older workspace does not know the question. One that is away will not answer the next one either.
            log.debug("%s: taken for a no", error)
            return False if error.permanent else None

    def _repository(self, model: str, version: int) -> Repository:
        location = self._client.get(
            f"{UNITY}/model-versions/get-download-uri",
            lambda answer: str(answer["artifact_uri"]),
            what=f"find the files of {model} version {version}",
            query={"name": model, "version": str(version)},
        )
        return self._vended(location, lambda: self._credentials(model, version))

    def _credentials(self, model: str, version: int) -> Mapping[str, Any]:
        body = {"name": model, "version": str(version), "operation": "MODEL_VERSION_OPERATION_READ"}
        what = f"be let into the files of {model} version {version}"
        return self._client.send("POST", VEND, body, lambda answer: dict(answer["credentials"]), what=what)

    def _tell(self, way: Way, model: str) -> None:
        if way not in self._told:
            self._told.add(way)
            log.info("the files of %s are read by %s", model, way)


class CloudFiles:
    """Files in cloud storage. Whatever a cloud's own package raises leaves as PlatformError."""

    def __init__(self, name: str, opened: Callable[[], Repository]) -> None:
        self._name, self._opened = name, opened
        self._repository: Repository | None = None

    def listed(self, folder: str = "") -> list[Entry]:
        return [Entry(one.path, one.is_dir) for one in self._do(lambda it: it.list_artifacts(folder or None))]

    def fetch(self, path: str, target: Path) -> None:
        def moved(it: Repository) -> None:
            with TemporaryDirectory(dir=target.parent) as folder:
                Path(it.download_artifacts(path, folder)).replace(target)

        self._do(moved)

    def _do(self, call: Callable[[Repository], Any]) -> Any:
        try:
            self._repository = self._repository or self._opened()
            return call(self._repository)
        except PlatformError:
            raise
        except ImportError as error:
            advice = "install that package beside mlsteward, or let Databricks turn on the files API for models"
            raise PlatformError(
                f"could not read the files of {self._name}: {error} ({advice})", permanent=True
            ) from None
        except Exception as error:
            # Not chained, and its words cut short: they may quote the credentials.
            words = type(error).__name__
            raise PlatformError(f"could not read the files of {self._name}: {words}", permanent=False) from None


class WorkspaceFiles:
    """The files of one version in the workspace's own registry, each by an address that the workspace signs."""

    def __init__(self, client: DatabricksClient, model: str, version: int) -> None:
        self._client, self._named = client, {"name": model, "version": str(version)}
        self._of = f"of {model} version {version}"

    def listed(self, folder: str = "") -> list[Entry]:
        query = {**self._named, "path": folder}
        shown = pages(self._client, f"{LEGACY}/list-artifacts", query, what=f"list the files {self._of}")
        return [Entry(str(f["path"]), bool(f.get("is_dir"))) for page in shown for f in page.get("files") or []]

    def fetch(self, path: str, target: Path) -> None:
        query, what = {**self._named, "path": path}, f"fetch {path} {self._of}"
        at = f"{LEGACY}/get-signed-download-uri"
        url, headers = self._client.get(at, signed_address, what=what, query=query)
        self._client.pull(url, headers, target, what=what)
