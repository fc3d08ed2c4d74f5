"""A configuration that observes what was found, and says of everything else why it is left out."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.load import load
from daemon.config.mlflow import RegistryKind
from daemon.config.settings import Settings, with_defaults
from daemon.domain.found import FoundEndpoint, FoundJob, LoggedTo, Logging
from daemon.domain.registry import JOB_PARAMETERS
from daemon.domain.remediation import Remedy
from daemon.setup.candidates import candidates
from daemon.setup.propose import Around, Choices, Proposal, propose
from daemon.setup.seen import Answer
from daemon.setup.watchable import LeftOut, Watchable, look
from tests.setup.nouns import JOB, MEETING, MODEL, NOW, TABLE, WAREHOUSE, entity, found

PLAIN = Choices(['host = "https://w.example.com"', 'token = { env = "DATABRICKS_TOKEN" }'])
GATEWAY, LEGACY, TELEMETRY = Logging.GATEWAY, Logging.LEGACY, Logging.TELEMETRY


def around(*endpoints: FoundEndpoint, jobs: Answer[list[FoundJob]] | None = None) -> Around:
    return Around(MEETING, endpoints or (found(),), jobs or Answer([JOB]), Answer([WAREHOUSE]))


def read(proposal: Proposal) -> Settings:
    return Settings.model_validate(with_defaults(tomllib.loads(proposal.text)))


def test_what_is_found_is_observed_and_nothing_more(tmp_path: Path) -> None:
    proposal = propose(around(), PLAIN, now=NOW)
    file = tmp_path / "config.toml"
    file.write_text(proposal.text)
    configured = load(file)
    (endpoint,) = configured.endpoints
    assert (endpoint.name, endpoint.table, endpoint.model) == ("flights", TABLE, MODEL)
    assert {str(endpoint.mode.of(remedy)) for remedy in Remedy} == {"observe"}
    assert endpoint.retrain.job_id is None
    assert configured.mlflow.registry is RegistryKind.UNITY


def test_it_says_what_was_found_where_it_stands() -> None:
    text = propose(around(), PLAIN, now=NOW).text
    assert "# serves main.ml.flights version 3 at 100 %, created by ana@example.com" in text
    assert "# AI Gateway logs it to this table" in text
    assert "# retrain.job_id = 101  # retrain flights: its name has flights" in text
    assert '# warehouse_id = "abc"  # Starter: STOPPED, serverless' in text


def test_only_what_differs_from_the_defaults_is_written() -> None:
    assert set(tomllib.loads(propose(around(), PLAIN, now=NOW).text)) == {"workspace", "mlflow", "endpoints"}


def test_a_warehouse_reads_where_it_was_chosen() -> None:
    chosen = Choices(PLAIN.workspace, reader="warehouse", warehouse_id="abc")
    configured = read(propose(around(), chosen, now=NOW))
    assert configured.workspace.warehouse_id == "abc"
    assert {e.reader for e in configured.endpoints} == {"warehouse"}


def test_runs_on_an_mlflow_server_mean_its_registry() -> None:
    chosen = Choices(PLAIN.workspace, tracking="http://mlflow:5000")
    plain = found("flights", entity("flights"))
    assert read(propose(around(plain), chosen, now=NOW)).mlflow.registry is RegistryKind.MLFLOW


def test_models_of_one_level_are_in_the_workspaces_own_registry() -> None:
    plain = found("flights", entity("flights"))
    assert read(propose(around(plain), PLAIN, now=NOW)).mlflow.registry is RegistryKind.WORKSPACE
    mixed = propose(around(found(), found("old", entity("old"))), PLAIN, now=NOW)
    assert [one.name for one in mixed.left_out] == ["old"]
    assert "one daemon speaks to one registry" in mixed.text


@pytest.mark.parametrize(
    ("endpoint", "why", "todo"),
    [
        (found(logs=()), "has no inference table", "AI Gateway: enable inference tables"),
        (found(logs=(LoggedTo(GATEWAY, TABLE, enabled=False),)), "not enabled", "AI Gateway: enable"),
        (found(logs=(LoggedTo(LEGACY, TABLE, enabled=True),)), "unsupported since 2026-03", "AI Gateway: enable"),
        (found(logs=(LoggedTo(TELEMETRY, "", enabled=True),)), "does not name", "telemetry settings"),
        (found("gpt", entity("gpt", 0, foreign=True), logs=()), "external or foundation model", ""),
        (found("two", entity("a.b.c", 1, 50), entity("a.b.d", 1, 50)), "several registered models", ""),
    ],
)
def test_what_cannot_be_watched_is_left_out_with_why_and_what_to_do(
    endpoint: FoundEndpoint, why: str, todo: str
) -> None:
    proposal = propose(around(found("good"), endpoint), PLAIN, now=NOW)
    (left,) = proposal.left_out
    assert why in left.why
    assert todo in left.todo
    assert f"# - {endpoint.name}: {left.why}" in proposal.text
    assert [e.name for e in read(proposal).endpoints] == ["good"]


def test_telemetry_whose_table_is_told_after_all_is_watched() -> None:
    it = look(found(logs=(LoggedTo(TELEMETRY, "a.b.c_payload", enabled=True),)), RegistryKind.UNITY)
    assert isinstance(it, Watchable)
    assert it.table == "a.b.c_payload"


def test_the_gateways_table_is_taken_beside_the_legacy_one() -> None:
    both = (LoggedTo(LEGACY, "a.b.old", enabled=True), LoggedTo(GATEWAY, TABLE, enabled=True))
    it = look(found(logs=both), RegistryKind.UNITY)
    assert isinstance(it, Watchable)
    assert it.log.kind is GATEWAY


def test_endpoints_that_were_not_chosen_are_named() -> None:
    proposal = propose(around(found("a"), found("b")), Choices(PLAIN.workspace, only=frozenset({"a"})), now=NOW)
    assert proposal.left_out == (LeftOut("b", "was not chosen", "run init again to watch it"),)


@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_no_name_of_somebody_elses_can_become_a_setting(name: str, creator: str) -> None:
    strange = found("good\nmode.rollback = 'auto'", creator=f"{creator}\n[defaults.mode]\nretrain = 'auto'")
    job = FoundJob(7, f"{name}\nretrain.job_id = 1", {"endpoint": strange.name})
    proposal = propose(around(strange, jobs=Answer([job])), PLAIN, now=NOW)
    raw: dict[str, Any] = tomllib.loads(proposal.text)
    assert json.dumps(sorted(raw)) == '["endpoints", "mlflow", "workspace"]'
    assert set(raw["endpoints"][0]) == {"name", "table", "model"}


def likely(*jobs: FoundJob) -> list[int]:
    return [it.job.id for it in candidates(jobs, "flights", "main.ml.flight_delay")]


def test_jobs_are_likely_by_parameters_then_by_name_then_by_tag() -> None:
    ours = dict.fromkeys(JOB_PARAMETERS, "")
    jobs = (
        FoundJob(1, "nightly report"),
        FoundJob(2, "any model", ours),
        FoundJob(3, "x", tags={"model": "flight_delay"}),
        FoundJob(4, "Train Flight-Delay daily"),
        FoundJob(5, "x", {"name": "main.ml.flight_delay"}),
        FoundJob(6, "other", ours | {"endpoint": "churn"}),
        FoundJob(7, "inflight_delayed"),
    )
    assert likely(*jobs) == [5, 4, 3, 2]


def test_no_more_than_five_jobs_are_named() -> None:
    assert len(likely(*(FoundJob(n, "flights") for n in range(9)))) == 5


def test_what_a_job_lacks_is_said_beside_it() -> None:
    proposal = propose(around(jobs=Answer([FoundJob(7, "flights", {"endpoint": "", "model": ""})])), PLAIN, now=NOW)
    assert (
        "declare reason, remediation, finding, champion_version, baseline, window_start, window_end on it"
        in proposal.text
    )


def test_jobs_that_may_not_be_listed_are_no_reason_to_give_up() -> None:
    text = propose(around(jobs=Answer(None, "could not list the jobs: no")), PLAIN, now=NOW).text
    assert "# retrain.job_id: could not list the jobs: no" in text
