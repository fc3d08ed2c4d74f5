"""What a remediation will do in the world, said to a person who is to approve it. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import Remediation, Remedy
from daemon.remediate.frozen import Frozen, rules, thaw
from daemon.remediate.promote import stages

SECONDS = re.compile(r"(\d+\.\d+)s")
UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def will_do(one: Remediation) -> list[str]:
    """Return what will be done, step by step, by the plan as it was frozen; nothing where there is no plan yet."""
    planned = one.plan.get("rules")
    if not isinstance(planned, Mapping):
        return []
    if one.remedy is Remedy.RETRAIN:
        return list(_retrain(planned["retrain"]))
    if one.remedy is Remedy.ARCHIVE:
        return list(_archive(one, planned["archive"]))
    frozen = thaw(one)
    return list(_promote(one, frozen, planned["promote"]) if one.remedy is Remedy.PROMOTE else _rollback(one, frozen))


def changed_rules(one: Remediation) -> dict[str, object]:
    """Return the rules of the plan that are not the default ones: `section.setting` -> value."""
    planned = one.plan.get("rules")
    if not isinstance(planned, Mapping):
        return {}
    defaults = rules(EndpointSettings(name="-", table="-", model="-"), one.remedy)
    return {
        f"{section}.{name}": _written(value)
        for section, values in planned.items()
        for name, value in values.items()
        if defaults.get(section, {}).get(name) != value
    }


def _written(value: object) -> object:
    """Write a duration as a person does; a plan holds it in seconds."""
    found = SECONDS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    seconds = float(found[1])
    whole = next(((size, unit) for size, unit in UNITS if seconds and seconds % size == 0), (1, "s"))
    return f"{seconds / whole[0]:g}{whole[1]}"


def _rollback(one: Remediation, frozen: Frozen) -> Iterator[str]:
    yield f"traffic: {_percents(frozen.traffic)} becomes version {one.to_version} at 100 %"
    yield _alias(one, frozen)
    yield f"then version {one.to_version} is watched until it has been seen to be healthy"


def _promote(one: Remediation, frozen: Frozen, rules: Mapping[str, object]) -> Iterator[str]:
    gates = rules.get("gates")
    names = ", ".join(str(g["metric"]) for g in gates) if isinstance(gates, Sequence) else ""
    yield f"gates: {names or 'none configured'}"
    asks = rules.get("ask_before")
    champion, challenger = one.from_version or 0, one.to_version or 0
    for name, wanted in stages(champion, challenger, frozen.canary, standby=frozen.standby):
        asked = " (a person is asked first)" if isinstance(asks, Sequence) and name in asks else ""
        yield f"{name}: {_percents(wanted)}{asked}"
    asked = " (a person is asked first)" if isinstance(asks, Sequence) and "alias" in asks else ""
    yield _alias(one, frozen) + asked
    standby = f"; then version {champion} is put away" if frozen.standby else ""
    yield f"then version {challenger} is watched until it has been seen to be healthy{standby}"
    yield f"whatever breaks on the way, version {champion} gets everything back"


def _retrain(rules: Mapping[str, object]) -> Iterator[str]:
    yield f"job {rules.get('job_id')} is started once, and followed to its end"
    yield "the version that it registers is proposed for promotion"


def _archive(one: Remediation, rules: Mapping[str, object]) -> Iterator[str]:
    chosen = one.plan.get("versions")
    words = ", ".join(map(str, chosen)) if isinstance(chosen, Sequence) else "none"
    if one.plan.get("phase") == "mark":
        yield f"versions of {one.model} are marked as stale: {words}"
        return
    yield f"versions of {one.model} are copied to {rules.get('folder')}, every file compared: {words}"
    yield "their artifacts are removed from the registry" if rules.get("remove") else "nothing is removed"


def _alias(one: Remediation, frozen: Frozen) -> str:
    before = f"version {frozen.alias_version}" if frozen.alias_version else "no version"
    return f"alias {frozen.alias} of {one.model}: from {before} to version {one.to_version}"


def _percents(percents: Mapping[int, int]) -> str:
    return ", ".join(f"version {v} at {p} %" for v, p in sorted(percents.items())) or "nothing"
