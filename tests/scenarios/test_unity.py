"""The daemon on Databricks alone: Unity Catalog, runs on the workspace's own tracking server, and no MLflow server."""

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from daemon.config.settings import Store as StoreSettings
from daemon.store import baselines
from daemon.store.engine import Store
from playground.process import Playground

SECONDS = 90.0
CONFIG = """
[workspace]
host = "{host}"
token = {{ env = "TEST_TOKEN" }}
[mlflow]
tracking_uri = "databricks"
[store]
url = "sqlite:///mlsteward.db"
[[endpoints]]
name = "{name}"
table = "{table}"
model = "{model}"
archive.folder = "archive"
watch = {{ interval = "1s", window = "2s", settle = "2s", overlap = "20s" }}
"""


@pytest.fixture
def served(playground: Playground, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Serve a model of Unity Catalog, and configure the daemon for it; return the endpoint's name."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    mlflow, control = MlflowClient(playground.address.mlflow), playground.control
    first = mlflow.get_model_version("flight_delay", "1")
    name, model = f"unity-{uuid.uuid4().hex[:8]}", f"main.ml.flights-{uuid.uuid4().hex[:8]}"
    mlflow.create_registered_model(model)
    source = first.source or ""
    mlflow.create_model_version(model, source, first.run_id, model_id=source.removeprefix("models:/"))
    entity = {"name": "flights-1", "entity_name": model, "entity_version": "1", "scale_to_zero_enabled": False}
    control.call("POST", "/api/2.0/serving-endpoints", {"name": name, "config": {"served_entities": [entity]}})
    control.wait_until_deployed(name, deadline_seconds=SECONDS)
    table = playground.root / "tables" / f"{name}_payload"
    words = CONFIG.format(host=playground.address.host, name=name, table=table, model=model)
    (tmp_path / "config.toml").write_text(words)
    return name


def steward(folder: Path, token: str, *words: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW", "DATABRICKS"))}
    command = [sys.executable, "-m", "daemon", *words, "--config", "config.toml"]
    ended = subprocess.run(
        command, cwd=folder, env={**environment, "TEST_TOKEN": token}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_it_looks_with_nothing_but_the_workspace(playground: Playground, served: str, tmp_path: Path) -> None:
    token = playground.address.token
    assert "registered models: Unity Catalog; runs: the workspace" in steward(tmp_path, token, "check")
    record = {"hour": 9, "distance": 733.0, "dep_delay": 4.0, "carrier": "UA", "origin": "EWR"}
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + SECONDS
    while not any(f["check"] == "distance/ks" for f in found):
        assert time.monotonic() < deadline, found
        playground.control.call(
            "POST", f"/serving-endpoints/{served}/invocations", {"dataframe_records": [record] * 20}
        )
        playground.control.flush()
        found = json.loads(steward(tmp_path, token, "once", "--endpoint", served, "--json"))["findings"]
    store = Store.open(StoreSettings(url=f"sqlite:///{tmp_path}/mlsteward.db"))
    try:
        with store.read() as tx:
            baseline = baselines.current(tx, served, 1)
    finally:
        store.close()
    assert baseline is not None
    assert (baseline.kind, baseline.rows) == ("training", 20_000)
    assert {"distance", "carrier", "prediction"} <= baseline.columns.keys()
