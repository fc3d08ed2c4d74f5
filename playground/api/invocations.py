"""`/serving-endpoints/{name}/invocations`: score a request, split the traffic, log one row."""

import asyncio
import json
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.api.handlers import json_or_text, workspace_of
from playground.errors import ApiError
from playground.inference_table import Entry
from playground.scoring import Answer, Scorer
from playground.workspace import USER_ID, Workspace


async def _invoke(request: Request) -> Response:
    """Answer for the served entity that the path names, or for the next one by the shares of the traffic."""
    workspace, at = workspace_of(request), datetime.now(UTC)
    endpoint = workspace.endpoint(request.path_params["name"])
    body = await request.body()
    entity, scorer = endpoint.route(request.path_params.get("served"))
    failure = workspace.outage.failure(endpoint.name)
    answer = _failed(failure) if failure else await _score(workspace, scorer, request, body)
    endpoint.table.append(
        Entry(
            at=at,
            status=answer.status,
            ms=answer.ms,
            request=body.decode(errors="replace"),
            response=answer.text,
            served_entity_id=endpoint.served_entity_id(entity),
            requester=USER_ID,
            client_request_id=_client_request_id(body),
        )
    )
    headers = {"served-model-name": entity.name}
    return Response(answer.text, answer.status, headers=headers, media_type=answer.media_type)


async def _score(workspace: Workspace, scorer: Scorer, request: Request, body: bytes) -> Answer:
    content_type = request.headers.get("content-type", "application/json")
    return await asyncio.get_running_loop().run_in_executor(workspace.scoring, scorer.score, body, content_type)


def _failed(failure: ApiError) -> Answer:
    return Answer(failure.status, json.dumps(failure.as_json()))


def _client_request_id(body: bytes) -> str | None:
    # A second reading of a large body is worth while only if there is something to be found.
    if b'"client_request_id"' not in body:
        return None
    parsed = json_or_text(body)
    value = parsed.get("client_request_id") if isinstance(parsed, dict) else None
    return value if isinstance(value, str) else None


routes = [
    Route("/serving-endpoints/{name}/invocations", _invoke, methods=["POST"]),
    Route("/serving-endpoints/{name}/served-models/{served}/invocations", _invoke, methods=["POST"]),
]
