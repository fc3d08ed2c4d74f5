"""The lines about one endpoint: is it there, does it log, is its creator there, is its job. Pure."""

from collections.abc import Iterator
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.found import FoundEndpoint, FoundJob, LoggedTo, Logging, Presence
from daemon.domain.registry import JOB_PARAMETERS
from daemon.domain.remediation import Remedy
from daemon.domain.serving import traffic
from daemon.domain.table_name import table_name
from daemon.setup.line import Line, Verdict
from daemon.setup.needs import acts
from daemon.setup.seen import Answer, SeenEndpoint

TURN_ON = "Serving > {} > Edit endpoint > AI Gateway: enable inference tables"


def endpoint_lines(endpoint: EndpointSettings, seen: SeenEndpoint, *, warehouse: bool, now: datetime) -> Iterator[Line]:
    """Yield what is to be said of an endpoint itself. `warehouse`: one is configured, that could read its table."""
    found = seen.endpoint.value
    if found is None:
        verdict = Verdict.MISSING if seen.endpoint.gone else Verdict.UNKNOWN
        yield Line(endpoint.name, "endpoint", verdict, seen.endpoint.why, "is endpoints.name right? Serving lists them")
    else:
        yield _serves(endpoint, found)
        yield _logs(endpoint, found)
    yield _fresh(endpoint, seen.newest, now, woken=warehouse)
    if found is not None:
        yield _creator(endpoint, found, seen.creator)
    yield from _job(endpoint, seen.job)
    if endpoint.archive.folder is None:
        why, asked = "no archive.folder: archive stays off", acts(endpoint, Remedy.ARCHIVE)
        remedy = 'set archive.folder = "/var/lib/mlsteward/archive"'
        yield Line(endpoint.name, "archive folder", Verdict.MISSING, why, remedy, (Remedy.ARCHIVE,), asked)


def _serves(endpoint: EndpointSettings, found: FoundEndpoint) -> Line:
    state = found.state
    models = sorted({e.model for e in state.served})
    why = served(found) or "nothing is served"
    if state.served and endpoint.model not in models:
        why = f"serves {', '.join(models)}, not {endpoint.model}"
        return Line(endpoint.name, "endpoint", Verdict.MISSING, why, f'set model = "{models[0]}"')
    if len(models) > 1:
        why += ": more than one registered model, and traffic is moved between versions of one only"
        return Line(endpoint.name, "endpoint", Verdict.WARNING, why, "leave promote and rollback on observe")
    if not state.ready:
        return Line(endpoint.name, "endpoint", Verdict.WARNING, f"{why}; it is not ready", f"Serving > {endpoint.name}")
    return Line(endpoint.name, "endpoint", Verdict.OK, why)


def served(found: FoundEndpoint) -> str:
    """Say in a few words which versions have the traffic."""
    shares, models = traffic(found.state.served), {e.version: e.model for e in found.state.served}
    return ", ".join(f"{models[version]} version {version} at {percent} %" for version, percent in shares.items())


def _logs(endpoint: EndpointSettings, found: FoundEndpoint) -> Line:
    label, here = "inference table", _same(endpoint, found)
    turn_on = TURN_ON.format(endpoint.name)
    if not found.logs:
        why = "the endpoint has none"
        return Line(endpoint.name, label, Verdict.MISSING, why, turn_on)
    logged = here or next((one for one in found.logs if one.enabled), found.logs[0])
    why = f"{logged.kind}: {logged.table or 'its name is not told'}"
    if logged.kind is Logging.LEGACY:
        why += ": unsupported since 2026-03, old rows can be read and no new ones come"
        return Line(endpoint.name, label, Verdict.MISSING, why, turn_on)
    if not logged.enabled or logged.trouble:
        return Line(endpoint.name, label, Verdict.MISSING, f"{why}: {logged.trouble or 'not enabled'}", turn_on)
    if here is None and logged.table and table_name(endpoint.table) is not None:
        remedy = f'set table = "{logged.table}"'
        return Line(
            endpoint.name, label, Verdict.WARNING, f"it logs to {logged.table}, not to {endpoint.table}", remedy
        )
    return Line(endpoint.name, label, Verdict.OK, why)


def _same(endpoint: EndpointSettings, found: FoundEndpoint) -> LoggedTo | None:
    name = table_name(endpoint.table)
    wanted = str(name).lower() if name else ""
    return next((one for one in found.logs if wanted and one.table.lower() == wanted), None)


def _fresh(endpoint: EndpointSettings, newest: Answer[datetime] | None, now: datetime, *, woken: bool) -> Line:
    label = "newest row"
    if newest is None:
        remedy = f"mlsteward once --endpoint {endpoint.name} reads it" + ("; doctor --warehouse, too" if woken else "")
        return Line(endpoint.name, label, Verdict.UNKNOWN, "the table was not read", remedy)
    if newest.value is None:
        verdict = Verdict.MISSING if newest.gone else Verdict.UNKNOWN if newest.why else Verdict.WARNING
        if newest.why:
            remedy = "the daemon reads it in the same way: it needs the rights below, and a way to where the files are"
            return Line(endpoint.name, label, verdict, newest.why, remedy)
        remedy = "send the endpoint a request, and look again in an hour"
        return Line(endpoint.name, label, verdict, "no row of the last seven days", remedy)
    age = now - newest.value
    why = f"{newest.value:%Y-%m-%d %H:%M:%S} UTC"
    if age > endpoint.watch.stale_after:
        why += f", older than watch.stale_after ({endpoint.watch.stale_after})"
        remedy = "is there traffic? Who renamed or altered the table stopped its logging"
        return Line(endpoint.name, label, Verdict.WARNING, why, remedy)
    return Line(endpoint.name, label, Verdict.OK, why)


def _creator(endpoint: EndpointSettings, found: FoundEndpoint, answer: Answer[Presence]) -> Line:
    presence = answer.value or Presence.UNKNOWN
    why = f"{found.creator or 'the creator'}: {answer.why or presence}"
    acting = [remedy for remedy in (Remedy.PROMOTE, Remedy.ROLLBACK) if acts(endpoint, remedy)]
    purposes, label = (Remedy.PROMOTE, Remedy.ROLLBACK), "creator"
    if presence is Presence.THERE:
        return Line(endpoint.name, label, Verdict.OK, f"{found.creator} is in the workspace", purposes=purposes)
    if presence is Presence.UNKNOWN:
        remedy = f"ask an administrator whether {found.creator or 'the creator'} is still in the workspace"
        return Line(endpoint.name, label, Verdict.UNKNOWN, why, remedy, purposes, now=bool(acting))
    why = f"{found.creator} is {presence}: Databricks refuses updates of its endpoints, and their logging may stop"
    remedy = "create the endpoint anew as a service principal that stays: a creator cannot be changed"
    return Line(endpoint.name, label, Verdict.MISSING, why, remedy, purposes, now=bool(acting))


def _job(endpoint: EndpointSettings, answer: Answer[FoundJob] | None) -> Iterator[Line]:
    purposes, now = (Remedy.RETRAIN,), acts(endpoint, Remedy.RETRAIN)
    if answer is None:
        why, remedy = (
            "no retrain.job_id: retrain stays off",
            "set it: mlsteward init --yes --config - lists likely jobs",
        )
        yield Line(endpoint.name, "job", Verdict.MISSING, why, remedy, purposes, now)
        return
    job = answer.value
    if job is None:
        verdict = Verdict.MISSING if answer.gone else Verdict.UNKNOWN
        remedy = "set retrain.job_id to a job that is there: Jobs & Pipelines"
        yield Line(endpoint.name, "job", verdict, answer.why, remedy, purposes, now)
        return
    label, lacks = f"job {job.id}", [name for name in JOB_PARAMETERS if name not in job.parameters]
    if lacks:
        remedy = f"Jobs & Pipelines > {job.name} > Job parameters: add {', '.join(lacks)}, without a value"
        why = f"{job.name} does not declare {', '.join(lacks)}, and is not told them"
        yield Line(endpoint.name, label, Verdict.WARNING, why, remedy, purposes, now)
    else:
        yield Line(endpoint.name, label, Verdict.OK, f"{job.name} declares all its parameters", "", purposes, now)
