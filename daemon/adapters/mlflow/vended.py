"""Files in cloud storage, by credentials that Unity Catalog has vended: MLflow knows every cloud's own way."""

from collections.abc import Callable, Mapping
from typing import Any

from daemon.adapters.mlflow.client import Repository, settle


def vended_files(location: str, credentials: Callable[[], Mapping[str, Any]]) -> Repository:
    """Return the files below a storage location. `credentials` asks for those of now: they last an hour.

    S3, Azure and GCS each need a package that mlflow-skinny leaves out: ImportError names it.
    """
    settle()
    # Not part of MLflow's documented interface, and what its own client goes by for every version in Unity Catalog.
    from google.protobuf.json_format import ParseDict
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_uc_registry_messages_pb2 import TemporaryCredentials
    from mlflow.utils._unity_catalog_utils import get_artifact_repo_from_storage_info

    def scoped() -> Any:
        return ParseDict(dict(credentials()), TemporaryCredentials(), ignore_unknown_fields=True)

    try:
        repository: Repository = get_artifact_repo_from_storage_info(
            storage_location=location, scoped_token=scoped(), base_credential_refresh_def=scoped
        )
    except MlflowException as error:
        if isinstance(error.__cause__, ImportError):
            # it says which package, which MLflow's own words do not
            raise error.__cause__ from None
        raise
    return repository
