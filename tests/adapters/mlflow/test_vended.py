"""Credentials that Unity Catalog vends are handed to MLflow as it would have read them itself."""

import sys
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from daemon.adapters.mlflow import vended_files

EXPIRES = {"expiration_time": "1700000000000", "a_field_of_tomorrow": 1}


def test_each_cloud_is_reached_by_its_own_package_which_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setitem(sys.modules, "azure", None)
    monkeypatch.setitem(sys.modules, "google.cloud", None)
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    clouds: dict[str, dict[str, Any]] = {
        "s3://bucket/3": {"aws_temp_credentials": {"access_key_id": "A", "secret_access_key": "B"}},
        "abfss://c@a.dfs.core.windows.net/3": {"azure_user_delegation_sas": {"sas_token": "sig=1"}},
        "gs://bucket/3": {"gcp_oauth_token": {"oauth_token": "T"}},
    }
    for location, credentials in clouds.items():
        with pytest.raises(ImportError):
            vended_files(location, partial(dict, credentials | EXPIRES))


def test_the_credentials_arrive_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage's package is a stand-in: what counts is what it is given, and that it can ask anew."""
    asked: list[int] = []
    made: list[dict[str, Any]] = []

    class Storage:
        def __init__(self, **given: Any) -> None:
            made.append(given)

    module = ModuleType("mlflow.store.artifact.optimized_s3_artifact_repo")
    module.OptimizedS3ArtifactRepository = Storage  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "boto3", ModuleType("boto3"))

    def credentials() -> dict[str, Any]:
        asked.append(1)
        keys = {"access_key_id": f"A{len(asked)}", "secret_access_key": "B", "session_token": "C"}
        return {"aws_temp_credentials": keys, **EXPIRES}

    assert isinstance(vended_files("s3://bucket/3", credentials), Storage)
    (given,) = made
    assert (given["artifact_uri"], given["access_key_id"], given["session_token"]) == ("s3://bucket/3", "A1", "C")
    assert given["credential_refresh_def"]()["access_key_id"] == "A2"
