"""What labels said, as the virtual clock comes by: each cohort as it was counted last, from that moment on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from daemon.config.endpoint import EndpointSettings
from daemon.domain.cohort import Cohort
from daemon.domain.finding import Finding
from daemon.domain.serving import EndpointState
from daemon.replay.past import Past
from daemon.store.engine import Store
from daemon.watch.labels.read import Labelled, judge_cohorts

LATE = (
    "performance is replayed from the last count of each cohort: labels that had come before it may have told it sooner"
)
UNCOUNTED = "labels were not counted by these rules then, so performance is not replayed"
BY_RUN = 'what a training run logged is not asked (labels.baseline = "run"), so performance is not replayed'


class Labels:
    """The cohorts of the record, one after the other."""

    def __init__(self, settings: EndpointSettings, past: Past, store: Store) -> None:
        self._settings, self._store = settings, store
        self.note = _note(settings, past)
        # what is compared with is chosen here anew: on record stands what was chosen in the end
        self._left = [replace(one, reference=False) for one in past.cohorts] if self.note == LATE else []

    def at(self, state: EndpointState, now: datetime) -> Labelled:
        """Return what a look at `now` finds counted that no look before it did. To be asked in order."""
        due = [one for one in self._left if one.counted_at <= now]
        self._left = self._left[len(due) :]
        served = {entity.version for entity in state.served}
        stored: list[Cohort] = []
        found: list[Finding] = []
        for version, counted in _by_version(due):
            mine, said = judge_cohorts(self._settings, self._store, version, counted, None)
            stored += mine
            found += said if version in served else []
        return Labelled(stored, found)


def _by_version(cohorts: list[Cohort]) -> Iterator[tuple[int, list[Cohort]]]:
    for version, held in groupby(sorted(cohorts, key=lambda one: (one.version, one.window)), lambda one: one.version):
        yield version, list(held)


def _note(settings: EndpointSettings, past: Past) -> str:
    if settings.labels.table is None:
        return ""
    if settings.labels.baseline == "run":
        return BY_RUN
    return LATE if past.cohorts else UNCOUNTED
