"""The whole configuration, as one frozen value."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from daemon.config.endpoint import EndpointSettings
from daemon.config.fields import Duration, Interval, Secret, Section
from daemon.config.mlflow import Mlflow, RegistryKind
from daemon.domain.table_name import table_name


def _before_it_hangs(timeout: timedelta) -> timedelta:
    if timeout > timedelta(minutes=8):
        raise ValueError("must be 8m or shorter: a look of ten minutes counts as one that hangs")
    return timeout


class Workspace(Section):
    """The Databricks workspace. What is left out, the SDK finds in its own ways (environment, profile)."""

    host: str | None = None
    """`https://<workspace>`. Left out: $DATABRICKS_HOST, or a profile."""
    token: Secret | None = None
    client_id: str | None = None
    """The service principal's id, with `client_secret`: OAuth machine to machine, the recommended way."""
    client_secret: Secret | None = None
    profile: str | None = None
    """A profile of ~/.databrickscfg."""
    auth_type: str | None = None
    """Which of the SDK's ways to credentials, by its name there (`azure-client-secret`, `file-oidc` ...), where the
    environment or the profile offers more than one. Left out: the first that fits."""
    timeout: Interval = timedelta(seconds=60)
    """One request. Longer than this, and it is tried again or given up."""
    retry_for: Interval = timedelta(seconds=60)
    """How long a request is retried while the workspace refuses or is away. One worker waits for it."""
    served_entities_table: str | None = None
    """Tells which version answered when several serve: `system.serving.served_entities` where a warehouse reads, else a
    Delta table with what it holds. Left out: the daemon's own record, which can tell only while a single version
    serves."""
    warehouse_id: str | None = None
    """The SQL warehouse of endpoints with `reader = "warehouse"`. Left out: $DATABRICKS_WAREHOUSE_ID."""
    statement_timeout: Annotated[Interval, AfterValidator(_before_it_hangs)] = timedelta(minutes=5)
    """How long a statement may take, with the start of a warehouse that sleeps; then it is cancelled. One worker waits
    for it, 8m at most: a look of ten minutes counts as one that hangs, and the watchdog ends the daemon."""

    @model_validator(mode="after")
    def _one_way_in(self) -> "Workspace":
        if self.token and (self.client_id or self.client_secret):
            raise ValueError("set either token or client_id and client_secret, not both")
        if bool(self.client_id) != bool(self.client_secret):
            raise ValueError("client_id and client_secret go together")
        if self.auth_type and (self.token or self.client_id):
            raise ValueError("auth_type chooses among what the SDK finds: leave it out where token or client_id is set")
        if self.auth_type == "external-browser":
            raise ValueError("auth_type external-browser needs a person at a browser, whom a daemon does not have")
        return self


def _outlasts_a_connection(lease: timedelta) -> timedelta:
    if lease < timedelta(seconds=3):
        raise ValueError("must be 3s or longer: it is renewed after a third, and to connect anew may take 2 s")
    return lease


def _outlasts_a_second_look(age: timedelta) -> timedelta:
    if age < timedelta(days=7):
        raise ValueError("must be 7d or longer: what was merged is not read again")
    return age


class Store(Section):
    url: str = "sqlite:////var/lib/mlsteward/mlsteward.db"
    """SQLAlchemy's form: `sqlite:////absolute/path.db` or `postgresql+psycopg://user@host/database`."""
    password: Secret | None = None
    """For PostgreSQL: kept out of the URL."""
    lease: Annotated[Interval, AfterValidator(_outlasts_a_connection)] = timedelta(seconds=30)
    """On PostgreSQL several daemons may run; one acts. If it is not heard of for this long, the next takes over. A
    shorter one takes over sooner, and is lost sooner where the database is away: 30 seconds outlast its restart."""
    keep_profiles: Interval = timedelta(days=90)
    merge_profiles: Annotated[Interval, AfterValidator(_outlasts_a_second_look)] = timedelta(days=28)
    """After this, profiles of windows are merged, an hour to one."""
    keep_events: Interval = timedelta(days=365)

    @model_validator(mode="after")
    def _known_kind(self) -> "Store":
        if not self.url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError('write "sqlite:////absolute/path.db" or "postgresql+psycopg://user@host/database"')
        if "@" in self.url and ":" in self.url.split("://", 1)[1].split("@", 1)[0]:
            raise ValueError("a password does not belong into the file: name its place in store.password")
        return self


class Web(Section):
    host: str = "127.0.0.1"
    """The listener shows names of endpoints and columns: leave it on loopback,
    or put a proxy before it that asks who is there."""
    port: Annotated[int, Field(ge=0, le=65535)] = 9464
    """0 lets the system choose; the log says which it was."""
    token: Secret | None = None
    """Whoever writes over HTTP (`POST`) sends it as a bearer token; 32 random characters or more. Without one, nobody
    can."""
    link_key: Secret | None = None
    """Signs the links by which a person approves or rejects from a message; 32 random characters or more. Without one,
    messages carry no links."""
    webhook_secret: Secret | None = None
    """What an MLflow server's webhooks are signed with (`POST /hooks/mlflow`); 32 random characters or more. A new
    version, alias or tag is then seen at once, and not only at the next look. Without one, no webhook is heard."""
    public_url: str | None = None
    """Where people reach the listener, for those links: `https://steward.example.com`. Left out: its own address."""

    @model_validator(mode="after")
    def _reachable(self) -> "Web":
        if self.public_url is not None and not self.public_url.startswith(("http://", "https://")):
            raise ValueError('public_url begins with "https://" (or "http://")')
        return self


class Safety(Section):
    """What bounds the whole fleet."""

    kill_file: Path = Path("/var/lib/mlsteward/KILL")
    """While this file is there nothing is done in the world: `touch` it. Works when the database does not."""
    per_day: Annotated[int, Field(ge=1)] = 10
    """Remediations that may begin in any 24 hours, over all endpoints."""
    at_once: Annotated[int, Field(ge=1)] = 3
    """Remediations under way at the same time, over all endpoints. One that waits for a person counts."""
    storm_share: Annotated[float, Field(gt=0, le=1, strict=False)] = 0.4
    """Where this share of the endpoints is ill or under treatment at once (and no fewer than `storm_least`), something
    they share is ill: nothing more begins, and one page goes out."""
    storm_least: Annotated[int, Field(ge=2)] = 3
    storm_calm: Duration = timedelta(minutes=30)
    """A storm is over when it has been calm for this long."""

    model_config = ConfigDict(strict=False)


class ChannelSettings(Section):
    name: str
    url: Secret
    """An apprise URL (Slack, PagerDuty, e-mail, webhook ...). It holds a secret, so it is named by its place."""
    at_least: Literal["info", "warning", "page"] = "info"
    """Quieter events than this do not go here."""


class Notify(Section):
    channels: tuple[ChannelSettings, ...] = Field(default=(), strict=False)
    interval: Interval = timedelta(seconds=5)
    group_wait: Duration = timedelta(seconds=30)
    """How long an event waits for others of the same endpoint, to go out as one message. A page never waits."""
    give_up_after: Interval = timedelta(days=3)
    """An event that no channel took for this long is given up, and counted."""

    @model_validator(mode="after")
    def _names_differ(self) -> "Notify":
        # The record of who took an event goes by these names.
        names = [channel.name for channel in self.channels]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"channels named more than once: {', '.join(twice)}")
        return self


class Schedule(Section):
    workers: Annotated[int, Field(ge=2, le=64)] = 4
    """Threads for all loops. One hanging request holds one of them."""
    remediate: Interval = timedelta(seconds=15)
    """Time between two steps of a remediation."""
    jitter: Annotated[float, Field(ge=0, le=0.5, strict=False)] = 0.1
    """Share of an interval by which looks are scattered, so that a hundred endpoints do not all ask at once."""


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Settings(Section):
    workspace: Workspace = Workspace()
    mlflow: Mlflow = Mlflow()
    store: Store = Store()
    schedule: Schedule = Schedule()
    safety: Safety = Safety()
    web: Web = Web()
    notify: Notify = Notify()
    log: Log = Log()
    endpoints: Annotated[tuple[EndpointSettings, ...], Field(min_length=1, strict=False)]
    """`[[endpoints]]`, one table each; `[defaults]` holds what they share."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _names_differ(self) -> "Settings":
        names = [e.name for e in self.endpoints]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"endpoints named more than once: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _warehouse_named(self) -> "Settings":
        asked = [e.name for e in self.endpoints if e.reader == "warehouse"]
        if asked and not self.workspace.warehouse_id and not os.environ.get("DATABRICKS_WAREHOUSE_ID"):
            raise ValueError(
                f'reader = "warehouse" of {", ".join(asked)} needs workspace.warehouse_id, or $DATABRICKS_WAREHOUSE_ID'
            )
        return self

    @model_validator(mode="after")
    def _entities_readable(self) -> "Settings":
        if self.workspace.served_entities_table:
            table_name(self.workspace.served_entities_table)
        return self

    @model_validator(mode="after")
    def _fit_the_registry(self) -> "Settings":
        troubles = [f'endpoint "{e.name}": {words}' for e in self.endpoints for words in unfit(e, self.mlflow.registry)]
        if others := sorted(self.mlflow.profiles - {self.workspace.profile}):
            troubles.append(f"mlflow names the profile {others[0]}: name it as workspace.profile, one serves for all")
        if troubles:
            raise ValueError("; ".join(troubles))
        return self

    def endpoint(self, name: str) -> EndpointSettings | None:
        return next((e for e in self.endpoints if e.name == name), None)


def unfit(endpoint: EndpointSettings, registry: RegistryKind) -> list[str]:
    """Say what an endpoint asks for that its registry does not have."""
    unity, kept = registry is RegistryKind.UNITY, registry is not RegistryKind.MLFLOW
    levels = endpoint.model.split(".")
    return [
        words
        for there, words in (
            (unity and (len(levels) != 3 or not all(levels)), "model in Unity Catalog is named catalog.schema.model"),
            (unity and endpoint.promote.stages, "promote.stages: Unity Catalog has no stages"),
            (kept and endpoint.archive.remove, f"archive.remove: {registry} gives up files only with their version"),
        )
        if there
    ]


def with_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    """Lay each endpoint's tables over those of `[defaults]`."""
    raw = dict(raw)
    defaults = raw.pop("defaults", {})
    endpoints = raw.get("endpoints", [])
    if isinstance(defaults, dict) and isinstance(endpoints, list):
        raw["endpoints"] = [_over(defaults, e) if isinstance(e, dict) else e for e in endpoints]
    return raw


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
