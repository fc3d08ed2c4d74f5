"""The life of what labels say of performance. Pure.

A certain fall is believed at once: its confidence already counts every look at every cohort.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from daemon.config.endpoint import EndpointSettings
from daemon.domain.finding import Cause, Check, Finding
from daemon.domain.trail import Trail
from daemon.watch.subject import subject
from daemon.watch.trail import follow


def follow_labels(
    trails: Mapping[int, Mapping[Check, Trail]], findings: Sequence[Finding], settings: EndpointSettings
) -> dict[int, dict[Check, Trail]]:
    """Return each version's trails of performance: between counts as they were, and none without labels."""
    if settings.labels.table is None:
        return {}
    rule = settings.decide.model_copy(update={"breaches": 1, "of": 1, "clear": 1})
    return {
        version: follow(
            {check: trail for check, trail in before.items() if check.cause is Cause.CONCEPT},
            [one for one in findings if one.version == version],
            rule,
            stale_after=settings.labels.fresh_for,
            subject=partial(subject, settings=settings, baseline_id=None),
        )
        for version, before in trails.items()
    }
