"""How `init` gets in: what was named on the command line, or what the SDK's own variables mean; and as TOML."""

import os

import click
from pydantic import ValidationError

from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.domain.found import Meeting
from daemon.setup.propose import quoted

PLACE = "PLACE is env:NAME, file:PATH or credential:NAME."


def workspace(
    host: str | None, profile: str | None, client_id: str | None, client_secret: str | None, token: str | None
) -> Workspace:
    """Return the settings that were named; else those that the SDK's own variables mean."""
    named: dict[str, object] = {"host": host, "profile": profile, "client_id": client_id}
    named |= {"client_secret": _place(client_secret), "token": _place(token)}
    if not any((profile, client_id, client_secret, token)):
        if os.environ.get("DATABRICKS_CLIENT_ID") and os.environ.get("DATABRICKS_CLIENT_SECRET"):
            named["client_id"] = os.environ["DATABRICKS_CLIENT_ID"]
            named["client_secret"] = Secret(env="DATABRICKS_CLIENT_SECRET")
        elif os.environ.get("DATABRICKS_TOKEN"):
            named["token"] = Secret(env="DATABRICKS_TOKEN")
    try:
        return Workspace.model_validate({key: value for key, value in named.items() if value is not None})
    except ValidationError as error:
        raise click.UsageError(error.errors()[0]["msg"].removeprefix("Value error, ") + ".") from error


def _place(text: str | None) -> Secret | None:
    if text is None:
        return None
    kind, _, name = text.partition(":")
    if kind not in ("env", "file", "credential") or not name:
        # what was typed may be the secret itself: it is not repeated
        raise click.UsageError(f"a secret is named by its place, and never written on the command line: {PLACE}")
    return Secret.model_validate({kind: name})


def lines(used: Workspace, meeting: Meeting) -> list[str]:
    """Write down how the workspace was reached. Whatever the SDK found by itself it has to find again."""
    told = [f"profile = {quoted(used.profile)}"] if used.profile else [f"host = {quoted(meeting.host)}"]
    if used.token:
        told.append(f"token = {_written(used.token)}")
    elif used.client_id and used.client_secret:
        told += [
            f"client_id = {quoted(used.client_id)}",
            f"client_secret = {_written(used.client_secret)}",
        ]
    else:
        told.append(
            f"# signed in with {meeting.kind}, which the SDK found by itself: it must be found where the daemon runs"
        )
    if meeting.kind == "pat":
        told.append("# A service lives longer than a person's access token: client_id and client_secret outlast it.")
    return told


def _written(secret: Secret) -> str:
    place = {"env": secret.env, "file": secret.file, "credential": secret.credential}
    return "{ " + ", ".join(f"{kind} = {quoted(str(name))}" for kind, name in place.items() if name) + " }"
