"""The settings of looking: when, at how much, and what counts as trouble."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from daemon.config.fields import Duration, Interval, Section

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


class Level(StrEnum):
    """How soon drift is to be found. The longer the stretch that is judged, the smaller what is seen, and the later."""

    IMMEDIATE = "immediate"
    """From single windows to a week of them merged."""
    DAILY = "daily"
    """Whole days only: what comes and goes within a day does not count."""
    WEEKLY = "weekly"
    """Whole weeks only."""


class Sensitivity(Section):
    """How soon each kind of drift is to be found: `immediate`, `daily` (whole days are judged) or `weekly`."""

    concept: Level = Field(default=Level.IMMEDIATE, strict=False)
    """A fall of performance, once labels have come; `immediate` is by cohort."""
    prediction: Level = Field(default=Level.IMMEDIATE, strict=False)
    """Drift of what the model answers."""
    feature: Level = Field(default=Level.IMMEDIATE, strict=False)
    """Drift of what it is asked."""
    quality: Level = Field(default=Level.IMMEDIATE, strict=False)
    """Nulls, never-seen and non-finite values."""
    columns: Mapping[str, Annotated[Level, Field(strict=False)]] = Field(default_factory=dict)
    """Columns that are an exception: `{ air_time = "weekly" }`."""

    @property
    def levels(self) -> frozenset[Level]:
        """The levels at which windows are merged."""
        return frozenset((self.prediction, self.feature, self.quality, *self.columns.values()))


class Segments(Section):
    """The checks of drift asked again for parts of the traffic: one client or region may drift while the whole does
    not show it."""

    columns: tuple[str, ...] = Field(default=(), strict=False)
    """Columns by whose values requests are told apart: labels, or numbers of which there are few."""
    most: Annotated[int, Field(ge=1, le=50)] = 10
    """Segments at most, over all these columns, the largest first. All checks share one budget of false alarms: each
    segment makes every check a little less sensitive."""
    smallest: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """The share of the baseline's rows that a segment holds at least: of fewer, too few are in a window to tell."""


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
    design_effect: Annotated[float, Field(ge=1, strict=False)] | None = None
    """How much more the shares of a window vary than those of independent rows: 1 where each row is a draw of its own,
    20 where clients send 20 alike. Left out: learnt from the version's own windows, and nothing counts as drift before
    there are ten of them, which span `learn_for`."""
    learn_for: Duration = timedelta(days=1)
    """How long a version is watched, at least, before it is known what its windows do by themselves."""
    ignore: tuple[str, ...] = Field(default=(), strict=False)
    """Columns that may shift as they like: identifiers, timestamps."""


class Quality(Section):
    """When the data that reaches a version counts as broken: people are paged, and nothing is trained on it."""

    margin: Annotated[float, Field(ge=0, strict=False)] = 1.0
    """A number is out of range beyond the baseline's own least and greatest by more than this share of their span. What
    lies nearer is drift, and may be trained on; -999 or a value in other units by thousands is neither."""
    out_of_range: Share = 0.02
    """The share of a column's numbers out of range that does not matter."""
    wrong_type: Share = 0.02
    """The share of a column's values of another type that does not matter: a word for a number, a list for a label."""
    missing_column: Share = 0.02
    """The share of records without a column that does not matter, above the nulls that the baseline has there."""
    new_column: Share = 0.1
    """The share of records with a column that the version's signature does not know that does not matter."""
    duplicates: Share = 0.05
    """The share of rows that repeat the request id of another that does not matter: each request counts once."""
    unreadable: Share = 0.05
    """The share of requests that does not matter of which the request or its answer cannot be read: too large to be
    logged, broken, or of no known format."""
    ignore: tuple[str, ...] = Field(default=(), strict=False)
    """Columns that callers may send though no signature knows them: the version never sees them."""


class Health(Section):
    """When errors and latency count as worse than those of the version compared with."""

    errors: Share = 0.01
    """The rise of the share of failed requests that does not matter. A model's exception is a 4xx: both count."""
    latency: Annotated[float, Field(ge=0, strict=False)] = 0.25
    """The rise of p50, p95 and p99 that does not matter: 0.25 is a quarter slower."""
    requests: Annotated[int, Field(ge=10)] = 50
    """Fewer requests than this in a window say nothing."""
    odds: Annotated[float, Field(ge=1, lt=2, strict=False)] = 1.5
    """How many times the odds of an error may be those of an older good version in the same minutes. Rare errors that
    no window alone makes certain are gathered over windows; `errors` must be exceeded as well."""
    silence: Interval = timedelta(hours=1)
    """No shorter stretch without a request is paged for, however unlikely: inference tables can be an hour late."""


class Decide(Section):
    """How many windows it takes to believe a finding, and to believe that it is over."""

    breaches: Annotated[int, Field(ge=1)] = 3
    """Windows in breach ..."""
    of: Annotated[int, Field(ge=1, le=50)] = 5
    """... of this many valid ones: one bad window is a blip."""
    clear: Annotated[int, Field(ge=1, le=50)] = 3
    """Windows in a row, well below the threshold, after which a finding is over."""
    clear_below: Annotated[float, Field(gt=0, le=1, strict=False)] = 0.8
    """Well below: this share of the threshold. What sways about the threshold itself must not come and go with it."""
    good: Annotated[int, Field(ge=1)] = 3
    """Healthy windows in a row after which a served version counts as known good, and can be gone back to."""

    @model_validator(mode="after")
    def _possible(self) -> "Decide":
        if self.breaches > self.of:
            raise ValueError(f"breaches = {self.breaches} can never be seen in of = {self.of} windows")
        return self


class BaselineSettings(Section):
    kind: Literal["training", "first", "seasonal"] = "training"
    """`training`: the dataset logged with the version's run (or `path`). `first`: the first rows served. `seasonal`:
    the same hour of the week, from the version's own calm windows; whole days are compared with the training data (or
    the first rows) until there are two weeks of them."""
    path: str | None = None
    """A Parquet or CSV file, a Delta table, or `uc://catalog.schema.table`, to take instead of the dataset logged with
    the run."""
    rows: Annotated[int, Field(ge=100)] = 20_000
    """Rows that a baseline is made of: more gives finer tails, 20000 leave 1 % of noise."""
    or_first: bool = True
    """Where no training data can be had, take the first rows served instead."""
