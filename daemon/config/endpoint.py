"""The settings of one endpoint. Whatever an endpoint does not set, it takes from `[defaults]`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from daemon.config.detection import BaselineSettings, Decide, Drift, Health, Quality, Segments, Sensitivity, Watch
from daemon.config.fields import Section
from daemon.config.labels import Labels
from daemon.config.remedies import Allowed, Approve, Archive, Budget, Modes, Promote, Retrain, Rollback
from daemon.domain.table_name import table_name


class EndpointSettings(Section):
    name: Annotated[str, Field(min_length=1)]
    """The serving endpoint's name in Databricks."""
    table: Annotated[str, Field(min_length=1)]
    """Its inference table: `catalog.schema.table`, as Unity Catalog has it, a part with a quote in backticks; or the
    folder or object-storage URI of a Delta table."""
    reader: Literal["delta", "warehouse"] = "delta"
    """Who reads it. `delta`: the daemon, its files; by a name in Unity Catalog with credentials that it lends. No
    warehouse has to be awake. `warehouse`: the SQL warehouse of [workspace], where tables are too large for one machine
    or closed to others: one statement for each `watch.window` that has settled. A label table is read alike, if it has
    such a name."""
    model: Annotated[str, Field(min_length=1)]
    """The registered model it serves, as the registry names it."""
    watch: Watch = Watch()
    drift: Drift = Drift()
    sensitivity: Sensitivity = Sensitivity()
    segments: Segments = Segments()
    quality: Quality = Quality()
    health: Health = Health()
    decide: Decide = Decide()
    baseline: BaselineSettings = BaselineSettings()
    labels: Labels = Labels()
    retrain: Retrain = Retrain()
    promote: Promote = Promote()
    rollback: Rollback = Rollback()
    archive: Archive = Archive()
    mode: Modes = Modes()
    approve: Approve = Approve()
    budget: Budget = Budget()
    allowed: Allowed = Allowed()

    @model_validator(mode="after")
    def _readable(self) -> "EndpointSettings":
        named = table_name(self.table) is not None
        if self.reader == "warehouse" and not named:
            raise ValueError(f"a warehouse reads tables by name: write catalog.schema.table, not {self.table}")
        if self.labels.table is not None:
            table_name(self.labels.table)
        return self

    @model_validator(mode="after")
    def _whole_windows(self) -> "EndpointSettings":
        if self.labels.table is not None and self.labels.cohort % self.watch.window:
            raise ValueError(f"labels.cohort must be a multiple of watch.window, {self.watch.window}")
        return self

    @model_validator(mode="after")
    def _verifiable(self) -> "EndpointSettings":
        for name, rules in (("rollback", self.rollback), ("promote", self.promote)):
            # the window under way at the change does not count, and each is judged only after it has settled
            windows = (rules.windows + 1) * self.watch.window
            bakes = self.promote.bake + self.watch.window if name == "promote" else windows
            needs = max(windows, bakes) + self.watch.settle + self.watch.interval
            if rules.timeout <= needs:
                raise ValueError(
                    f"{name}.timeout is too short to ever be verified: {rules.windows} windows of "
                    f"{self.watch.window} are judged {needs} after the change at the soonest"
                )
        return self
