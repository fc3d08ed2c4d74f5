"""Who is there and who may do what, as the SDK reads it, and as a test changes it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import urllib3
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.catalog import EffectivePermissionsList

from tests.adapters.delta.tables import write
from tests.fakes import LoggedRequest
from tests.small_workspace import SmallWorkspace

ME = "operator@playground.example"
TABLE = "main.serving.t_payload"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorkspace]:
    """A workspace with one table."""
    folder = tmp_path_factory.mktemp("workspace")
    write(folder / "t", [LoggedRequest("1", datetime(2026, 3, 1, tzinfo=UTC), "e", 200, 5, "{}", "{}")])
    with SmallWorkspace(folder) as running:
        running.control.register_table(TABLE, (folder / "t").as_uri())
        yield running


@pytest.fixture
def sdk(small: SmallWorkspace) -> WorkspaceClient:
    small.control.set_access(reset=True)
    return WorkspaceClient(config=Config(host=small.host, token=small.token, retry_timeout_seconds=2))


def privileges(sdk: WorkspaceClient, kind: str, name: str) -> set[str]:
    pages: list[EffectivePermissionsList] = []
    token = None
    while not pages or token:
        pages.append(sdk.grants.get_effective(kind, name, max_results=0, page_token=token))
        token = pages[-1].next_page_token
    assigned = [one for page in pages for one in page.privilege_assignments or [] if one.principal == ME]
    return {str(p.privilege.value) for one in assigned for p in one.privileges or [] if p.privilege}


def test_a_privilege_can_be_taken_away(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    assert "SELECT" in privileges(sdk, "table", TABLE)
    small.control.set_access(take=[["table", TABLE, "SELECT"]])
    assert "SELECT" not in privileges(sdk, "table", TABLE)


def test_levels_are_held_by_users_groups_and_service_principals(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    held = {ME: ["CAN_VIEW"], "admins": ["CAN_MANAGE"], "0123": ["CAN_MANAGE_RUN"]}
    small.control.set_access(people={"0123": True}, rights=[["jobs", "101", held]])
    listed = sdk.permissions.get("jobs", "101").access_control_list or []
    assert [(x.user_name, x.group_name, x.service_principal_name) for x in listed] == [
        (ME, None, None),
        (None, "admins", None),
        (None, None, "0123"),
    ]


def test_people_can_leave_and_can_be_kept_from_sight(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    small.control.set_access(people={"ana@example.com": True, "0123": False})
    assert [user.user_name for user in sdk.users.list(filter='userName eq "ana@example.com"')] == ["ana@example.com"]
    assert [it.active for it in sdk.service_principals.list(filter='applicationId eq "0123"')] == [False]
    small.control.set_access(people={"ana@example.com": None})
    assert list(sdk.users.list(filter='userName eq "ana@example.com"')) == []
    small.control.set_access(lists_people=False)
    assert list(sdk.users.list()) == []


def test_rights_can_be_kept_from_sight(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    small.control.set_access(shows_rights=False)
    with pytest.raises(PermissionDenied):
        sdk.grants.get_effective("table", TABLE)


def test_catalogs_and_schemas_are_there_where_a_table_is_in_them(sdk: WorkspaceClient) -> None:
    assert sdk.catalogs.get("main").owner == "owner@playground.example"
    assert sdk.schemas.get("main.serving").full_name == "main.serving"
    assert sdk.tables.get(TABLE).owner == "owner@playground.example"


def test_jobs_and_warehouses_are_listed(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    declared = [small.control.declare_job(f"job-{n}", ["true"], ["a"]) for n in range(3)]
    assert [job.job_id for job in sdk.jobs.list(limit=2)] == declared[::-1]
    assert [house.enable_serverless_compute for house in sdk.warehouses.list()] == [True]


def test_tokens_tell_their_end(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    assert [token.expiry_time for token in sdk.tokens.list()] == [-1]
    small.control.set_access(tokens=[{"token_id": "1", "expiry_time": 5}])
    assert [token.expiry_time for token in sdk.tokens.list()] == [5]


def test_an_endpoint_shows_what_it_is_told_to(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    small.control.show_endpoint("gpt", creator="ana", telemetry_config={"telemetry_profile_id": "7"})
    shown = sdk.serving_endpoints.get("gpt")
    assert (shown.creator, shown.ai_gateway) == ("ana", None)
    assert [endpoint.name for endpoint in sdk.serving_endpoints.list()] == ["gpt"]
    small.control.show_endpoint("gpt")
    with pytest.raises(NotFound):
        sdk.serving_endpoints.get("gpt")


@pytest.mark.parametrize("skew_seconds", [0, 400, -400])
def test_the_workspaces_clock_can_be_off(small: SmallWorkspace, sdk: WorkspaceClient, skew_seconds: int) -> None:
    small.control.set_access(skew_seconds=skew_seconds)
    answer = urllib3.request("GET", f"{small.host}/.well-known/databricks-config", retries=False)
    assert len(answer.headers.getlist("date")) == 1
    ahead = parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)
    assert abs(ahead - timedelta(seconds=skew_seconds)) < timedelta(seconds=30)


def test_every_request_is_remembered_but_those_of_control(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    small.control.record()
    sdk.catalogs.get("main")
    asked = small.control.asked()
    assert asked[-1] == "GET /api/2.1/unity-catalog/catalogs/main"
