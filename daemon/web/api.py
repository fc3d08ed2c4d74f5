"""People over HTTP: what they ask for as JSON, and the pages behind links. Everybody here has passed the door."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from daemon.domain.person import Done, Refused, Unclear, Unknown
from daemon.store.errors import StoreError
from daemon.telemetry import log
from daemon.web import pages
from daemon.web.desk import Desk
from daemon.web.door import link_of
from daemon.web.link import Link

MOST_BYTES = 64 * 1024
RESTRAINTS = ("pause", "maintenance", "silence", "hold", "kill")


class NotTaken(Exception):  # noqa: N818 - an answer, not a fault
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def routes(desk: Desk) -> list[Route]:
    """Return what people can ask for.

    - GET `/api/status`, `/api/remediations/{id}`, `/api/findings/{id}`, `/api/pictures/{id}`: what `status --json`,
      `explain --json` and `explain --picture` give.
    - POST `/api/remediations/{id}/approve`, `/reject`; `/api/restraints`, `/api/restraints/lift`; `/api/release`;
      `/api/pardon`: a JSON object with `by`, `reason` and what the command of that name takes.
    - GET and POST `/approve`, `/reject`: the pages behind a signed link. Only the POST acts.
    """

    def deed(verb: Callable[[dict[str, object], Request], str]) -> Callable[[Request], Any]:
        async def done(request: Request) -> Response:
            return await _answered(lambda: _do(desk, verb, request))

        return done

    async def status(_: Request) -> Response:
        return await _answered(lambda: run_in_threadpool(desk.status))

    async def explain(request: Request) -> Response:
        return await _answered(lambda: run_in_threadpool(desk.explain, request.path_params["id"]))

    async def finding(request: Request) -> Response:
        return await _answered(lambda: run_in_threadpool(desk.finding, request.path_params["id"]))

    async def picture(request: Request) -> Response:
        return await _drawn(desk, request.path_params["id"])

    async def linked(request: Request) -> Response:
        return await _linked(desk, request)

    return [
        Route("/api/status", status, methods=["GET"]),
        Route("/api/remediations/{id}", explain, methods=["GET"]),
        Route("/api/findings/{id:path}", finding, methods=["GET"]),
        Route("/api/pictures/{id:path}", picture, methods=["GET"]),
        Route("/api/remediations/{id}/approve", deed(_on_remediation("approve")), methods=["POST"]),
        Route("/api/remediations/{id}/reject", deed(_on_remediation("reject")), methods=["POST"]),
        Route("/api/restraints", deed(_restrain), methods=["POST"]),
        Route("/api/restraints/lift", deed(_lift), methods=["POST"]),
        Route("/api/release", deed(lambda body, request: "release"), methods=["POST"]),
        Route("/api/pardon", deed(lambda body, request: "pardon"), methods=["POST"]),
        Route("/approve", linked, methods=["GET", "POST"]),
        Route("/reject", linked, methods=["GET", "POST"]),
    ]


def _on_remediation(verb: str) -> Callable[[dict[str, object], Request], str]:
    def named(body: dict[str, object], request: Request) -> str:
        body["id"] = request.path_params["id"]
        return verb

    return named


def _restrain(body: dict[str, object], _: Request) -> str:
    kind = body.pop("kind", None)
    if kind not in RESTRAINTS:
        raise Unclear(f"kind: one of {', '.join(RESTRAINTS)}")
    if kind == "kill" and body.get("all") is True:
        del body["all"]
    return str(kind)


def _lift(body: dict[str, object], _: Request) -> str:
    if body.get("kind") != "kill":
        return "resume"
    del body["kind"]
    if body.get("all") is True:
        del body["all"]
    return "lift_kill"


async def _do(desk: Desk, verb: Callable[[dict[str, object], Request], str], request: Request) -> Mapping[str, Any]:
    body = await _json(request)
    chosen = verb(body, request)
    done = await run_in_threadpool(lambda: desk.do(chosen, body, via="the API"))
    return _document(done)


async def _answered(work: Callable[[], Any]) -> Response:
    """Answer with the document, or with one sentence of why not."""
    try:
        document = await work()
    except (NotTaken, Refused, StoreError) as error:
        return _json_response({"error": str(error)}, _status_of(error))
    return _json_response(document, 200)


async def _drawn(desk: Desk, asked: str) -> Response:
    try:
        drawn = await run_in_threadpool(desk.pictures, asked)
    except (Refused, StoreError) as error:
        return _json_response({"error": str(error)}, _status_of(error))
    if not drawn:
        return _json_response({"error": "there is nothing to draw: its counts are not kept any more"}, 404)
    return Response(drawn[0], 200, pages.HEADERS, media_type="image/svg+xml")


async def _linked(desk: Desk, request: Request) -> Response:
    """Show what a link is about; take the word only where it is sent (scanners of mail follow links)."""
    link = link_of(request)
    try:
        if link is None:
            raise NotTaken(404, "With the token, POST to /api/remediations/ID/approve or /reject.")
        told = await run_in_threadpool(_told, desk, link.remediation)
        if request.method != "POST":
            return _question(link, told)
        return await _take(desk, link, told, await _form(request))
    except (NotTaken, Refused, StoreError) as error:
        return HTMLResponse(pages.refused(str(error)), _status_of(error), pages.HEADERS)


def _told(desk: Desk, remediation: str) -> Mapping[str, Any]:
    return {**desk.explain(remediation), "pictures": desk.pictures(remediation)}


def _question(link: Link, told: Mapping[str, Any]) -> Response:
    waits = told["waits_for"]
    if waits is None or (waits["gate"], waits["plan_hash"]) != (link.gate, link.plan_hash):
        sentence = "What this link is about waits for a word no longer: it was answered, ended, or planned anew."
        return HTMLResponse(pages.refused(sentence, told), 409, pages.HEADERS)
    return HTMLResponse(pages.question(link.verb, told), 200, pages.HEADERS)


async def _take(desk: Desk, link: Link, told: Mapping[str, Any], form: Mapping[str, str]) -> Response:
    by, reason = form.get("by", ""), form.get("reason", "")
    written = {
        "id": link.remediation,
        "gate": link.gate,
        "plan_hash": link.plan_hash,
        "by": by,
        "reason": reason,
    }
    try:
        done = await run_in_threadpool(lambda: desk.do(link.verb, written, via="a link"))
    except Unclear as error:
        page = pages.question(link.verb, told, by=by, reason=reason, wrong=str(error))
        return HTMLResponse(page, 400, pages.HEADERS)
    after = await run_in_threadpool(_told, desk, link.remediation)
    return HTMLResponse(pages.answered(done.sentence, after), 200, pages.HEADERS)


async def _json(request: Request) -> dict[str, object]:
    if _content_type(request) != "application/json":
        raise NotTaken(415, "send a JSON object, as application/json")
    try:
        body = json.loads(await _body(request))
    except (ValueError, RecursionError):
        raise NotTaken(400, "that is not JSON") from None
    if not isinstance(body, dict):
        raise NotTaken(400, "send a JSON object")
    return body


async def _form(request: Request) -> dict[str, str]:
    if _content_type(request) != "application/x-www-form-urlencoded":
        raise NotTaken(415, "send the form of the page")
    try:
        text = (await _body(request)).decode()
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise NotTaken(400, "that is not the form of the page") from None


async def _body(request: Request) -> bytes:
    """Read the body, and no more of it than anybody could mean."""
    read = b""
    async for piece in request.stream():
        read += piece
        if len(read) > MOST_BYTES:
            raise NotTaken(413, f"send at most {MOST_BYTES} bytes")
    return read


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _status_of(error: Exception) -> int:
    match error:
        case NotTaken():
            return error.status
        case Unknown():
            return 404
        case Unclear():
            return 400
        case Refused():
            return 409
    log.get(__name__).error(f"a person could not be answered: {error}")
    return 503


def _document(done: Done) -> Mapping[str, Any]:
    return {"done": done.verb, "sentence": done.sentence, **done.numbers}


def _json_response(document: object, status: int) -> Response:
    text = json.dumps(document, default=str)
    return Response(text, status, {"Cache-Control": "no-store"}, media_type="application/json")
