"""Which served version answered? Pure.

An inference table names a served entity by an id that only Databricks' own history resolves. Where that cannot be read,
the daemon's own record can tell as long as a single version serves; where neither can, the answer is that nobody knows.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from daemon.domain.sample import HealthCount
from daemon.domain.serving import EndpointState, Update

Entity = tuple[str, int]
"""A registered model and its version."""


def resolve(
    counts: Iterable[HealthCount],
    *,
    told: Mapping[str, Entity],
    learned: Mapping[str, Entity],
    state: EndpointState,
    changed_at: datetime | None,
) -> tuple[dict[str, Entity], dict[str, Entity]]:
    """Return entity id -> version for all ids that can be resolved, and of these the ones learned just now.

    An unknown id is learned only from windows that began after the endpoint's last change, while it serves one single
    version and no update is under way: then nobody else can have answered.
    """
    known = {**learned, **told}
    fresh: dict[str, Entity] = {}
    alone = state.served[0] if len(state.served) == 1 and state.update is Update.NONE else None
    for count in counts:
        steady = changed_at is not None and count.window.start >= changed_at
        if alone and steady and count.entity_id not in known:
            fresh[count.entity_id] = (alone.model, alone.version)
    return {**fresh, **known}, fresh
