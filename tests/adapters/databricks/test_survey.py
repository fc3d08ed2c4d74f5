"""What a survey makes of Databricks' answers, of the ones that are documented and of those nobody has confirmed."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.adapters.databricks import DatabricksClient, DatabricksSurvey
from daemon.domain.found import Kind, LoggedTo, Logging, Presence
from daemon.ports import PlatformError
from tests.adapters.databricks.conftest import ClientOf
from tests.adapters.local_server import Answer, LocalServer

SCIM = "/api/2.0/preview/scim/v2"
ENDPOINTS = "/api/2.0/serving-endpoints"
UNITY = "/api/2.1/unity-catalog"
REFUSED = Answer({"error_code": "PERMISSION_DENIED", "message": "only for admins"}, 403)


@pytest.fixture
def survey(client: DatabricksClient) -> DatabricksSurvey:
    return DatabricksSurvey(client)


def test_whoever_asks_is_known_by_name_groups_and_kind(server: LocalServer, survey: DatabricksSurvey) -> None:
    shown = {"userName": "robot", "groups": [{"display": "users"}, {"value": "7"}]}
    server.on("GET", f"{SCIM}/Me", Answer(shown, headers={"Date": "Thu, 26 Nov 2026 12:00:00 GMT"}))
    met = survey.meet()
    assert (met.me.name, met.me.groups, met.kind, met.host) == ("robot", frozenset({"users"}), "pat", server.url)
    assert met.token_until is None


def test_a_token_that_says_its_end_is_believed(server: LocalServer, client_of: ClientOf, token: Path) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1795694400}).encode()).decode().rstrip("=")
    token.write_text(f"head.{claims}.signature")
    server.on("GET", f"{SCIM}/Me", Answer({"userName": "robot"}))
    assert DatabricksSurvey(client_of(server.url)).meet().token_until == datetime(2026, 11, 26, 12, tzinfo=UTC)


GATEWAY = {"catalog_name": "a", "schema_name": "b", "table_name_prefix": "p", "enabled": True}
FAILED = {"payload_table": {"name": "p_payload", "status": "FAILED", "status_message": "renamed"}}
LEGACY = {"catalog_name": "a", "schema_name": "b", "table_name_prefix": "p", "enabled": True, "state": FAILED}
FEATURE = "TELEMETRY_FEATURE_INFERENCE_TABLE"


@pytest.mark.parametrize(
    ("shown", "logs"),
    [
        ({}, ()),
        ({"ai_gateway": {"usage_tracking_config": {}}}, ()),
        (
            {"ai_gateway": {"inference_table_config": GATEWAY}},
            (LoggedTo(Logging.GATEWAY, "a.b.p_payload", enabled=True),),
        ),
        (
            {"ai_gateway": {"inference_table_config": {**GATEWAY, "table_name_prefix": None, "enabled": False}}},
            (LoggedTo(Logging.GATEWAY, "a.b.e_payload", enabled=False),),
        ),
        (
            {"config": {"auto_capture_config": LEGACY}},
            (LoggedTo(Logging.LEGACY, "a.b.p_payload", enabled=True, trouble="renamed"),),
        ),
        (
            {"telemetry_config": {"telemetry_profile_id": "1", "inference_table_config": {"sampling_fraction": 0.5}}},
            (LoggedTo(Logging.TELEMETRY, "", enabled=True),),
        ),
        (
            {"telemetry_config": {"enabled_telemetry_features": ["TELEMETRY_FEATURE_LOGS"]}},
            (LoggedTo(Logging.TELEMETRY, "", enabled=False),),
        ),
        (
            {
                "telemetry_config": {
                    "enabled_telemetry_features": [FEATURE],
                    "table_names": {"logs_table": "a.b.logs"},
                }
            },
            (LoggedTo(Logging.TELEMETRY, "a.b.logs_payload", enabled=True),),
        ),
    ],
)
def test_the_kinds_of_inference_table_are_told_apart(
    server: LocalServer, survey: DatabricksSurvey, shown: dict[str, Any], logs: tuple[LoggedTo, ...]
) -> None:
    server.on("GET", f"{ENDPOINTS}/e", Answer({"name": "e", **shown}))
    assert survey.endpoint("e").logs == logs


def test_endpoints_of_others_models_are_not_looked_into(server: LocalServer, survey: DatabricksSurvey) -> None:
    ours = {"name": "ours", "config": {"served_entities": [{"name": "x", "entity_name": "m", "entity_version": "1"}]}}
    theirs = {"name": "gpt", "config": {"served_entities": [{"name": "y", "foundation_model": {"name": "gpt"}}]}}
    server.on("GET", ENDPOINTS, Answer({"endpoints": [theirs, ours]}))
    server.on("GET", f"{ENDPOINTS}/ours", Answer({**ours, "creator": "ana"}))
    assert [(e.name, e.foreign, e.creator) for e in survey.endpoints()] == [("gpt", True, ""), ("ours", False, "ana")]
    assert not server.to(f"{ENDPOINTS}/gpt")


def test_an_endpoint_that_goes_while_we_look_is_what_the_list_said(
    server: LocalServer, survey: DatabricksSurvey
) -> None:
    server.on("GET", ENDPOINTS, Answer({"endpoints": [{"name": "e", "creator": "ana"}]}))
    server.on("GET", f"{ENDPOINTS}/e", Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "gone"}, 404))
    assert [e.creator for e in survey.endpoints()] == ["ana"]


def test_privileges_are_read_page_by_page_of_which_the_first_may_be_empty(
    server: LocalServer, survey: DatabricksSurvey
) -> None:
    path = f"{UNITY}/effective-permissions/table/a.b.c"
    page = {"privilege_assignments": [{"principal": "x", "privileges": [{"privilege": "SELECT"}]}]}
    other = {"privilege_assignments": [{"principal": "y", "privileges": [{"privilege": "SELECT"}]}]}
    server.on("GET", f"{UNITY}/tables/a.b.c", Answer({"owner": "ana"}))
    server.on("GET", path, Answer({"next_page_token": "1"}), Answer({**page, "next_page_token": "2"}), Answer(other))
    rights = survey.rights(Kind.TABLE, "a.b.c")
    assert (rights.holders, rights.owner) == ({"SELECT": frozenset({"x", "y"})}, "ana")
    assert len(server.to(path)) == 3


def test_pages_that_do_not_end_are_given_up(server: LocalServer, survey: DatabricksSurvey) -> None:
    server.on("GET", "/api/2.2/jobs/list", Answer({"next_page_token": "again"}))
    with pytest.raises(PlatformError, match="more than 100 pages"):
        survey.jobs()


def test_who_may_not_see_rights_learns_that_and_the_owner(server: LocalServer, survey: DatabricksSurvey) -> None:
    server.on("GET", f"{UNITY}/models/a.b.m", Answer({"owner": "ana"}))
    server.on("GET", f"{UNITY}/effective-permissions/function/a.b.m", REFUSED)
    rights = survey.rights(Kind.MODEL, "a.b.m")
    assert (rights.owner, dict(rights.holders)) == ("ana", {})
    assert "only for admins" in rights.withheld


def test_a_table_that_is_not_seen_is_missing(server: LocalServer, survey: DatabricksSurvey) -> None:
    absent = Answer({"error_code": "TABLE_DOES_NOT_EXIST", "message": "Table 'a.b.c' does not exist."}, 404)
    server.on("GET", f"{UNITY}/tables/a.b.c", absent)
    with pytest.raises(PlatformError) as caught:
        survey.rights(Kind.TABLE, "a.b.c")
    assert caught.value.missing


def test_permissions_name_users_groups_and_service_principals(server: LocalServer, survey: DatabricksSurvey) -> None:
    entries = [
        {"user_name": "ana", "all_permissions": [{"permission_level": "IS_OWNER"}]},
        {"group_name": "admins", "all_permissions": [{"permission_level": "CAN_MANAGE", "inherited": True}]},
        {"service_principal_name": "7", "all_permissions": [{"permission_level": "CAN_MANAGE"}]},
    ]
    server.on("GET", "/api/2.0/permissions/jobs/7", Answer({"access_control_list": entries}))
    assert survey.rights(Kind.JOB, "7").holders == {"IS_OWNER": {"ana"}, "CAN_MANAGE": {"admins", "7"}}


ROBOT = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("name", "found", "anybody", "presence"),
    [
        ("ana@example.com", [{"active": True}], [], Presence.THERE),
        ("ana@example.com", [{"active": False}], [], Presence.INACTIVE),
        ("ana@example.com", [], [{"active": True}], Presence.GONE),
        ("ana@example.com", [], [], Presence.UNKNOWN),
        (ROBOT, [{"active": True}], [], Presence.THERE),
    ],
)
def test_a_creator_who_is_not_found_is_gone_only_where_others_are_found(
    server: LocalServer, survey: DatabricksSurvey, name: str, found: object, anybody: object, presence: Presence
) -> None:
    path = f"{SCIM}/{'ServicePrincipals' if name == ROBOT else 'Users'}"
    server.on("GET", path, Answer({"Resources": found}), Answer({"Resources": anybody}))
    assert survey.presence(name) is presence


def test_the_ends_of_access_tokens_are_told(server: LocalServer, survey: DatabricksSurvey) -> None:
    infos = [{"expiry_time": 1795694400000}, {"expiry_time": -1}, {}]
    server.on("GET", "/api/2.0/token/list", Answer({"token_infos": infos}))
    assert survey.token_ends() == [datetime(2026, 11, 26, 12, tzinfo=UTC), None, None]


def test_jobs_and_warehouses_are_read(server: LocalServer, survey: DatabricksSurvey) -> None:
    declared = [{"name": "endpoint", "default": "e"}, {"name": "model"}]
    job = {"job_id": 7, "creator_user_name": "ana", "settings": {"name": "train", "parameters": declared}}
    server.on("GET", "/api/2.2/jobs/list", Answer({"jobs": [job], "next_page_token": ""}))
    server.on("GET", "/api/2.2/jobs/get", Answer(job))
    house = {"id": "w", "name": "W", "state": "RUNNING", "enable_serverless_compute": True}
    server.on("GET", "/api/2.0/sql/warehouses", Answer({"warehouses": [house]}))
    server.on("GET", "/api/2.0/sql/warehouses/w", Answer(house))
    assert survey.jobs() == [survey.job(7)]
    assert survey.job(7).parameters == {"endpoint": "e", "model": ""}
    assert survey.warehouses() == [survey.warehouse("w")]
    assert survey.warehouse("w").serverless


@pytest.mark.parametrize("look", [lambda s: s.endpoints(), lambda s: s.jobs(), lambda s: s.warehouses()])
def test_an_empty_workspace_is_empty(
    server: LocalServer, survey: DatabricksSurvey, look: Callable[[DatabricksSurvey], list[object]]
) -> None:
    for path in (ENDPOINTS, "/api/2.2/jobs/list", "/api/2.0/sql/warehouses"):
        server.on("GET", path, Answer({}))
    assert look(survey) == []
