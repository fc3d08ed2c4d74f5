"""What a version's health is compared with. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from daemon.domain.finding import Against
from daemon.domain.profile import Health, Profile
from daemon.domain.remediation import Standing, VersionVerdict
from daemon.watch.decide import last_known_good
from daemon.watch.detect import Reference


def reference(
    profile: Profile,
    beside: Iterable[Profile],
    *,
    record: Sequence[VersionVerdict],
    remembered: Mapping[int, Health],
    requests: int,
) -> Reference:
    """Choose the fairest comparison there is.

    A version that has proved itself is compared with its own good windows: when it fails, something around it changed.
    One that has not is compared with a good version in the same minutes, or else with the last good one before it:
    when it is worse than those, it is to blame.
    """
    good = {v.version for v in record if v.standing is Standing.GOOD}
    if profile.version in good and profile.version in remembered:
        return Reference(remembered[profile.version], Against.ITSELF, profile.version)
    neighbours = [p for p in beside if p.version in good and p.health.requests >= requests]
    if neighbours:
        most = max(neighbours, key=lambda p: p.health.requests)
        return Reference(most.health, Against.BESIDE, most.version)
    before = last_known_good(record, but=profile.version)
    if before is not None and before in remembered:
        return Reference(remembered[before], Against.BEFORE, before)
    return Reference(Health(), Against.NOTHING)
