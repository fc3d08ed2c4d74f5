"""The command line as a person types it: tables, JSON, one clear sentence, and the right exit status."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from daemon.cli import cli
from daemon.config import settings
from daemon.config.detection import Decide
from daemon.config.load import load
from daemon.domain.event import Event, Severity
from daemon.domain.finding import Against
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.remediation import (
    GuardResult,
    Remediation,
    Remedy,
    Standing,
    State,
    Step,
    StepState,
    VersionVerdict,
    token,
)
from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.domain.sources import EndpointMetrics, Sources, TableCount
from daemon.domain.window import Window
from daemon.remediate import vault
from daemon.store import cohorts, endpoints, events, findings, profiles, remediations, verdicts
from daemon.store.engine import Store
from daemon.watch.labels.due import subject
from tests.store.nouns import cohort
from tests.watch.stories import DRIFT, ERRORS, firing, lived, window

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    config = tmp_path / "config.toml"
    config.write_text(
        f"""
        [store]
        url = "sqlite:///{tmp_path}/mlsteward.db"
        [[endpoints]]
        name = "flights"
        table = "{tmp_path}/table"
        model = "m"
        archive.folder = "{tmp_path}/archive"
        """
    )
    return config


@pytest.fixture
def filled(file: Path, tmp_path: Path) -> Path:
    """The configuration of a daemon that has lived through a rollback."""
    store = Store.open(settings.Store(url=f"sqlite:///{tmp_path}/mlsteward.db"))
    trail = firing(DRIFT, version=3)
    one = Remediation(
        id="260301-120000-abcde",
        endpoint="flights",
        remedy=Remedy.ROLLBACK,
        state=State.PROPOSED,
        reason="version_is_worse",
        sentence="version 3 fails: roll back to version 2",
        evidence={"findings": [trail.last.numbers()]},
        model="m",
        from_version=3,
        to_version=2,
        plan={},
        created_at=NOW,
        updated_at=NOW,
        deadline_at=NOW + timedelta(hours=1),
    )
    with store.begin() as tx:
        served = (ServedEntity("m-3", "m", 3, 100),)
        endpoints.save_state(tx, EndpointState("flights", 3, served, True, Update.NONE), NOW)
        endpoints.save_watermark(tx, "flights", NOW)
        findings.save(tx, [trail])
        verdicts.set_standing(tx, VersionVerdict("flights", "m", 2, Standing.GOOD, "", NOW))
        remediations.propose(tx, one)
        guards = (GuardResult("mode", True, "mode is auto"), GuardResult("alone", False, "also ill: air-time"))
        approved = remediations.move(tx, one, State.APPROVED, now=NOW, guards=guards)
        assert approved
        moved = remediations.move(tx, approved, State.EXECUTING, now=NOW)
        assert moved
        step = Step(one.id, 0, "traffic", StepState.INTENT, token(one.id, "traffic"), started_at=NOW)
        remediations.write_intent(tx, step)
        remediations.close_step(tx, step, StepState.FAILED, {"detail": "Databricks could not deploy"}, NOW)
        remediations.move(tx, moved, State.NEEDS_HUMAN, now=NOW, outcome="please look at it")
        events.append(tx, Event("watch.blind", Severity.WARNING, "flights: nothing new", NOW, "flights"))
    store.close()
    return file


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def answer(*words: str | Path) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_help_names_every_command() -> None:
    said = run("--help").output
    for command in ("run", "check", "once", "status", "explain", "history", "baseline", "replay", "restore"):
        assert f"  {command} " in said


def test_check_says_what_will_be_watched(file: Path) -> None:
    result = run("check", "--config", file)
    assert result.exit_code == 0
    assert "is fine: 1 endpoint will be watched" in result.output
    assert "off (no job_id)" in result.output
    assert "a shift of 0.2 is certain after about" in result.output
    assert answer("check", "--config", file)["endpoints"][0]["rollback"] == "observe"


def test_check_says_what_the_registry_makes_of_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # MLflow's own client leaves it behind in the process
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    file = tmp_path / "config.toml"
    about = '[mlflow]\nregistry_uri = "databricks-uc"\n[defaults.archive]\nfolder = "/archive"\n'
    file.write_text(about + '[[endpoints]]\nname = "a"\ntable = "t"\nmodel = "main.ml.a"\n')
    said = run("check", "--config", file).output
    assert "registered models: Unity Catalog; runs: the workspace" in said
    assert "a: archive keeps a copy of stale versions and tags them: Unity Catalog gives up files only with" in said
    file.write_text(file.read_text() + 'mode.archive = "off"\n')
    found = answer("check", "--config", file)
    assert (found["registry"], found["runs"]) == ("Unity Catalog", "the workspace")
    assert found["endpoints"][0]["notes"] == []


def test_check_prints_every_error_and_exits_with_2(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('[web]\nport = 99999\n[[endpoints]]\nname = "a"\ntable = "t"\nmodel = "m"\nnonsense = 1\n')
    result = run("check", "--config", bad)
    assert result.exit_code == 2
    assert result.output.splitlines()[0] == f"{bad}: 2 problems"
    assert "web.port" in result.output
    assert "nonsense is not a setting" in result.output


@pytest.mark.parametrize("command", ["run", "status", "history"])
def test_every_command_refuses_a_bad_configuration_alike(command: str, tmp_path: Path) -> None:
    result = run(command, "--config", tmp_path / "nowhere.toml")
    assert result.exit_code == 2
    assert "cannot be read: No such file" in result.output


def test_status_shows_what_serves_fires_and_waits(filled: Path) -> None:
    said = run("status", "--config", filled).output
    assert "version 3 at 100 %" in said
    assert "distance/ks" in said
    assert "rollback 260301-120000-abcde needs_human" in said
    (state,) = answer("status", "--config", filled)["endpoints"]
    assert (state["firing"], state["good"], state["bad"]) == (["distance/ks"], [2], [])


def test_status_shows_what_labels_say_and_calls_an_estimate_one(filled: Path, tmp_path: Path) -> None:
    about = 'labels = { table = "/labels", score = "p", metrics = ["accuracy"] }'
    filled.write_text(f"{filled.read_text()}\n{about}\n")
    known = subject(load(filled).endpoints[0].labels)
    store = Store.open(settings.Store(url=f"sqlite:///{tmp_path}/mlsteward.db"))
    with store.begin() as tx:
        cohorts.save(tx, [cohort(0, subject=known), cohort(1, subject=known, predicted=100)])
    store.close()
    said = " ".join(run("status", "--config", filled).output.split())
    assert "performance, by the labels that have come" in said
    assert "accuracy 0.9" in said and "accuracy about 0.8, an estimate" in said
    (told,) = answer("status", "--config", filled)["endpoints"][0]["performance"]
    assert (told["version"], told["measured"]["accuracy"], told["newest"]["estimated_accuracy"]) == (3, 0.9, 0.8)


def test_status_shows_what_the_endpoint_itself_says_beside_its_table(filled: Path, tmp_path: Path) -> None:
    assert "requests, by source" not in run("status", "--config", filled).output
    said = EndpointMetrics(NOW, 150, 30, 0, 91.5, 40, 4)
    store = Store.open(settings.Store(url=f"sqlite:///{tmp_path}/mlsteward.db"))
    with store.begin() as tx:
        table = TableCount(Window(NOW - timedelta(minutes=15), NOW), 1800, 2, 1)
        endpoints.save_sources(tx, "flights", Sources((said,), table))
    store.close()
    told = " ".join(run("status", "--config", filled).output.split())
    assert "requests, by source" in told
    assert "by itself 2026-03-01 12:00:00 150 30 0 91.5 40 4" in told
    assert "by its table 2026-03-01 12:00:00 1800 2 1 - - -" in told
    (shown,) = [one["sources"] for one in answer("status", "--config", filled)["endpoints"]]
    assert shown["endpoint"]["errors_4xx"] == 30
    assert (shown["table"]["requests"], shown["table"]["errors_4xx"]) == (1800, 2)


def test_status_of_an_endpoint_that_was_never_looked_at_says_so(file: Path, tmp_path: Path) -> None:
    Store.open(settings.Store(url=f"sqlite:///{tmp_path}/mlsteward.db")).close()
    assert "not looked at yet" in run("status", "--config", file).output


def test_before_the_first_run_there_is_no_store_and_a_sentence_says_what_to_do(file: Path) -> None:
    result = run("status", "--config", file)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "Traceback" not in result.output


def test_history_lists_what_was_done_and_what_was_told(filled: Path) -> None:
    said = run("history", "--config", filled).output
    assert "please look at it" in said
    assert "flights: nothing new" in said
    assert len(answer("history", "--config", filled, "--endpoint", "flights")["remediations"]) == 1
    assert "no endpoint 'flight'" in run("history", "--config", filled, "--endpoint", "flight").output


def test_explain_shows_findings_guards_and_steps_and_takes_a_short_id(filled: Path) -> None:
    said = run("explain", "260301", "--config", filled).output
    for words in ("version 3 fails: roll back to version 2", "distance/ks", "also ill: air-time", "could not deploy"):
        assert words in said
    told = answer("explain", "260301-120000-abcde", "--config", filled)
    assert [g["passed"] for g in told["guards"]] == [True, False]
    assert [s["name"] for s in told["steps"]] == ["traffic"]


def test_explain_of_an_unknown_id_says_where_ids_are(filled: Path) -> None:
    result = run("explain", "nonsense", "--config", filled)
    assert result.exit_code == 1
    assert "`mlsteward history` lists them" in result.output


@pytest.fixture
def watched(file: Path, tmp_path: Path) -> Path:
    """The configuration of a daemon that has looked at errors of version 3, window after window."""
    store = Store.open(settings.Store(url=f"sqlite:///{tmp_path}/mlsteward.db"))
    with store.begin() as tx:
        endpoints.save_state(
            tx, EndpointState("flights", 3, (ServedEntity("m-3", "m", 3, 100),), True, Update.NONE), NOW
        )
        findings.save(tx, [firing(ERRORS, version=3, against=Against.NOTHING)])
        windows = [(window(n), Health(1000, 0, 300)) for n in range(3)]
        profiles.save(tx, [Profile("flights", 3, w, h, Coverage(1000), None, {}) for w, h in windows])
    store.close()
    return file


def test_status_lists_findings_under_the_names_that_explain_takes(watched: Path) -> None:
    assert "flights:3:error_rate_5xx" in run("status", "--config", watched).output
    ((found,),) = [e["findings"] for e in answer("status", "--config", watched)["endpoints"]]
    assert (found["phase"], found["bound"]) == ("firing", 0.2)
    assert answer("explain", found["id"], "--config", watched)["id"] == found["id"]


def test_status_lists_what_is_only_warned_of_as_well(watched: Path, tmp_path: Path) -> None:
    store = Store.open(settings.Store(url=f"sqlite:///{tmp_path}/mlsteward.db"))
    with store.begin() as tx:
        findings.save(tx, [replace(lived("h", Decide(), check=DRIFT, version=3), warned=window(1).start)])
    store.close()
    assert "inactive, warned" in run("status", "--config", watched).output
    (found,) = [f for e in answer("status", "--config", watched)["endpoints"] for f in e["findings"] if f["warned"]]
    assert found["id"] == "flights:3:distance/ks"


def test_explain_of_a_finding_shows_distributions_and_its_course(watched: Path) -> None:
    said = run("explain", "flights/error_rate_5xx", "--config", watched).output
    for words in ("certainly beyond tolerance", "failed", "30.0 %", "0.1 tolerated", "xxx"):
        assert words in said, words


def test_explain_draws_an_svg_and_nothing_else(watched: Path, tmp_path: Path) -> None:
    picture = tmp_path / "why.svg"
    result = run("explain", "flights:3:error_rate_5xx", "--picture", picture, "--config", watched)
    assert f"drawn: {picture}" in result.output
    assert ElementTree.fromstring(picture.read_text()).get("role") == "img"
    refused = run("explain", "flights:3:error_rate_5xx", "--picture", tmp_path / "why.png", "--config", watched)
    assert refused.exit_code == 2
    assert ".svg" in refused.output
    assert not (tmp_path / "why.png").exists()


def test_explain_of_a_finding_that_is_not_there_says_what_is(watched: Path) -> None:
    result = run("explain", "flights:3:error_rate_6xx", "--config", watched)
    assert result.exit_code == 1
    assert "there are flights:3:error_rate_5xx" in result.output


def test_a_remediation_without_kept_counts_has_no_picture_and_says_so(filled: Path, tmp_path: Path) -> None:
    result = run("explain", "260301", "--picture", tmp_path / "why.svg", "--config", filled)
    assert result.exit_code == 1
    assert "not kept any more" in result.output
    assert answer("explain", "260301", "--config", filled)["pictures"] == []


def test_release_ends_what_waits_for_a_person_once(filled: Path) -> None:
    words = ("release", "260301", "--by", "ada", "--reason", "looked at it", "--config", filled)
    assert run(*words).exit_code == 0
    told = answer("explain", "260301", "--config", filled)
    assert (told["state"], told["outcome"]) == ("cancelled", "released by ada as cancelled: looked at it")
    again = run(*words)
    assert again.exit_code == 1
    assert "is cancelled: only what needs a human can be released" in again.output


def test_restore_puts_an_archive_into_a_folder_and_compares_it(file: Path, tmp_path: Path) -> None:
    source = tmp_path / "artifacts"
    source.mkdir()
    (source / "model.pkl").write_bytes(b"\x00\x01" * 1000)
    vault.store(source, tmp_path / "archive", "m", 4, {})
    told = answer("restore", "m", "4", "--to", tmp_path / "out", "--config", file)
    assert (tmp_path / "out" / "model.pkl").read_bytes() == b"\x00\x01" * 1000
    assert list(told["files"]) == ["model.pkl"]


def test_restore_of_what_was_never_archived_says_so(file: Path, tmp_path: Path) -> None:
    result = run("restore", "m", "9", "--to", tmp_path / "out", "--config", file)
    assert result.exit_code == 1
    assert "there is no archive of version 9 of m" in result.output
    assert run("restore", "m", "9", "--config", file).exit_code == 2


def test_baseline_without_any_says_nothing_loudly(filled: Path) -> None:
    assert "baselines of flights: nothing" in run("baseline", "--endpoint", "flights", "--config", filled).output
    assert answer("baseline", "--endpoint", "flights", "--config", filled) == []
