"""The settings of acting: what each remedy may do, how far, how often and when."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from daemon.config.fields import Duration, Interval, Section
from daemon.domain.hours import read_hours
from daemon.domain.remediation import Mode, Remedy


class Retrain(Section):
    job_id: int | None = None
    """The Databricks job that trains and registers a new version. Without it, retrain stays off."""
    timeout: Interval = timedelta(hours=6)
    """A run that has not ended by then has failed."""
    cooldown: Duration = timedelta(hours=24)
    """Between the end of one retraining and the next; twice as long each time it comes to that again soon after."""
    new_rows: Annotated[int, Field(ge=0)] = 1000
    """Requests served since the last training began: with fewer, another one would learn nothing new."""
    per_day: Annotated[int, Field(ge=1)] = 1
    """Retrainings in any 24 hours."""


class Gate(Section):
    """A metric that a challenger must meet. The training job logs it, and the champion's on the same rows."""

    metric: str
    min: float | None = Field(default=None, strict=False)
    max: float | None = Field(default=None, strict=False)
    champion: str | None = None
    """The name under which the run logged the champion's value on the same rows."""
    tolerance: Annotated[float, Field(ge=0, strict=False)] = 0.0
    """How much worse than the champion is still let through."""
    better: Literal["higher", "lower"] = "higher"

    @model_validator(mode="after")
    def _says_something(self) -> "Gate":
        if self.min is None and self.max is None and self.champion is None:
            raise ValueError("a gate needs min, max or champion: this one would let everything through")
        return self


class Promote(Section):
    gates: tuple[Gate, ...] = Field(default=(), strict=False)
    canary: tuple[Annotated[int, Field(ge=1, le=99)], ...] = Field(default=(10, 50), strict=False)
    """Percent of the traffic, step by step, before the challenger gets all of it."""
    windows: Annotated[int, Field(ge=1)] = 3
    """Healthy windows in a row at each step. One counts where the champion answered enough requests beside it, and was
    not in breach itself."""
    requests: Annotated[int, Field(ge=1)] = 200
    """Requests that the challenger must have answered at each step."""
    timeout: Interval = timedelta(hours=6)
    """A step that has not proved itself by then is backed out."""
    smoke_requests: Annotated[int, Field(ge=1, le=100)] = 5
    """Times the model's own input example is sent to the challenger before any traffic is."""
    alias: str = "champion"
    """The registry alias that follows the version in charge."""
    bake: Duration = timedelta(minutes=30)
    """Each canary step lasts at least this long, however soon its windows and requests are there."""
    minimum_rows: Annotated[int, Field(ge=0)] = 0
    """Rows that the challenger must have been evaluated on; the training job logs them as the metric
    `evaluation_rows`. 0: not asked for."""
    load_requests: Annotated[int, Field(ge=0, le=10_000)] = 50
    """Requests sent to challenger and champion each, in turn and several at a time, before any traffic is: the
    challenger must not be certainly slower than `health.latency` allows. 50 tell a median that is clearly slower, 150
    a p95, 700 a p99. It takes a minute at most. 0: not tried."""
    load_at_once: Annotated[int, Field(ge=1, le=32)] = 4
    """... of which so many are under way at once."""
    standby: bool = True
    """Keep the champion at 0 % of the traffic until its successor has been verified, so that going back is a change
    of traffic and not a start. Costs two versions for that time."""
    ask_before: tuple[str, ...] = Field(default=(), strict=False)
    """Steps that a person must approve one by one, whatever the mode is: `stage`, `canary-10` and so on for each step
    of `canary`, `full`, `alias`."""
    approval_tag: str | None = None
    """A tag of the version by which a person approves in the registry (Databricks' deployment jobs use their approval
    task's name): `approved` there lets a promotion through that waits for approval, and is set where the word came
    another way."""
    deployment_job: Literal["stand_back", "ignore"] = "stand_back"
    """Where Databricks deploys a model's new versions by a job of its own (a deployment job of Unity Catalog):
    `stand_back` promotes nothing while one is connected. `ignore`: the job only evaluates and asks, traffic and alias
    are ours."""
    stages: bool = False
    """Keep the workspace registry's stages in step: Staging while it bakes, Production in charge, Archived after.
    Registries of Unity Catalog have none."""
    per_day: Annotated[int, Field(ge=1)] = 2
    """Promotions in any 24 hours."""

    @model_validator(mode="after")
    def _rising(self) -> "Promote":
        if list(self.canary) != sorted(set(self.canary)):
            raise ValueError("canary steps must rise")
        return self

    @model_validator(mode="after")
    def _asked_before_what_there_is(self) -> "Promote":
        steps = ["stage", *(f"canary-{percent}" for percent in self.canary), "full", "alias"]
        unknown = [name for name in self.ask_before if name not in steps]
        if unknown:
            raise ValueError(f"ask_before: no step is called {', '.join(unknown)}; there are {', '.join(steps)}")
        return self


class Rollback(Section):
    timeout: Interval = timedelta(hours=2)
    """A rollback that has not been verified by then calls for a person."""
    cooldown: Duration = timedelta(hours=1)
    """Between the end of one rollback and the next; twice as long each time it comes to that again soon after."""
    per_day: Annotated[int, Field(ge=1)] = 2
    """Rollbacks in any 24 hours: what comes back this often is not cured by going back."""
    windows: Annotated[int, Field(ge=1)] = 2
    """Healthy windows of the restored version that verify it."""


class Archive(Section):
    folder: Path | None = None
    """Where archives go. Without it, archive stays off."""
    older_than: Duration = timedelta(days=90)
    """A version younger than this is never stale."""
    wait: Duration = timedelta(days=4)
    """Between the mark and the archive: time for somebody to object (remove the tag)."""
    keep: Annotated[int, Field(ge=1)] = 5
    """The newest versions, which are never archived."""
    most: Annotated[int, Field(ge=1)] = 5
    """More stale versions than this at once and nothing is archived: a surprising number is a mistake somewhere."""
    remove: bool = False
    """Whether to remove the artifacts from the registry once the archive has been read back and compared."""
    every: Interval = timedelta(days=1)
    per_day: Annotated[int, Field(ge=1)] = 4
    """Housekeepings in any 24 hours; marking and archiving are one each."""

    model_config = ConfigDict(strict=False)


class Approve(Section):
    """What happens where a person is asked."""

    within: Interval = timedelta(hours=24)
    """A plan that nobody has approved by then is dropped, and so is one that could not begin by then."""


class Budget(Section):
    """How often anything at all may be done to one endpoint; each remedy has a `per_day` of its own besides."""

    per_day: Annotated[int, Field(ge=1)] = 4
    """In any 24 hours. Over it, remedies wait, and a person is told."""


class Allowed(Section):
    """When remedies may begin."""

    hours: tuple[str, ...] = Field(default=(), strict=False)
    """Maintenance windows, such as "Mon-Fri 22:00-04:00 Europe/Zurich" (without a zone: UTC). None: at any time."""
    remedies: tuple[Remedy, ...] = Field(default=(Remedy.RETRAIN, Remedy.PROMOTE, Remedy.ARCHIVE), strict=False)
    """The remedies that keep to them. A rollback helps at once or not at all, so it does not, unless it is named."""

    model_config = ConfigDict(strict=False)

    @model_validator(mode="after")
    def _readable(self) -> "Allowed":
        for words in self.hours:
            read_hours(words)
        return self


class Modes(Section):
    """How far each remedy may go by itself: `off`, `observe` (decide, tell, touch nothing), `approve` (ask a person
    first), `auto`."""

    retrain: Mode = Mode.OBSERVE
    promote: Mode = Mode.OBSERVE
    rollback: Mode = Mode.OBSERVE
    archive: Mode = Mode.OBSERVE

    model_config = ConfigDict(strict=False)

    def of(self, remedy: Remedy) -> Mode:
        mode: Mode = getattr(self, remedy.value)
        return mode
