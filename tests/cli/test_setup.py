"""`init` and `doctor` as a person runs them, against a workspace: what they say, and that they only look."""

import json
import socket
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient

from daemon.cli import cli
from daemon.config.load import load
from daemon.domain.registry import JOB_PARAMETERS
from playground.client import Client
from playground.warehouse import WAREHOUSE_ID
from tests.adapters.delta.tables import write
from tests.fakes import LoggedRequest
from tests.small_workspace import SmallWorkspace

ME = "operator@playground.example"
MODEL, TABLE = "main.ml.flights", "main.serving.flights_payload"
SCHEMA = "`main`.`serving`"
JOB = 101
PARAMETERS = list(JOB_PARAMETERS)
GATEWAY = {"catalog_name": "main", "schema_name": "serving", "table_name_prefix": "flights", "enabled": True}
SERVED = {"name": "flights-3", "entity_name": MODEL, "entity_version": "3"}
SHOWN: dict[str, Any] = {
    "id": "0123",
    "creator": "ana@example.com",
    "permission_level": "CAN_MANAGE",
    "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
    "config": {
        "config_version": 3,
        "served_entities": [SERVED],
        "traffic_config": {"routes": [{"served_model_name": "flights-3", "traffic_percentage": 100}]},
    },
    "ai_gateway": {"inference_table_config": GATEWAY},
}
BARE = {**SHOWN, "ai_gateway": None}
FOUNDATION = {"config": {"served_entities": [{"name": "gpt", "foundation_model": {"name": "gpt"}}]}}


class Site:
    """A workspace with one endpoint to watch and two that cannot be, and a configuration to write."""

    def __init__(self, workspace: SmallWorkspace, file: Path) -> None:
        self.workspace, self.file = workspace, file
        self.control.set_access(reset=True)
        self.control.set_access(people={"ana@example.com": True})
        self.control.renew_token()
        for name, shown in {"flights": SHOWN, "bare": BARE, "gpt": FOUNDATION, "second": {}}.items():
            self.control.show_endpoint(name, **shown)
        self.control.record()
        self._statements = len(self.control.statements())

    def asked(self) -> list[str]:
        """Return what was asked of the workspace since the beginning of the test."""
        return self.control.asked()

    def statements(self) -> list[dict[str, Any]]:
        return self.control.statements()[self._statements :]

    @property
    def control(self) -> Client:
        return self.workspace.control

    def run(self, *words: str | Path, answers: str = "") -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], input=answers)

    def init(self, *words: str | Path, answers: str = "") -> Result:
        place = f"file:{self.workspace.token_file}"
        named = ("--host", self.workspace.host, "--token", place, "--config", self.file)
        return self.run("init", *named, *words, answers=answers)

    def doctor(self, *words: str) -> Result:
        return self.run("doctor", "--config", self.file, *words)

    def lines(self, *words: str) -> dict[str, dict[str, Any]]:
        told = json.loads(self.doctor("--json", *words).output)
        return {f"{line['subject']}: {line['what']}": line for line in told["lines"]}

    def set(self, text: str) -> None:
        self.file.write_text(self.file.read_text() + text)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorkspace]:
    """A workspace with a model, a table and a job."""
    folder = tmp_path_factory.mktemp("workspace")
    uri = f"sqlite:///{folder}/registry.db"
    MlflowClient(uri).create_registered_model(MODEL)
    table = folder / "flights"
    write(table, [LoggedRequest("1", datetime.now(UTC) - timedelta(minutes=9), "e", 200, 5, "{}", "{}")])
    with SmallWorkspace(folder, mlflow=uri) as running:
        running.control.register_table(TABLE, table.as_uri())
        assert running.control.declare_job("retrain-flights", ["true"], PARAMETERS) == JOB
        yield running


@pytest.fixture
def site(workspace: SmallWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "MLFLOW_TRACKING_URI", "DATABRICKS_WAREHOUSE_ID"):
        monkeypatch.delenv(name, raising=False)
    return Site(workspace, tmp_path / "config.toml")


def test_what_init_writes_is_what_check_takes_and_doctor_finds_fit(site: Site) -> None:
    written = site.init("--yes")
    assert written.exit_code == 0, written.output
    assert "1 endpoint will be observed" in written.output
    checked = site.run("check", "--config", site.file)
    assert checked.exit_code == 0, checked.output
    (endpoint,) = load(site.file).endpoints
    assert (endpoint.name, endpoint.table, endpoint.model) == ("flights", TABLE, MODEL)
    found = site.doctor()
    assert found.exit_code == 0, found.output
    assert "Nothing is missing that the configured modes need" in found.output


def test_init_says_what_is_left_out_and_names_jobs_and_never_the_secret(site: Site) -> None:
    site.init("--yes")
    text = site.file.read_text()
    assert "# - bare: has no inference table" in text
    assert "# - gpt: serves an external or foundation model" in text
    assert f"# retrain.job_id = {JOB}  # retrain-flights: its name has flights\n" in text
    assert f'# warehouse_id = "{WAREHOUSE_ID}"  # playground: STOPPED, serverless' in text
    assert site.workspace.token not in text


def test_init_and_doctor_only_look(site: Site) -> None:
    site.init("--yes")
    site.set('\n[defaults.mode]\nretrain = "auto"\npromote = "auto"\nrollback = "auto"\n')
    assert site.doctor().exit_code == 1  # no job yet
    asked = site.asked()
    assert len(asked) > 10
    lent = "POST /api/2.0/unity-catalog/temporary-table-credentials"
    assert {line for line in asked if not line.startswith("GET ")} == {lent}
    assert site.control.effects() == []
    assert site.statements() == []


def test_with_warehouse_one_select_is_sent_and_still_nothing_is_changed(site: Site) -> None:
    site.init("--yes", "--warehouse-id", WAREHOUSE_ID)
    line = site.lines("--warehouse")["flights: newest row"]
    assert line["verdict"] == "ok"
    (statement,) = site.statements()
    assert statement["sql"].lstrip().startswith(("SELECT", "WITH"))
    posted = [line for line in site.asked() if not line.startswith("GET ")]
    assert posted == ["POST /api/2.0/sql/statements"]
    assert site.control.effects() == []


def test_a_table_is_read_as_the_daemon_reads_it(site: Site) -> None:
    site.init("--yes")
    assert site.lines()["flights: newest row"]["verdict"] == "ok"
    site.control.fault(
        "/api/2.0/unity-catalog/temporary-table-credentials",
        status=403,
        body={"error_code": "PERMISSION_DENIED", "message": "no"},
    )
    try:
        refused = site.lines()["flights: newest row"]
    finally:
        site.control.clear_faults()
    assert refused["verdict"] == "unknown"
    assert "EXTERNAL USE SCHEMA" in refused["why"]


def test_what_a_warehouse_reads_is_left_asleep(site: Site) -> None:
    site.init("--yes", "--warehouse-id", WAREHOUSE_ID)
    line = site.lines()["flights: newest row"]
    assert (line["verdict"], site.statements()) == ("unknown", [])
    assert line["remedy"].endswith("doctor --warehouse, too")


def test_storage_that_does_not_answer_is_waited_for_as_long_as_a_person_would(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.cli.doctor.PATIENCE", timedelta(seconds=1))
    site.init("--yes")
    site.file.write_text(site.file.read_text().replace(TABLE, "s3://nobody/payload"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for name, value in {"ENDPOINT_URL": address, "ALLOW_HTTP": "true", "ACCESS_KEY_ID": "a"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        line = site.lines()["flights: newest row"]
    assert (line["verdict"], line["why"]) == ("unknown", "the table could not be read within 1 s")


def test_init_says_at_once_where_it_cannot_write(site: Site, tmp_path: Path) -> None:
    site.file = tmp_path / "nowhere" / "config.toml"
    told = site.init("--yes")
    assert told.exit_code == 1
    assert f"{tmp_path / 'nowhere'} does not exist: --config names another file" in told.output
    assert site.asked() == []


def test_warehouse_needs_one(site: Site) -> None:
    site.init("--yes")
    assert site.doctor("--warehouse").exit_code == 2


def test_init_keeps_what_is_there_and_leaves_nothing_half_written(site: Site) -> None:
    site.file.write_text("mine")
    kept = site.init("--yes")
    assert (kept.exit_code, site.file.read_text()) == (1, "mine")
    assert "--force overwrites it" in kept.output
    assert site.init("--yes", "--force").exit_code == 0
    assert load(site.file).endpoints
    assert [path.name for path in site.file.parent.glob(".config*")] == []


def test_init_prints_where_it_is_told_to(site: Site) -> None:
    printed = site.init("--yes", "--config", "-")
    assert tomllib.loads(printed.output)["endpoints"][0]["name"] == "flights"
    assert not site.file.exists()
    told = json.loads(site.init("--yes", "--json").output)
    assert [one["endpoint"] for one in told["endpoints"]] == ["flights"]
    assert [one["endpoint"] for one in told["left_out"]] == ["bare", "gpt"]


def test_init_asks_little(site: Site) -> None:
    site.control.show_endpoint("second", **SHOWN)
    asked = site.init(answers="n\nsecond\ny\n")
    assert asked.exit_code == 0, asked.output
    (endpoint,) = load(site.file).endpoints
    assert (endpoint.name, endpoint.reader) == ("second", "warehouse")


def test_init_writes_nothing_where_nothing_can_be_watched(site: Site) -> None:
    site.control.show_endpoint("flights", **FOUNDATION)
    refused = site.init("--yes")
    assert refused.exit_code == 1
    assert "nothing can be watched there yet" in refused.output
    assert "bare has no inference table" in refused.output
    assert not site.file.exists()


def test_what_was_typed_as_a_secret_is_not_repeated(site: Site) -> None:
    refused = site.run("init", "--token", "dapi0123456789")
    assert refused.exit_code == 2
    assert "dapi0123456789" not in refused.output


def test_the_sdks_own_variables_are_written_down_as_places(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", site.workspace.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", site.workspace.token)
    printed = site.run("init", "--yes", "--config", "-").output
    assert tomllib.loads(printed)["workspace"] == {
        "host": site.workspace.host,
        "token": {"env": "DATABRICKS_TOKEN"},
    }


GRANTS = [
    ("table", TABLE, "SELECT", f"GRANT SELECT ON TABLE `main`.`serving`.`flights_payload` TO `{ME}`;"),
    ("schema", "main.serving", "USE_SCHEMA", f"GRANT USE SCHEMA ON SCHEMA {SCHEMA} TO `{ME}`;"),
    (
        "schema",
        "main.serving",
        "EXTERNAL_USE_SCHEMA",
        f"GRANT EXTERNAL USE SCHEMA ON SCHEMA {SCHEMA} TO `{ME}`;",
    ),
    ("catalog", "main", "USE_CATALOG", f"GRANT USE CATALOG ON CATALOG `main` TO `{ME}`;"),
]


@pytest.mark.parametrize(("kind", "name", "right", "sql"), GRANTS)
def test_a_grant_that_is_taken_away_is_missed(site: Site, kind: str, name: str, right: str, sql: str) -> None:
    site.init("--yes")
    site.control.set_access(take=[[kind, name, right]])
    told = site.doctor()
    assert told.exit_code == 1
    assert f"-> {sql}" in told.output


def test_a_table_that_is_not_in_the_catalog_is_missing(site: Site) -> None:
    site.init("--yes")
    site.file.write_text(site.file.read_text().replace(TABLE, "main.serving.other_payload"))
    lines = site.lines()
    assert lines["flights: inference table"]["remedy"] == f'set table = "{TABLE}"'
    assert lines["flights: SELECT on table main.serving.other_payload"]["verdict"] == "missing"


def test_what_acting_needs_is_missing_only_where_something_acts(site: Site) -> None:
    site.init("--yes")
    site.set(f"retrain.job_id = {JOB}\n")
    site.control.set_access(take=[["jobs", str(JOB), "CAN_MANAGE"]], people={"ana@example.com": None})
    site.control.show_endpoint("flights", **{**SHOWN, "permission_level": "CAN_QUERY"})
    absent = [f"flights: CAN_MANAGE_RUN on job {JOB}", "flights: CAN_MANAGE on the endpoint", "flights: creator"]
    assert site.doctor().exit_code == 0
    lines = site.lines()
    assert [(lines[what]["verdict"], lines[what]["needed_now"]) for what in absent] == [("missing", False)] * 3
    site.set('\n[defaults.mode]\nretrain = "auto"\npromote = "approve"\nrollback = "auto"\n')
    assert site.doctor().exit_code == 1
    assert [site.lines()[what]["needed_now"] for what in absent] == [True] * 3


def test_what_is_not_shown_is_unknown(site: Site) -> None:
    site.init("--yes")
    site.control.set_access(shows_rights=False, lists_people=False)
    lines = site.lines()
    assert site.doctor().exit_code == 0
    assert lines["flights: creator"]["verdict"] == "unknown"
    assert lines[f"flights: SELECT on table {TABLE}"]["verdict"] == "unknown"
    assert lines["flights: CAN_VIEW on the endpoint"]["verdict"] == "ok"


def test_a_disabled_table_and_an_endpoint_that_went_are_missing(site: Site) -> None:
    site.init("--yes")
    off = {"inference_table_config": {**GATEWAY, "enabled": False}}
    site.control.show_endpoint("flights", **{**SHOWN, "ai_gateway": off})
    assert site.lines()["flights: inference table"]["verdict"] == "missing"
    site.file.write_text(site.file.read_text().replace('name = "flights"', 'name = "gone"'))
    assert site.lines()["gone: endpoint"]["verdict"] == "missing"


def test_the_clock_and_the_end_of_the_token_are_told(site: Site) -> None:
    site.init("--yes")
    assert site.lines()["workspace: clock"]["verdict"] == "ok"
    soon = int((datetime.now(UTC) + timedelta(days=2)).timestamp() * 1000)
    site.control.set_access(skew_seconds=400, tokens=[{"token_id": "1", "expiry_time": soon}])
    lines = site.lines()
    assert lines["workspace: clock"]["why"].startswith(("this machine is 400 s behind", "this machine is 399 s behind"))
    assert lines["workspace: credentials last"]["verdict"] == "warning"


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_token_is_one_clear_sentence(site: Site, status: int) -> None:
    site.init("--yes")
    site.control.expire_token(status=status)
    told = site.doctor()
    assert told.exit_code == 1
    assert "make new credentials" in told.output
    assert len(told.output.splitlines()) == 4
    refused = site.init("--yes", "--force")
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: the workspace lets nobody in: ")
    assert len(refused.output.splitlines()) == 1


def test_a_wrong_profile_is_one_clear_sentence(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cfg").write_text("[production]\nhost = https://w.example.com\ntoken = x\n")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "cfg"))
    refused = site.run("init", "--yes", "--profile", "staging", "--config", "-")
    assert refused.exit_code == 1
    assert refused.output.strip().endswith("has no staging profile configured.")


def test_a_host_that_is_away_is_one_clear_sentence(site: Site) -> None:
    place = f"file:{site.workspace.token_file}"
    refused = site.run("init", "--yes", "--host", "http://127.0.0.1:9", "--token", place, "--config", "-")
    assert refused.exit_code == 1
    assert "127.0.0.1:9: connection refused" in refused.output
    assert len(refused.output.splitlines()) == 1
