"""The settings of one endpoint. Whatever an endpoint does not set, it takes from `[defaults]`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from daemon.config.fields import Duration, Interval, Section
from daemon.domain.remediation import Mode, Remedy

Share = Annotated[float, Field(ge=0, lt=1, strict=False)]


class Watch(Section):
    """When to look, and at how much."""

    interval: Interval = timedelta(minutes=5)
    """Time between two looks. Each look reads the table once; shorter finds trouble sooner and costs more reading."""
    window: Interval = timedelta(minutes=15)
    """Length of the stretch of traffic that is judged as one. Long enough to hold the rows that a check needs."""
    settle: Duration = timedelta(minutes=5)
    """How long after its end a window is left alone, because inference tables are written minutes late."""
    overlap: Duration = timedelta(hours=2)
    """How far back to look again for rows that came later still. Only windows that changed are read again."""
    stale_after: Duration = timedelta(hours=2)
    """Without a new row for this long the endpoint counts as unseen: nothing is acted upon, and a warning goes out."""
    rows: Annotated[int, Field(ge=100)] = 2000
    """Requests whose payload is read per window and served version. 2000 certify a shift of 0.2 at any sane budget."""
    catch_up: Annotated[int, Field(ge=1)] = 24
    """Windows that one look works through at most after a pause: more would hold up the other endpoints."""


class Drift(Section):
    """When a column's distribution counts as shifted."""

    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.10
    """The largest difference of the cumulated distributions (KS; for categories of any share) that does not matter."""
    psi: Annotated[float, Field(gt=0)] = 0.10
    """The largest population stability index that does not matter. 0.1 is the banks' 'watch', 0.25 their 'act'."""
    missing: Share = 0.02
    """The largest change of a column's share of nulls, non-finite or never-seen values that does not matter."""
    false_alarms_per_year: Annotated[float, Field(gt=0, strict=False)] = 1.0
    """False alarms to expect per endpoint and year where nothing drifts; every check's certainty follows from it."""
    ignore: tuple[str, ...] = Field(default=(), strict=False)
    """Columns that may shift as they like: identifiers, timestamps."""


class Health(Section):
    """When errors and latency count as worse than those of the version compared with."""

    errors: Share = 0.01
    """The rise of the share of failed requests that does not matter. A model's exception is a 4xx: both count."""
    latency: Annotated[float, Field(ge=0, strict=False)] = 0.25
    """The rise of p50, p95 and p99 that does not matter: 0.25 is a quarter slower."""
    requests: Annotated[int, Field(ge=10)] = 50
    """Fewer requests than this in a window say nothing."""


class Decide(Section):
    """How many windows it takes to believe a finding, and to believe that it is over."""

    breaches: Annotated[int, Field(ge=1)] = 3
    """Windows in breach ..."""
    of: Annotated[int, Field(ge=1, le=50)] = 5
    """... of this many valid ones: one bad window is a blip."""
    clear: Annotated[int, Field(ge=1, le=50)] = 3
    """Healthy windows in a row after which a finding is over."""
    good: Annotated[int, Field(ge=1)] = 3
    """Healthy windows in a row after which a served version counts as known good, and can be gone back to."""

    @model_validator(mode="after")
    def _possible(self) -> "Decide":
        if self.breaches > self.of:
            raise ValueError(f"breaches = {self.breaches} can never be seen in of = {self.of} windows")
        return self


class BaselineSettings(Section):
    kind: Literal["training", "first"] = "training"
    """`training`: the dataset logged with the version's run (or `path`). `first`: the first rows served."""
    path: str | None = None
    """A Parquet or CSV file, or a Delta table, to take instead of the dataset logged with the run."""
    rows: Annotated[int, Field(ge=100)] = 20_000
    """Rows that a baseline is made of: more gives finer tails, 20000 leave 1 % of noise."""
    or_first: bool = True
    """Where no training data can be had, take the first rows served instead."""


class Retrain(Section):
    job_id: int | None = None
    """The Databricks job that trains and registers a new version. Without it, retrain stays off."""
    timeout: Interval = timedelta(hours=6)
    """A run that has not ended by then has failed."""
    cooldown: Duration = timedelta(hours=24)
    """Between the end of one retraining and the next."""


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
    """Healthy windows at each step."""
    requests: Annotated[int, Field(ge=1)] = 200
    """Requests that the challenger must have answered at each step."""
    timeout: Interval = timedelta(hours=6)
    """A step that has not proved itself by then is backed out."""
    smoke_requests: Annotated[int, Field(ge=1, le=100)] = 5
    """Times the model's own input example is sent to the challenger before any traffic is."""
    alias: str = "champion"
    """The registry alias that follows the version in charge."""

    @model_validator(mode="after")
    def _rising(self) -> "Promote":
        if list(self.canary) != sorted(set(self.canary)):
            raise ValueError("canary steps must rise")
        return self


class Rollback(Section):
    timeout: Interval = timedelta(hours=2)
    """A rollback that has not been verified by then calls for a person."""
    cooldown: Duration = timedelta(hours=1)
    """Between the end of one rollback and the next."""
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

    model_config = ConfigDict(strict=False)


class Modes(Section):
    """How far each remedy may go by itself: `off`, `observe` (decide, tell, touch nothing), `auto`."""

    retrain: Mode = Mode.OBSERVE
    promote: Mode = Mode.OBSERVE
    rollback: Mode = Mode.OBSERVE
    archive: Mode = Mode.OBSERVE

    model_config = ConfigDict(strict=False)

    def of(self, remedy: Remedy) -> Mode:
        mode: Mode = getattr(self, remedy.value)
        return mode


class EndpointSettings(Section):
    name: Annotated[str, Field(min_length=1)]
    """The serving endpoint's name in Databricks."""
    table: Annotated[str, Field(min_length=1)]
    """Its inference table: the folder or the object-storage URI of a Delta table."""
    model: Annotated[str, Field(min_length=1)]
    """The registered model it serves, as the registry names it."""
    watch: Watch = Watch()
    drift: Drift = Drift()
    health: Health = Health()
    decide: Decide = Decide()
    baseline: BaselineSettings = BaselineSettings()
    retrain: Retrain = Retrain()
    promote: Promote = Promote()
    rollback: Rollback = Rollback()
    archive: Archive = Archive()
    mode: Modes = Modes()

    @model_validator(mode="after")
    def _verifiable(self) -> "EndpointSettings":
        for name, rules in (("rollback", self.rollback), ("promote", self.promote)):
            # the window under way at the change does not count, and each is judged only after it has settled
            needs = (rules.windows + 1) * self.watch.window + self.watch.settle + self.watch.interval
            if rules.timeout <= needs:
                raise ValueError(
                    f"{name}.timeout is too short to ever be verified: {rules.windows} windows of "
                    f"{self.watch.window} are judged {needs} after the change at the soonest"
                )
        return self
