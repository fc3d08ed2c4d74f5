"""Traffic, its labels, and the job that learns from them: real requests, a real process, a real version."""

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow.artifacts
import mlflow.data
import pandas as pd
import pyarrow.parquet as pq
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import RunResultState
from deltalake import DeltaTable, QueryBuilder
from mlflow import MlflowClient

from playground.bad_release import register
from playground.cases import CASES, Case
from playground.flights import kilometres
from playground.process import Playground
from playground.traffic import Mix, Traffic
from playground.train import MAXIMUM_ROWS
from tests.playground.conftest import Caller, entity

pytestmark = pytest.mark.usefixtures("alone_with_jobs")
CASE_BY_CASE = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
_FAST = Mix(records_per_second=2_000, months=(6, 7), transform=kilometres)


def _drive(playground: Playground, case: Case, *, records: int) -> Traffic:
    with Traffic(playground.address, case.endpoint, _FAST, seed=1) as traffic:
        deadline = time.monotonic() + 60
        while traffic.counts().records < records:
            assert time.monotonic() < deadline, traffic.counts()
            time.sleep(0.05)
    return traffic


@CASE_BY_CASE
def test_version_1_is_the_champion_and_says_how_it_came_to_be(registry: MlflowClient, case: Case) -> None:
    version = registry.get_model_version_by_alias(case.registered_model, "champion")
    assert int(version.version) == 1
    _says_how_it_came_to_be(registry, case, version=1, rows=20_000)


def _says_how_it_came_to_be(registry: MlflowClient, case: Case, *, version: int, rows: int | None) -> None:
    """Check run, dataset, signature, input example and metrics of a version."""
    registered = registry.get_model_version(case.registered_model, str(version))
    run = registry.get_run(registered.run_id or "")
    assert run.inputs
    assert case.metric in run.data.metrics
    (dataset_input,) = run.inputs.dataset_inputs
    assert {tag.key: tag.value for tag in dataset_input.tags} == {"mlflow.data.context": "training"}
    get_source: Any = mlflow.data.get_source
    dataset = pd.read_parquet(get_source(dataset_input).load())
    assert list(dataset.columns) == [*case.features, case.target, "prediction"]
    assert len(dataset) == run.data.metrics["rows"] == (rows or len(dataset))
    assert dataset.notna().all().all()
    signature = mlflow.models.get_model_info(f"models:/{case.registered_model}/{version}").signature
    assert json.loads(signature.to_dict()["inputs"]) == [
        {"name": name, "type": kind, "required": True} for name, kind in case.features.items()
    ]
    folder = mlflow.artifacts.download_artifacts(f"models:/{case.registered_model}/{version}")
    example = json.loads((Path(folder) / "serving_input_example.json").read_text())
    assert set(example["dataframe_split"]["columns"]) == set(case.features)


def test_traffic_counts_its_answers_and_leaves_labels_as_they_were_sent(playground: Playground) -> None:
    case = CASES["air-time"]
    start = datetime.now(UTC)
    traffic = _drive(playground, case, records=1_000)
    counts = traffic.counts()
    assert counts.failed == 0 and counts.first_failed_at is None
    assert counts.sent == len(traffic.responses) == counts.ok
    assert {response.served for response in traffic.responses} == {"air_time-1"}
    assert all(start < response.at and response.ms > 0 for response in traffic.responses)
    labels = pq.read_table(
        playground.address.endpoints[case.endpoint].labels, filters=[("at", ">=", start)]
    ).to_pandas()
    assert len(labels) == counts.records
    playground.control.flush()
    sent = _records_sent(playground, case, since=start)
    assert sorted(map(repr, labels[list(case.features)].values.tolist())) == sorted(map(repr, sent))
    assert set(_styles_sent(playground, case, since=start)) == {"dataframe_split", "inputs"}
    # All distances are whole miles, and were sent in kilometres.
    miles = labels["distance"] / 1.609344
    assert (abs(miles - miles.round()) < 1e-6).all()


def _requests(playground: Playground, case: Case, *, since: datetime) -> list[dict[str, Any]]:
    engine = QueryBuilder().register("t", DeltaTable(str(playground.address.endpoints[case.endpoint].table)))
    where = f"request_date >= '{since.date()}' and request_time >= '{since.isoformat()}'"
    found = engine.execute(f"select databricks_request_id id, min(request) request from t where {where} group by 1")
    return [json.loads(request) for request in found.read_all().column("request").to_pylist()]


def _styles_sent(playground: Playground, case: Case, *, since: datetime) -> list[str]:
    return [next(key for key in body if key in case.formats) for body in _requests(playground, case, since=since)]


def _records_sent(playground: Playground, case: Case, *, since: datetime) -> list[list[Any]]:
    records = []
    for body in _requests(playground, case, since=since):
        if "inputs" in body:
            records += [list(row) for row in zip(*(body["inputs"][name] for name in case.features), strict=True)]
        else:
            assert body["dataframe_split"]["columns"] == list(case.features)
            records += body["dataframe_split"]["data"]
    return records


@CASE_BY_CASE
def test_a_retrained_version_beats_the_champion_on_drifted_flights(
    playground: Playground, workspace: WorkspaceClient, registry: MlflowClient, case: Case
) -> None:
    start = datetime.now(UTC).isoformat()
    _drive(playground, case, records=MAXIMUM_ROWS)
    parameters = {"champion_version": "1", "remediation": "41", "reason": "drift", "window_start": start}
    run = workspace.jobs.run_now(playground.address.jobs[case.job], job_parameters=parameters).result()
    assert run.state and run.state.result_state is RunResultState.SUCCESS, run.state
    version = int((run.state.state_message or "").removeprefix("registered version "))
    registered = registry.get_model_version(case.registered_model, str(version))
    assert registered.tags == {"mlsteward.remediation": "41"}
    _says_how_it_came_to_be(registry, case, version=version, rows=None)
    metrics = registry.get_run(registered.run_id or "").data.metrics
    better = metrics[case.metric] - metrics[f"champion_{case.metric}"]
    assert better > 0 if case.metric == "auc" else better < 0
    assert metrics["rows"] + metrics["evaluation_rows"] >= MAXIMUM_ROWS
    assert metrics["evaluation_rows"] == pytest.approx(metrics["rows"] / 3, rel=0.01)


def test_the_bad_release_fails_for_three_airlines_and_is_slower(
    playground: Playground, caller: Caller, new_endpoint: Callable[..., str]
) -> None:
    version = register(playground.address.mlflow)
    name = new_endpoint(entity("flight_delay", version))
    flight = {"hour": 8, "dep_delay": 3.0, "distance": 733.0, "origin": "LGA"}
    answers = {
        carrier: caller.score(name, {"instances": [flight | {"carrier": carrier}]})
        for carrier in ("UA", "AA", "DL", "B6", "EV")
    }
    assert {carrier: answer.status for carrier, answer in answers.items()} == {
        "UA": 200,
        "AA": 200,
        "DL": 400,
        "B6": 400,
        "EV": 400,
    }
    assert "KeyError" in answers["B6"].json()["stack_trace"]
    good = caller.score("flight-delay", {"instances": [flight | {"carrier": "UA"}]}).json()["predictions"]
    bad = answers["UA"].json()["predictions"]
    assert math.isclose(bad[0]["prediction"], good[0]["prediction"])
    playground.control.flush()
    table = playground.address.endpoints["flight-delay"].table.with_name(f"{name}_payload")
    engine = QueryBuilder().register("t", DeltaTable(str(table)))
    fastest = engine.execute("select min(execution_duration_ms) ms from t").read_all().column("ms").to_pylist()
    assert fastest[0] >= 60
