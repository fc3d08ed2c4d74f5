"""What a trail is about: the baseline and the rules that judge it. Where that changes, counting begins anew. Pure."""

import hashlib
import json

from daemon.config.endpoint import EndpointSettings
from daemon.domain.finding import Cause, Check


def subject(check: Check, settings: EndpointSettings, baseline_id: int | None) -> str:
    """Return a name for what the answers of a check are about.

    Not in it are settings that judge nothing: which other columns are ignored, and when a version counts as good.
    """
    if check.cause is Cause.CONCEPT:
        told = settings.labels.model_dump(mode="json") | {"level": settings.sensitivity.concept}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
    about: dict[str, object] = {
        "window": settings.watch.window.total_seconds(),
        "decide": settings.decide.model_dump(mode="json", exclude={"good"}),
    }
    if check.cause is Cause.HEALTH:
        certainty = settings.drift.false_alarms_per_year
        about |= {"health": settings.health.model_dump(mode="json"), "false_alarms_per_year": certainty}
    else:
        if check.cause is Cause.QUALITY:
            about |= {"quality": settings.quality.model_dump(mode="json")}
        about |= {"drift": settings.drift.model_dump(mode="json", exclude={"ignore"}), "baseline": baseline_id}
        about |= {"sensitivity": settings.sensitivity.model_dump(mode="json"), "kind": settings.baseline.kind}
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
