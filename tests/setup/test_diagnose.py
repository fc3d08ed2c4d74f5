"""What is missing is said with what to type; what is not told is never guessed."""

from datetime import timedelta
from typing import Any

import pytest

from daemon.config.settings import Settings
from daemon.domain.found import FoundEndpoint, FoundJob, FoundWarehouse, Kind, LoggedTo, Logging, Presence, Rights
from daemon.domain.registry import JOB_PARAMETERS
from daemon.domain.remediation import Remedy
from daemon.remediate.retrain import parameters
from daemon.setup.diagnose import ASKED, diagnose
from daemon.setup.line import Line, Verdict
from daemon.setup.seen import Answer, Seen
from tests.remediate.stories import proposal
from tests.setup.nouns import AUTO, MEETING, NOW, ROBOT, TABLE, found, seen, settings

OK, MISSING, UNKNOWN, WARNING = Verdict.OK, Verdict.MISSING, Verdict.UNKNOWN, Verdict.WARNING
ML = "`main`.`ml`"
REFUSED = "could not ask: User does not have permission (grant it)"


def lines(configured: Settings, about: Seen) -> dict[str, Line]:
    return {line.what: line for line in diagnose(configured, about, now=NOW)}


def stops(configured: Settings, about: Seen) -> list[str]:
    return [line.what for line in diagnose(configured, about, now=NOW) if line.stops]


def test_where_all_is_there_nothing_stops_the_daemon() -> None:
    for configured in (settings(), settings(**AUTO), settings(reader="warehouse", **AUTO)):
        assert stops(configured, seen(configured)) == []


def test_every_line_that_is_not_fine_says_what_to_do_unless_nothing_can_be_done() -> None:
    configured = settings(**AUTO)
    empty: dict[Any, Any] = {thing: Answer(Rights({})) for thing in seen(configured).rights}
    gone = {"endpoint": Answer(found(logs=())), "creator": Answer(Presence.GONE), "job": Answer(None, REFUSED)}
    about = seen(configured, rights=empty, endpoint={**gone, "newest": None}, warehouse=Answer(None, "", gone=True))
    for line in diagnose(configured, about, now=NOW):
        assert line.remedy or line.verdict is OK, line


@pytest.mark.parametrize(
    ("kind", "thing", "right", "sql"),
    [
        (Kind.TABLE, TABLE, "SELECT", f"GRANT SELECT ON TABLE `main`.`ml`.`flights_payload` TO `{ROBOT}`;"),
        (Kind.SCHEMA, "main.ml", "USE SCHEMA", f"GRANT USE SCHEMA ON SCHEMA `main`.`ml` TO `{ROBOT}`;"),
        (
            Kind.SCHEMA,
            "main.ml",
            "EXTERNAL USE SCHEMA",
            f"GRANT EXTERNAL USE SCHEMA ON SCHEMA {ML} TO `{ROBOT}`;",
        ),
        (Kind.CATALOG, "main", "USE CATALOG", f"GRANT USE CATALOG ON CATALOG `main` TO `{ROBOT}`;"),
        (Kind.MODEL, "main.ml.flights", "EXECUTE", f"GRANT EXECUTE ON FUNCTION `main`.`ml`.`flights` TO `{ROBOT}`;"),
    ],
)
def test_a_privilege_that_is_taken_away_is_missing_and_the_grant_is_written_out(
    kind: Kind, thing: str, right: str, sql: str
) -> None:
    configured = settings()
    about = seen(configured)
    rights = {**about.rights, (kind, thing): Answer(Rights({"BROWSE": frozenset({ROBOT})}))}
    about = seen(configured, rights=rights)
    line = next(x for x in diagnose(configured, about, now=NOW) if x.what.startswith(f"{right} on"))
    assert (line.verdict, line.remedy, line.stops) == (MISSING, sql, True)


def test_what_only_acting_needs_does_not_stop_a_daemon_that_observes() -> None:
    for configured, now in ((settings(), False), (settings(**AUTO), True)):
        about = seen(configured, rights={**seen(configured).rights, (Kind.JOB, "101"): Answer(Rights({}))})
        line = lines(configured, about)["CAN_MANAGE_RUN on job 101"]
        assert (line.verdict, line.stops, line.purposes) == (MISSING, now, ("retrain",))
        assert line.remedy.endswith(f"add {ROBOT} with 'Can manage run'")


@pytest.mark.parametrize(("level", "missing"), [("CAN_VIEW", True), ("CAN_QUERY", True), ("CAN_MANAGE", False)])
def test_an_endpoint_says_itself_what_we_may_do_with_it(level: str, missing: bool) -> None:
    configured = settings(**AUTO)
    about = seen(configured, endpoint={"endpoint": Answer(found(permission=level))})
    assert ("CAN_MANAGE on the endpoint" in stops(configured, about)) == missing
    assert lines(configured, about)["CAN_VIEW on the endpoint"].verdict is OK


def test_an_endpoint_that_does_not_say_is_judged_by_its_permissions() -> None:
    configured = settings(**AUTO)
    about = seen(configured, endpoint={"endpoint": Answer(found(permission=""))})
    assert stops(configured, about) == []
    hidden = {**about.rights, (Kind.ENDPOINT, "flights"): Answer(Rights({}, withheld=REFUSED))}
    about = seen(configured, endpoint={"endpoint": Answer(found(permission=""))}, rights=hidden)
    assert lines(configured, about)["CAN_MANAGE on the endpoint"].verdict is UNKNOWN


NEW = {"logs": (LoggedTo(Logging.GATEWAY, "main.ml.other", enabled=True),)}


@pytest.mark.parametrize(
    ("changes", "verdict", "says"),
    [
        ({}, OK, "AI Gateway"),
        ({"logs": ()}, MISSING, "the endpoint has none"),
        ({"logs": (LoggedTo(Logging.GATEWAY, TABLE, enabled=False),)}, MISSING, "not enabled"),
        ({"logs": (LoggedTo(Logging.LEGACY, TABLE, enabled=True),)}, MISSING, "unsupported since 2026-03"),
        ({"logs": (LoggedTo(Logging.TELEMETRY, "", enabled=True),)}, OK, "its name is not told"),
        (NEW, WARNING, "it logs to main.ml.other"),
    ],
)
def test_an_inference_table_is_there_enabled_and_the_one_that_is_read(
    changes: dict[str, Any], verdict: Verdict, says: str
) -> None:
    configured = settings()
    line = lines(configured, seen(configured, endpoint={"endpoint": Answer(found(**changes))}))["inference table"]
    assert line.verdict is verdict
    assert says in line.why


def test_old_rows_and_no_rows_are_told_apart_from_rows_that_were_not_read() -> None:
    configured = settings()
    for newest, verdict in (
        (Answer(NOW - timedelta(minutes=5)), OK),
        (Answer(NOW - timedelta(hours=3)), WARNING),
        (Answer(None), WARNING),
        (Answer(None, "no such table", gone=True), MISSING),
        (Answer(None, "away"), UNKNOWN),
        (None, UNKNOWN),
    ):
        assert lines(configured, seen(configured, endpoint={"newest": newest}))["newest row"].verdict is verdict


@pytest.mark.parametrize(
    ("presence", "verdict"),
    [
        (Presence.THERE, OK),
        (Presence.GONE, MISSING),
        (Presence.INACTIVE, MISSING),
        (Presence.UNKNOWN, UNKNOWN),
    ],
)
def test_a_creator_who_left_stops_what_would_update_the_endpoint(presence: Presence, verdict: Verdict) -> None:
    for configured, acting in ((settings(), False), (settings(**AUTO), True)):
        line = lines(configured, seen(configured, endpoint={"creator": Answer(presence)}))["creator"]
        assert (line.verdict, line.stops) == (verdict, acting and verdict is MISSING)
        assert "ana@example.com" in line.why


def test_a_job_that_does_not_declare_a_parameter_is_not_told_it() -> None:
    configured = settings(**AUTO)
    job = FoundJob(101, "train", dict.fromkeys(JOB_PARAMETERS[2:], ""))
    line = lines(configured, seen(configured, endpoint={"job": Answer(job)}))["job 101"]
    assert (line.verdict, line.stops) == (WARNING, False)
    assert line.remedy == "Jobs & Pipelines > train > Job parameters: add endpoint, model, without a value"


def test_the_names_are_those_that_a_job_really_gets() -> None:
    assert tuple(parameters(proposal(Remedy.RETRAIN, NOW), settings().endpoints[0])) == JOB_PARAMETERS


@pytest.mark.parametrize(("seconds", "way"), [(1, ""), (-1, ""), (400, "400 s behind"), (-90, "90 s ahead of")])
def test_a_clock_that_is_off_is_told(seconds: int, way: str) -> None:
    configured = settings()
    line = lines(configured, seen(configured, skew=timedelta(seconds=seconds)))["clock"]
    assert (line.verdict is OK) == (not way)
    assert way in line.why


def test_a_workspace_without_dates_leaves_the_clock_unknown() -> None:
    assert lines(settings(), seen(settings(), skew=None))["clock"].verdict is UNKNOWN


@pytest.mark.parametrize(
    ("ends", "verdict", "says"),
    [
        ([None], OK, "no end"),
        ([NOW + timedelta(days=90)], OK, "ends 2027-02-24"),
        ([NOW + timedelta(days=2)], WARNING, "ends 2026-11-28 12:00 UTC"),
        ([NOW + timedelta(days=2), None], WARNING, "of 2 tokens, which are not told apart, the first ends"),
        ([], UNKNOWN, "lists no access token"),
    ],
)
def test_the_end_of_an_access_token_is_told(ends: list[Any], verdict: Verdict, says: str) -> None:
    line = lines(settings(), seen(settings(), token_ends=Answer(ends)))["credentials last"]
    assert line.verdict is verdict
    assert says in line.why


def test_credentials_that_renew_themselves_are_fine_and_a_persons_login_is_not_for_ever() -> None:
    about = lines(settings(), seen(settings()))
    assert about["sign in"].why == f"oauth-m2m, as {ROBOT}, at https://w.example.com"
    assert "2026-11-26 13:00 UTC, renewed by itself" in about["credentials last"].why
    login = Answer(MEETING.__class__(MEETING.me, MEETING.host, "azure-cli", NOW, None))
    assert lines(settings(), seen(settings(), meeting=login))["sign in"].verdict is WARNING


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("RUNNING", OK), ("STOPPED", OK), ("STARTING", OK), ("DELETED", MISSING), ("SOMETHING_NEW", UNKNOWN)],
)
def test_a_warehouse_that_sleeps_is_fine_and_one_that_is_deleted_is_not(state: str, verdict: Verdict) -> None:
    about = seen(settings(), warehouse=Answer(FoundWarehouse("abc", "Starter", state)))
    assert lines(settings(), about)["warehouse"].verdict is verdict


@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        (
            f"{ASKED}x:1: connection refused (the workspace is away or overloaded)",
            "host",
        ),
        (f"{ASKED}Token expired (renew the credentials where they are)", "make new"),
        (
            f"{ASKED}no nope profile configured. (look at [workspace])",
            "check [workspace]",
        ),
        (f"{ASKED}the environment variable T is not set (look)", "put the secret"),
    ],
)
def test_whoever_is_not_let_in_is_told_why_in_one_sentence_and_nothing_else(why: str, remedy: str) -> None:
    (line,) = diagnose(settings(), Seen(Answer(None, why)), now=NOW)
    assert line.stops
    assert "could not" not in line.why
    assert "(" not in line.why
    assert remedy in line.remedy


def test_an_endpoint_that_is_not_there_is_said_once() -> None:
    configured = settings(**AUTO)
    gone: Answer[FoundEndpoint] = Answer(None, "could not read endpoint flights: not there", gone=True)
    rights = {**seen(configured).rights, (Kind.ENDPOINT, "flights"): Answer(None, "", gone=True)}
    about = seen(configured, endpoint={"endpoint": gone}, rights=rights)
    assert stops(configured, about) == ["endpoint"]


def test_an_endpoint_that_serves_another_model_is_not_the_one() -> None:
    configured = settings(model="main.ml.other")
    line = lines(configured, seen(configured))["endpoint"]
    assert (line.verdict, line.remedy) == (MISSING, 'set model = "main.ml.flights"')
