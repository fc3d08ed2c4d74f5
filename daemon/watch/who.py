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
    changed_at: datetime,
) -> tuple[dict[str, Entity], dict[str, Entity]]:
    """Return entity id -> version for all ids that can be resolved, and of these the ones learned just now.

    An id that was seen and told is remembered, so that nothing stops when the history cannot be read for a while. One
    that is unknown is learned only from windows that began after the endpoint's last change, while it serves one single
    version and no update is under way: then nobody else can have answered.
    """
    known = {**learned, **told}
    guessed: dict[str, Entity] = {}
    seen = set()
    alone = state.served[0] if len(state.served) == 1 and state.update is Update.NONE else None
    for count in counts:
        seen.add(count.entity_id)
        if alone and count.window.start >= changed_at and count.entity_id not in known:
            guessed[count.entity_id] = (alone.model, alone.version)
    entities = {**guessed, **known}
    return entities, {e: v for e, v in entities.items() if e in seen and learned.get(e) != v}
