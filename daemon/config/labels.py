"""The settings of labels that come late: where they are, how they are joined, and which fall of performance matters."""

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from daemon.config.fields import Duration, Interval, Section

Tolerance = Annotated[float, Field(gt=0, strict=False)]
Finite = Annotated[float, Field(allow_inf_nan=False, strict=False)]
Metric = Literal["accuracy", "precision", "recall", "f1", "auc", "log_loss", "mae", "rmse", "r2"]

METRICS: dict[str, tuple[Metric, ...]] = {
    "classification": ("accuracy", "precision", "recall", "f1", "auc", "log_loss"),
    "regression": ("mae", "rmse", "r2"),
}
NEEDS_SCORE = frozenset({"auc", "log_loss"})
STATEMENT = re.compile(
    r"\b(select|from|with|union|intersect|except|insert|update|delete|drop|create|over|into|values|unnest|"
    # these give another number at each count
    r"random|uuid|now|today|current_date|current_time|current_timestamp)\b",
    re.IGNORECASE,
)
QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`")


class Tolerances(Section):
    """The fall of each metric that does not matter. `mae` and `rmse`: as a share of what they were."""

    accuracy: Tolerance = 0.02
    precision: Tolerance = 0.05
    recall: Tolerance = 0.05
    f1: Tolerance = 0.05
    auc: Tolerance = 0.02
    log_loss: Tolerance = 0.05
    mae: Tolerance = 0.1
    rmse: Tolerance = 0.1
    r2: Tolerance = 0.05


class Kpi(Section):
    """What the predictions are worth to the business: one number for each labelled row, whose mean is judged."""

    name: Annotated[str, Field(min_length=1)]
    column: str | None = None
    """A column of the label table."""
    expression: str | None = None
    """A SQL expression over the columns of the label table, instead: `CASE WHEN kept THEN margin ELSE -cost END`. It is
    the reader's SQL: a warehouse puts odd names in backticks, the Delta reader in double quotes."""
    better: Literal["higher", "lower"] = "higher"
    tolerance: Tolerance
    """How much worse than the baseline's mean does not matter, in the unit of the number."""
    range: tuple[Finite, Finite] = Field(strict=False)
    """The least and the largest number that is believed; what lies outside counts as that. The wider, the less is
    certain."""

    @model_validator(mode="after")
    def _one_number(self) -> "Kpi":
        if (self.column is None) == (self.expression is None):
            raise ValueError(f"{self.name}: set either column or expression")
        if self.expression is not None and (fault := not_scalar(self.expression)):
            raise ValueError(f"{self.name}: expression must be one scalar SQL expression: {fault}")
        _require_range(self.range)
        return self

    @property
    def sql(self) -> str:
        if self.expression is not None:
            return self.expression
        return '"' + (self.column or "").replace('"', '""') + '"'


class Labels(Section):
    """What became true of the predictions, and when performance counts as fallen."""

    table: str | None = None
    """A table with one row for each label: the folder or URI of a Delta table, or `catalog.schema.table`. Without it,
    labels are off."""
    id: str = "databricks_request_id"
    """Its column with the request id, as the inference table's own id column has it."""
    label: str = "label"
    """Its column with what turned out to be true."""
    time: str | None = None
    """Its column with the day or time at which the label came. With it less is read, and of several labels of one
    request the newest counts; without it, requests whose labels contradict each other are left out."""
    kind: Literal["classification", "regression"] = "classification"
    prediction: str | None = None
    """The output that is compared with the label. Left out: of a score, whether it reaches the threshold; else the
    first output of the signature."""
    score: str | None = None
    """The output with the probability of the positive label, from 0 to 1: auc, log_loss and the estimate need it."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """From this score on, a row counts as predicted positive."""
    positive: str = "1"
    """The positive label, as text; `true` is 1."""
    range: tuple[Finite, Finite] | None = Field(default=None, strict=False)
    """For regression, the least and the largest label that is believed; what lies outside counts as that."""
    largest_error: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=False)] | None = None
    """For regression, the largest error that is believed; larger ones count as this much. Left out: the width of the
    range. The smaller, the sooner a fall is certain."""
    metrics: tuple[Metric, ...] = Field(default=(), strict=False)
    """What is measured. None named: all that the kind has. auc is shown and decides nothing: its bounds are not exact.
    """
    tolerance: Tolerances = Tolerances()
    """The fall of each metric that does not matter. `mae` and `rmse`: as a share of what they were."""
    kpis: tuple[Kpi, ...] = Field(default=(), strict=False)
    """Business numbers, `[[endpoints.labels.kpis]]`, one table each."""
    cohort: Interval = timedelta(days=1)
    """The predictions of so long a stretch are judged together, once labels have come; a multiple of `watch.window`."""
    coverage: Annotated[float, Field(gt=0, le=1, strict=False)] = 0.8
    """The share of a cohort's predictions that must have a label. Those still awaited count as well predicted: labels
    that come early are often the bad ones."""
    delay: Duration = timedelta(days=7)
    """After so long no more labels are awaited: a cohort counts with those that it has."""
    every: Interval = timedelta(hours=6)
    """Time between two counts of a cohort whose labels are still awaited."""
    rows: Annotated[int, Field(ge=100, le=50_000)] = 5000
    """Requests of a cohort and served version that are joined with their labels."""
    baseline: Literal["first", "run"] = "first"
    """What performance is compared with. `first`: the version's first cohorts in good health. `run`: the metrics that
    its training run logged under these names (with `evaluation_rows`, their number of rows)."""
    baseline_rows: Annotated[int, Field(ge=100)] = 1000
    """Labelled rows that the first cohorts must have together to be a baseline."""
    calm_cohorts: Annotated[int, Field(ge=0)] = 8
    """Cohorts that must be known before those judged: a fall must lie outside three standard deviations of what cohorts
    do by themselves, weekends for one. 0: not asked for; then days that differ are taken for falls."""
    false_alarms_per_year: Annotated[float, Field(gt=0, strict=False)] = 0.2
    """False alarms to expect per endpoint and year from performance, besides those from drift."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Labels":
        if self.table is None:
            return self
        if self.kind == "regression" and self.range is None:
            raise ValueError("regression needs range = [least, largest] of the labels: errors have no bound without")
        if self.range is not None:
            _require_range(self.range)
        strange = [m for m in self.metrics if m not in METRICS[self.kind]]
        if strange:
            raise ValueError(f"{self.kind} has no {', '.join(strange)}; it has {', '.join(METRICS[self.kind])}")
        scored = [m for m in self.metrics if m in NEEDS_SCORE]
        if scored and self.score is None:
            raise ValueError(f"{', '.join(scored)} needs score, the output with the probability of the positive label")
        if self.calm_cohorts == 1:
            raise ValueError("calm_cohorts = 1 tells no variation: it takes 2, or 0 to do without")
        names = [kpi.name for kpi in self.kpis]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"kpis named more than once: {', '.join(twice)}")
        return self

    @property
    def measured(self) -> tuple[Metric, ...]:
        """The metrics that are measured: those named, or all that can be."""
        able = [m for m in METRICS[self.kind] if self.score is not None or m not in NEEDS_SCORE]
        return self.metrics or tuple(able)

    @property
    def by_score(self) -> bool:
        """Whether a class is predicted by its score reaching the threshold."""
        return self.kind == "classification" and self.score is not None and self.prediction is None

    @property
    def error_limit(self) -> float:
        """The largest error of a regression that is believed."""
        least, largest = self.range or (0.0, 1.0)
        return self.largest_error or largest - least

    @property
    def fresh_for(self) -> timedelta:
        """How long after a cohort's end an answer on it may speak for the present."""
        return self.delay + 2 * self.cohort + 2 * self.every


def not_scalar(expression: str) -> str:
    """Say what keeps a text from being one scalar expression; empty where nothing is seen. The engine sees the rest."""
    bare = QUOTED.sub("x", expression)
    if not bare.strip():
        return "it is empty"
    if set("'\"`") & set(bare):
        return "a quotation does not end"
    for sign, name in ((";", "a semicolon"), ("--", "a comment"), ("/*", "a comment")):
        if sign in bare:
            return f"it holds {name}"
    if word := STATEMENT.search(bare):
        return f"it holds {word[1].upper()}"
    return _brackets(bare)


def _brackets(bare: str) -> str:
    depth = 0
    for sign in bare:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return "a bracket closes that was not opened"
        if sign == "," and depth == 0:
            return "it is more than one"
    return "a bracket does not close" if depth else ""


def _require_range(believed: tuple[float, float]) -> None:
    least, largest = believed
    if not least < largest:
        raise ValueError(f"range = [{least:g}, {largest:g}] must rise")
