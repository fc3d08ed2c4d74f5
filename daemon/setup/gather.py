"""Ask a workspace all that a configuration needs to know: settings and the door in, what was seen out.

A workspace that lets nobody in is asked nothing more. Each object is asked for once.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Settings
from daemon.domain.found import FoundEndpoint, Kind, Meeting, Presence, Rights
from daemon.ports import PlatformError, Survey
from daemon.setup.needs import needs, warehouse_of
from daemon.setup.seen import Answer, Seen, SeenEndpoint, Thing

T = TypeVar("T")
Clock = Callable[[], datetime]
Newest = Callable[[EndpointSettings], Answer[datetime] | None]
"""Reads the time of the newest row of an endpoint's table, or returns None where it is not to be read."""


def asked(question: Callable[[], T]) -> Answer[T]:
    """Ask, and take a refusal for an answer."""
    try:
        return Answer(question())
    except PlatformError as error:
        return Answer(None, str(error), error.missing)


def gather(settings: Settings, survey: Survey, *, clock: Clock, newest: Newest) -> Seen:
    meeting, skew = _meet(survey, clock)
    if meeting.value is None:
        return Seen(meeting)
    endpoints = {e.name: _endpoint(e, survey, meeting.value, newest) for e in settings.endpoints}
    warehouse = warehouse_of(settings)
    return Seen(
        meeting=meeting,
        skew=skew,
        token_ends=asked(survey.token_ends) if meeting.value.kind == "pat" else None,
        warehouse=asked(lambda: survey.warehouse(warehouse)) if warehouse else None,
        endpoints=endpoints,
        rights=_rights(settings, survey, endpoints),
    )


def _meet(survey: Survey, clock: Clock) -> tuple[Answer[Meeting], timedelta | None]:
    # What comes first also connects and signs in, which takes its time: the clock is read about a second answer.
    first = asked(survey.meet)
    if first.value is None:
        return first, None
    before = clock()
    second = asked(survey.meet)
    after = clock()
    told = second.value.server_time if second.value else None
    if told is None:
        return first, None
    # The header has whole seconds: half of one is its middle.
    middle = before + (after - before) / 2
    return first, told.astimezone(UTC) + timedelta(milliseconds=500) - middle


def _endpoint(endpoint: EndpointSettings, survey: Survey, meeting: Meeting, newest: Newest) -> SeenEndpoint:
    found = asked(lambda: survey.endpoint(endpoint.name))
    job = endpoint.retrain.job_id
    return SeenEndpoint(
        endpoint=found,
        creator=_creator(found.value, survey, meeting),
        job=asked(lambda: survey.job(job)) if job is not None else None,
        newest=newest(endpoint),
    )


def _creator(found: FoundEndpoint | None, survey: Survey, meeting: Meeting) -> Answer[Presence]:
    if found is None or not found.creator:
        return Answer(Presence.UNKNOWN, "the endpoint does not tell its creator")
    if found.creator == meeting.me.name:
        return Answer(Presence.THERE)
    creator = found.creator
    return asked(lambda: survey.presence(creator))


def _rights(settings: Settings, survey: Survey, endpoints: dict[str, SeenEndpoint]) -> dict[Thing, Answer[Rights]]:
    rights: dict[Thing, Answer[Rights]] = {}
    for endpoint in settings.endpoints:
        for need in needs(settings, endpoint):
            thing = need.kind, need.object
            if thing not in rights:
                rights[thing] = _on(thing, survey, endpoints)
    return rights


def _on(thing: Thing, survey: Survey, endpoints: dict[str, SeenEndpoint]) -> Answer[Rights]:
    kind, name = thing
    if kind is not Kind.ENDPOINT:
        return asked(lambda: survey.rights(kind, name))
    found = endpoints[name].endpoint
    if found.value is None:
        return Answer(None, found.why, found.gone)
    # Permissions go by an id, and the endpoint itself may say what whoever asks may do.
    known = found.value
    return Answer(Rights({})) if known.permission else asked(lambda: survey.rights(kind, known.id))
