"""Every way to credentials that the SDK knows and that can be had without a cloud: named in the settings, or found.

Identity providers are local servers, command-line tools are scripts on the PATH: what they answer, the SDK reads. The
ways of Azure and Google go to addresses of their own, which no test can take the place of.
"""

import json
import stat
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from daemon.adapters.databricks import DatabricksClient, DatabricksSurvey
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.ports import PlatformError
from tests.adapters.databricks.conftest import TOKEN
from tests.adapters.local_server import Answer, Asked, LocalServer

ME = "/api/2.0/preview/scim/v2/Me"
METADATA = "/.well-known/databricks-config"
ISSUER = "/oidc/.well-known/oauth-authorization-server"
TOKENS = "/oidc/v1/token"
VARIABLES = ("DATABRICKS_", "ARM_", "GOOGLE_", "ACTIONS_", "SYSTEM_", "CREDENTIALS_DIRECTORY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment in which nothing is to be found: no variables, no home, no tools."""
    import os

    for name in list(os.environ):
        if name.startswith(VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def workspace(server: LocalServer) -> LocalServer:
    """A workspace that lets in whoever shows the one good token, and says who issues tokens."""
    endpoints = {"authorization_endpoint": f"{server.url}/a", "token_endpoint": server.url + TOKENS}
    server.on("GET", METADATA, Answer({"oidc_endpoint": f"{server.url}/oidc"}))
    server.on("GET", ISSUER, Answer(endpoints))
    server.on("POST", TOKENS, Answer({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}))
    server.on("GET", ME, only(TOKEN))
    return server


def only(token: str) -> Any:
    def answer(asked: Asked) -> Answer:
        if asked.headers.get("authorization") == f"Bearer {token}":
            return Answer({"userName": "robot"})
        return Answer({"error_code": "UNAUTHENTICATED", "message": "no"}, 401)

    return answer


def kind(client: DatabricksClient) -> str:
    return DatabricksSurvey(client).meet().kind


def client(**settings: Any) -> DatabricksClient:
    patience: dict[str, Any] = {"timeout": timedelta(seconds=20), "retry_for": timedelta(seconds=3)}
    return DatabricksClient(Workspace(**patience, **settings), pauses=(0.0,))


def tool(tmp_path: Path, name: str, answer: object) -> None:
    """Put a program on the PATH that answers so to whatever it is asked."""
    path = tmp_path / "bin" / name
    path.parent.mkdir(exist_ok=True)
    # more than a MiB: the SDK tells the databricks tool from its older namesake by its size
    path.write_text(f"#!{sys.executable}\nprint({json.dumps(answer)!r})\n#" + " " * 1_100_000)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def profile(path: Path, **values: str) -> None:
    path.write_text("[production]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()))


def test_a_service_principal_named_in_the_settings(workspace: LocalServer, token: Path) -> None:
    assert kind(client(host=workspace.url, client_id="robot", client_secret=Secret(file=token))) == "oauth-m2m"


def test_an_access_token_named_in_the_settings(workspace: LocalServer, token: Path) -> None:
    assert kind(client(host=workspace.url, token=Secret(file=token))) == "pat"


def test_a_systemd_credential(workspace: LocalServer, token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(token.parent))
    assert kind(client(host=workspace.url, token=Secret(credential=token.name))) == "pat"


def test_an_access_token_in_the_environment(workspace: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", workspace.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    assert kind(client()) == "pat"


def test_a_service_principal_in_the_environment(workspace: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", workspace.url)
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "robot")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "secret")
    assert kind(client()) == "oauth-m2m"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"token": TOKEN}, "pat"),
        ({"client_id": "robot", "client_secret": "secret"}, "oauth-m2m"),
    ],
)
def test_a_profile_named_in_the_settings(
    workspace: LocalServer, tmp_path: Path, values: dict[str, str], expected: str
) -> None:
    profile(tmp_path / ".databrickscfg", host=workspace.url, **values)
    assert kind(client(profile="production")) == expected


def test_a_profile_in_another_file_which_systemd_hands_out(
    workspace: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(tmp_path / "credential", host=workspace.url, token=TOKEN)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "credential"))
    monkeypatch.setenv("DATABRICKS_CONFIG_PROFILE", "production")
    assert kind(client()) == "pat"


def test_a_token_that_rotates_in_a_profile_heals_without_a_restart(workspace: LocalServer, tmp_path: Path) -> None:
    profile(tmp_path / ".databrickscfg", host=workspace.url, token=TOKEN)
    running = client(profile="production")
    assert kind(running) == "pat"
    workspace.on("GET", ME, only("dapi-new"))
    with pytest.raises(PlatformError):
        kind(running)
    profile(tmp_path / ".databrickscfg", host=workspace.url, token="dapi-new")
    assert kind(running) == "pat"


def test_a_workloads_own_token_in_a_file(
    workspace: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "id").write_text("a.b.c")
    monkeypatch.setenv("DATABRICKS_HOST", workspace.url)
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "robot")
    monkeypatch.setenv("DATABRICKS_OIDC_TOKEN_FILEPATH", str(tmp_path / "id"))
    assert kind(client(auth_type="file-oidc")) == "file-oidc"
    assert b"a.b.c" in workspace.to(TOKENS)[0].body


def test_a_workloads_own_token_in_the_environment(workspace: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", workspace.url)
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "robot")
    monkeypatch.setenv("DATABRICKS_OIDC_TOKEN", "a.b.c")
    assert kind(client()) == "env-oidc"


def test_a_metadata_service(workspace: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = {"access_token": TOKEN, "token_type": "Bearer", "expires_on": time.time() + 3600}
    workspace.on("GET", "/metadata", Answer(issued))
    monkeypatch.setenv("DATABRICKS_HOST", workspace.url)
    monkeypatch.setenv("DATABRICKS_METADATA_SERVICE_URL", f"{workspace.url}/metadata")
    assert kind(client()) == "metadata-service"


def test_a_workflow_of_githubs(workspace: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.on("GET", "/github", Answer({"value": "a.b.c"}))
    monkeypatch.setenv("DATABRICKS_HOST", workspace.url)
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "robot")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{workspace.url}/github?v=1")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")
    assert kind(client()) == "github-oidc"


def test_the_login_of_databricks_command_line(
    workspace: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    tool(tmp_path, "databricks", {"token_type": "Bearer", "access_token": TOKEN, "expiry": until})
    assert kind(client(host=workspace.url, auth_type="databricks-cli")) == "databricks-cli"


def test_where_two_ways_are_open_the_settings_choose(
    workspace: LocalServer, monkeypatch: pytest.MonkeyPatch, token: Path
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", workspace.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", "another")
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "robot")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "secret")
    with pytest.raises(PlatformError, match="more than one authorization method"):
        kind(client())
    assert kind(client(auth_type="oauth-m2m")) == "oauth-m2m"
    assert kind(client(token=Secret(file=token))) == "pat"


def test_a_way_that_does_not_end_holds_no_worker(
    workspace: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.on("GET", "/metadata", Answer(hang=True))
    monkeypatch.setenv("DATABRICKS_METADATA_SERVICE_URL", f"{workspace.url}/metadata")
    patience = timedelta(seconds=1)
    hurried = DatabricksClient(Workspace(host=workspace.url, timeout=patience, retry_for=patience), pauses=())
    began = time.monotonic()
    with pytest.raises(PlatformError, match="identity provider is away"):
        kind(hurried)
    assert time.monotonic() - began < 10


def test_where_nothing_is_found_it_is_said(workspace: LocalServer) -> None:
    with pytest.raises(PlatformError, match=r"cannot configure default credentials.*\[workspace\]"):
        kind(client(host=workspace.url))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"auth_type": "external-browser"}, "a person at a browser"),
        ({"auth_type": "pat", "token": {"env": "T"}}, "chooses among what the SDK finds"),
    ],
)
def test_ways_that_cannot_be_meant_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Workspace.model_validate(settings)
