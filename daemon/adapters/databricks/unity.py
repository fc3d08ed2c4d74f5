"""The port Registry in Unity Catalog: models with names of three levels, aliases, and tags; no stages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import quote

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.adapters.databricks.files import pages
from daemon.adapters.databricks.logged import Logged
from daemon.adapters.databricks.model_files import UNITY, UnityFiles, Vended
from daemon.adapters.databricks.runs import Runs
from daemon.domain.registry import Deployment, DeploymentJob, ModelVersion, Stage
from daemon.ports import PlatformError

MODELS = "/api/2.1/unity-catalog/models"
OURS, OURS_THERE = "mlsteward.", "mlsteward_"
FORBIDDEN = str.maketrans(".,-=/:", "______")
"""No key of a tag in Unity Catalog may have one of these."""
NOT_CONNECTED = frozenset({"", "NOT_SET_UP", "NOT_FOUND", "DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED"})
ENDED = frozenset({"", "SUCCEEDED", "FAILED", "NO_VALID_DEPLOYMENT_JOB_FOUND", "DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED"})
APPROVAL = "APPROVAL"


class UnityRegistry(Logged):
    def __init__(self, client: DatabricksClient, runs: Runs, vended: Vended) -> None:
        super().__init__(runs, UnityFiles(client, vended).of, place="Unity Catalog")
        self._client = client

    def version(self, model: str, version: int) -> ModelVersion:
        what = f"read {model} version {version}"
        path = f"{_path(model)}/versions/{version}"
        shown = self._client.get(path, dict, what=what, query={"include_aliases": True})
        return _version(model, shown, self._tags(model, version, shown), _aliases(shown, version))

    def versions(self, model: str) -> list[ModelVersion]:
        what = f"list the versions of {model}"
        listed = pages(self._client, f"{_path(model)}/versions", {"max_results": 0}, what=what)
        shown = [one for page in listed for one in page.get("model_versions") or []]
        # the list tells neither aliases nor tags, nor has it any order
        known = self._client.get(_path(model), dict, what=what, query={"include_aliases": True})
        found = (self._listed(model, one, _aliases(known, int(one["version"]))) for one in shown)
        return sorted((one for one in found if one is not None), key=lambda one: one.version)

    def alias(self, model: str, alias: str) -> int | None:
        what = f"read the alias {alias} of {model}"
        try:
            return self._client.get(_alias_path(model, alias), lambda shown: int(shown["version"]), what=what)
        except PlatformError as error:
            if not error.missing:
                raise
        # either there is no such alias, or no such model
        self._client.get(_path(model), lambda _: None, what=what)
        return None

    def set_alias(self, model: str, alias: str, version: int) -> None:
        what = f"set the alias {alias} of {model} to version {version}"
        self._client.send("PUT", _alias_path(model, alias), {"version_num": version}, lambda _: None, what=what)

    def set_tag(self, model: str, version: int, key: str, value: str) -> None:
        body = {"name": model, "version": str(version), "key": key.translate(FORBIDDEN), "value": value}
        path = f"{UNITY}/model-versions/set-tag"
        self._client.send("POST", path, body, lambda _: None, what=f"tag {model} version {version}")

    def set_stage(self, model: str, version: int, stage: Stage) -> NoReturn:
        words = f"could not move {model} version {version} to {stage}: Unity Catalog has no stages"
        raise PlatformError(f"{words} (set promote.stages to false)", permanent=True)

    def deployment_job(self, model: str, version: int) -> DeploymentJob | None:
        what = f"look for a deployment job of {model}"
        known = self._client.get(
            f"{UNITY}/registered-models/get", lambda it: it["registered_model"], what=what, query={"name": model}
        )
        shown = self._described(model, version, what).get("deployment_job_state") or {}
        return read_deployment_job(known, shown)

    def loadable(self, model: str, version: int) -> bool:
        """Tell whether the version is ready: its files are Unity Catalog's own, and go with the version alone."""
        try:
            return self.version(model, version).ready
        except PlatformError as error:
            if error.missing:
                return False
            raise

    def _listed(self, model: str, shown: Json, aliases: tuple[str, ...]) -> ModelVersion | None:
        try:
            return _version(model, shown, self._tags(model, int(shown["version"]), shown), aliases)
        except PlatformError as error:
            if error.missing:
                # somebody deleted it while the others were read
                return None
            raise

    def _tags(self, model: str, version: int, shown: Json) -> Mapping[str, str]:
        """Return the tags: newer workspaces show them with the version, others only on MLflow's path."""
        if "tags" not in shown:
            shown = self._described(model, version, f"read the tags of {model} version {version}")
        return {_our_key(str(tag["key"])): str(tag.get("value") or "") for tag in shown.get("tags") or []}

    def _described(self, model: str, version: int, what: str) -> Json:
        """Return what MLflow's own path says about the version."""
        query = {"name": model, "version": str(version)}
        path = f"{UNITY}/model-versions/get"
        found: Json = self._client.get(path, lambda answer: answer["model_version"], what=what, query=query)
        return found


def read_deployment_job(model: Json, version: Json) -> DeploymentJob | None:
    """Read what a registered model and one of its versions say of a deployment job. What is not known counts as on."""
    job_id = str(model.get("deployment_job_id") or version.get("job_id") or "")
    connection = str(model.get("deployment_job_state") or version.get("job_state") or "")
    run = str(version.get("run_state") or "")
    if not job_id or (connection in NOT_CONNECTED and run in ENDED and connection):
        return None
    stands = Deployment.NONE if run in ENDED else Deployment.WAITS if run == APPROVAL else Deployment.RUNS
    task = str(version.get("current_task_name") or "")
    words = ", ".join(word for word in (connection, run, f"at {task}" if task else "") if word)
    return DeploymentJob(job_id, not connection or connection not in NOT_CONNECTED, stands, words)


def _path(model: str) -> str:
    return f"{MODELS}/{quote(model, safe='')}"


def _alias_path(model: str, alias: str) -> str:
    return f"{_path(model)}/aliases/{quote(alias, safe='')}"


def _aliases(shown: Json, version: int) -> tuple[str, ...]:
    named = (one for one in shown.get("aliases") or [] if int(one.get("version_num") or version) == version)
    return tuple(sorted(str(one["alias_name"]) for one in named))


def _our_key(key: str) -> str:
    return OURS + key.removeprefix(OURS_THERE) if key.startswith(OURS_THERE) else key


def _version(model: str, shown: Json, tags: Mapping[str, str], aliases: tuple[str, ...]) -> ModelVersion:
    return ModelVersion(
        model=model,
        version=int(shown["version"]),
        created_at=datetime.fromtimestamp(int(shown["created_at"]) / 1000, UTC),
        ready=shown.get("status") == "READY",
        run_id=shown.get("run_id") or None,
        tags=tags,
        aliases=aliases,
    )
