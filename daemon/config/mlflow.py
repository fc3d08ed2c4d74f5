"""The settings of MLflow: where runs are, and which registry holds the models."""

import os
from enum import StrEnum

from pydantic import model_validator

from daemon.config.fields import Section

DATABRICKS, UNITY = "databricks", "databricks-uc"


class RegistryKind(StrEnum):
    """Which registry an URI means, as MLflow's users write it."""

    MLFLOW = "an MLflow server"
    UNITY = "Unity Catalog"
    WORKSPACE = "the workspace's own registry"


class Mlflow(Section):
    tracking_uri: str | None = None
    """Where runs and their artifacts are: `http(s)://...`, or `databricks` for those of the workspace. Left out:
    $MLFLOW_TRACKING_URI."""
    registry_uri: str | None = None
    """Where registered models are: `databricks-uc` (Unity Catalog), `databricks` (the workspace's own, older registry)
    or `http(s)://...`. Left out: Unity Catalog where runs are on `databricks`, else the tracking server."""

    @property
    def tracking(self) -> str:
        return self.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or ""

    @property
    def registry(self) -> RegistryKind:
        named = _scheme(self.registry_uri or "")
        if not named:
            return RegistryKind.UNITY if _scheme(self.tracking) in (DATABRICKS, UNITY) else RegistryKind.MLFLOW
        return {UNITY: RegistryKind.UNITY, DATABRICKS: RegistryKind.WORKSPACE}.get(named, RegistryKind.MLFLOW)

    @property
    def runs_on_databricks(self) -> bool:
        kept = _scheme(self.tracking)
        return kept == DATABRICKS or (not kept and self.registry is not RegistryKind.MLFLOW)

    @property
    def profiles(self) -> frozenset[str]:
        """The profiles that the URIs name (`databricks://PROFILE`)."""
        named = (
            uri.partition("://")[2] for uri in (self.tracking, self.registry_uri or "") if DATABRICKS in _scheme(uri)
        )
        return frozenset(profile for profile in named if profile)

    @model_validator(mode="after")
    def _spoken(self) -> "Mlflow":
        if _scheme(self.registry_uri or "") == "uc":
            raise ValueError(
                '"uc:" is an open-source Unity Catalog server, which is not spoken; Databricks\' is "databricks-uc"'
            )
        if _scheme(self.tracking_uri or "") == UNITY:
            raise ValueError('tracking_uri is "databricks"; "databricks-uc" is a registry')
        if self.registry is RegistryKind.MLFLOW and self.runs_on_databricks:
            raise ValueError(
                "where runs are on databricks, models are in a registry there: databricks-uc or databricks"
            )
        return self


def _scheme(uri: str) -> str:
    return uri.partition(":")[0].lower()
