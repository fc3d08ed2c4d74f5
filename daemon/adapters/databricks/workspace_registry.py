"""The port Registry in the workspace's own, older registry: stages, requests to move to one, tags; no aliases."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.adapters.databricks.files import pages
from daemon.adapters.databricks.logged import Logged
from daemon.adapters.databricks.model_files import LEGACY, WorkspaceFiles
from daemon.adapters.databricks.runs import Runs
from daemon.domain.registry import DeploymentJob, ModelVersion, Stage
from daemon.ports import PlatformError

MODEL = "/api/2.0/mlflow/databricks/registered-models/get"
TAG_MODEL = "/api/2.0/mlflow/registered-models/set-tag"
TRANSITION = "/api/2.0/mlflow/databricks/model-versions/transition-stage"
REQUESTS = "/api/2.0/mlflow/transition-requests"
ALIAS = "mlsteward.alias."
"""What others call an alias is a tag of the registered model here: it names the version."""
STAGES = frozenset(Stage)


class WorkspaceRegistry(Logged):
    def __init__(self, client: DatabricksClient, runs: Runs) -> None:
        files_of = partial(WorkspaceFiles, client)
        super().__init__(runs, files_of, place="the workspace's registry")
        self._client = client

    def version(self, model: str, version: int) -> ModelVersion:
        what = f"read {model} version {version}"
        shown = self._shown(model, version, what)
        return _version(shown, self._aliases(model, what))

    def versions(self, model: str) -> list[ModelVersion]:
        what = f"list the versions of {model}"
        # a search for a model that is not there finds nothing, and says nothing
        aliases = self._aliases(model, what)
        quoted = model.replace("'", "\\'")
        listed = pages(self._client, f"{LEGACY}/search", {"filter": f"name='{quoted}'"}, what=what)
        found = [_version(one, aliases) for page in listed for one in page.get("model_versions") or []]
        return sorted(found, key=lambda one: one.version)

    def alias(self, model: str, alias: str) -> int | None:
        return self._aliases(model, f"read the alias {alias} of {model}").get(alias)

    def set_alias(self, model: str, alias: str, version: int) -> None:
        what = f"set the alias {alias} of {model} to version {version}"
        # a tag can name anything, a version that is not there as well
        self._shown(model, version, what)
        body = {"name": model, "key": f"{ALIAS}{alias}", "value": str(version)}
        self._client.send("POST", TAG_MODEL, body, lambda _: None, what=what)

    def set_tag(self, model: str, version: int, key: str, value: str) -> None:
        body = {"name": model, "version": str(version), "key": key, "value": value}
        what = f"tag {model} version {version}"
        self._client.send("POST", f"{LEGACY}/set-tag", body, lambda _: None, what=what)

    def set_stage(self, model: str, version: int, stage: Stage) -> None:
        what = f"move {model} version {version} to the stage {stage}"
        body = {"name": model, "version": str(version), "stage": stage.value, "archive_existing_versions": False}
        try:
            self._client.send("POST", TRANSITION, body, lambda _: None, what=what)
        except PlatformError as refused:
            # a refusal for good may be for want of a permission; whoever lacks it may still ask
            if not refused.permanent or refused.missing:
                raise
            asked = self._ask_for(model, version, stage, refused)
            raise PlatformError(f"could not {what}: {asked}", permanent=False) from None

    def deployment_job(self, model: str, version: int) -> DeploymentJob | None:
        """Return None: deployment jobs belong to Unity Catalog."""

    def loadable(self, model: str, version: int) -> bool:
        try:
            return bool(self._files_of(model, version).listed())
        except PlatformError as error:
            if error.missing:
                return False
            raise

    def _ask_for(self, model: str, version: int, stage: Stage, refused: PlatformError) -> str:
        """Make a transition request, unless one is open, and say what now has to happen."""
        named = {"name": model, "version": str(version)}
        what = f"ask for the stage {stage} of {model} version {version}"
        try:
            open_now = self._client.get(
                f"{REQUESTS}/list", lambda it: list(it.get("requests") or []), what=what, query=named
            )
            if not any(one.get("to_stage") == stage.value for one in open_now):
                body = {**named, "stage": stage.value, "comment": "by mlsteward, which may not do it by itself"}
                self._client.send("POST", f"{REQUESTS}/create", body, lambda _: None, what=what)
        except PlatformError as error:
            if not error.permanent:
                raise
            # nor may it ask: what was refused at first is what a person can do something about
            raise refused from None
        return "the principal may not, so it was asked for: approve the transition request in the registry"

    def _shown(self, model: str, version: int, what: str) -> Json:
        query = {"name": model, "version": str(version)}
        found: Json = self._client.get(f"{LEGACY}/get", lambda it: it["model_version"], what=what, query=query)
        return found

    def _aliases(self, model: str, what: str) -> Mapping[str, int]:
        return self._client.get(MODEL, lambda it: dict(_named(it)), what=what, query={"name": model})


def _named(answer: Json) -> Iterator[tuple[str, int]]:
    for tag in answer["registered_model_databricks"].get("tags") or []:
        key, value = str(tag["key"]), str(tag.get("value") or "")
        if key.startswith(ALIAS) and value.isdecimal():
            yield key.removeprefix(ALIAS), int(value)


def _version(shown: Json, aliases: Mapping[str, int]) -> ModelVersion:
    version, stage = int(shown["version"]), shown.get("current_stage")
    return ModelVersion(
        model=str(shown["name"]),
        version=version,
        created_at=datetime.fromtimestamp(int(shown["creation_timestamp"]) / 1000, UTC),
        ready=shown.get("status", "READY") == "READY",
        run_id=shown.get("run_id") or None,
        tags={str(tag["key"]): str(tag.get("value") or "") for tag in shown.get("tags") or []},
        aliases=tuple(sorted(alias for alias, named in aliases.items() if named == version)),
        stage=Stage(stage) if stage in STAGES else Stage.NONE,
    )
