"""What a finding on labels rests on: what was right, before and now, and the check asked again of every cohort."""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

from daemon.config.endpoint import EndpointSettings
from daemon.domain.cohort import Cohort, Truth
from daemon.domain.finding import Finding
from daemon.evidence.windows import points
from daemon.evidence.words import MEASURES, sentence
from daemon.picture import bars
from daemon.picture.scene import Bars, Scene
from daemon.store import cohorts
from daemon.store.engine import Tx
from daemon.watch.labels.due import subject
from daemon.watch.labels.findings import counts, findings, reference, scales

MOST = 90
"""Cohorts that are looked back over."""


def scene_of_cohorts(tx: Tx, endpoint: EndpointSettings, finding: Finding) -> Scene:
    """Return what there is to see of a fall of performance."""
    rules, until = endpoint.labels, finding.window.end
    since = until - (MOST + scales(endpoint)[-1]) * rules.cohort
    kept = cohorts.load(tx, finding.endpoint, finding.version, subject(rules), since=since)
    there = [one for one in kept if one.window.end <= until]
    base, last = reference(there, rules), int(dict(finding.reported).get("cohorts", 1))
    now = [one for one in there if one.window.start >= until - last * rules.cohort and counts(one, rules)]
    before, current = _truth(base), _truth(now)
    first = "its training run" if rules.baseline == "run" else "its first cohorts"
    return Scene(
        id=finding.id,
        sentence=sentence(finding),
        measures=MEASURES[finding.check.statistic],
        names=(first, "the cohort" if last == 1 else f"the last {last} cohorts"),
        rows=(before.labelled, current.labelled),
        bars=_bars(rules.kind, before, current, now),
        points=points(_again(there, endpoint, finding), rules.cohort) or points([finding], rules.cohort),
        threshold=finding.threshold,
    )


def _again(there: Sequence[Cohort], endpoint: EndpointSettings, finding: Finding) -> Iterator[Finding]:
    """Ask the check as if each cohort were the newest. What a training run logged is not known here."""
    if endpoint.labels.baseline == "run":
        return
    for end in range(1, len(there) + 1):
        if counts(there[end - 1], endpoint.labels) and not there[end - 1].reference:
            yield from (f for f in findings(there[:end], None, endpoint) if f.check == finding.check)


def _truth(some: Sequence[Cohort]) -> Truth:
    return reduce(add, (one.truth for one in some), Truth())


def _bars(kind: str, before: Truth, current: Truth, now: Sequence[Cohort]) -> Bars:
    """Return what was predicted right and wrong; of a regression, where nothing is either, what has a label yet."""
    if kind == "classification":
        return bars.of_share("right", "wrong", (before.right, before.labelled), (current.right, current.labelled))
    asked = sum(one.predicted for one in now)
    return bars.of_share("labelled", "no label", (before.labelled, before.labelled), (current.labelled, asked))
