"""The pages: what the daemon can tell, and who serves people, come in; an application goes out."""

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from daemon.telemetry.metrics import Metrics
from daemon.web import api, hook
from daemon.web.desk import Desk
from daemon.web.door import Door, hint_of
from daemon.web.flood import Flood


def app(
    *,
    metrics: Metrics,
    stalled: Callable[[], list[str]],
    unready: Callable[[], list[str]],
    desk: Desk,
    flood: Flood,
    now: Callable[[], datetime],
) -> ASGIApp:
    """Build the application, with the door before it.

    - `/metrics`: all series, for Prometheus.
    - `/healthz`: 503 while a loop stands still. Restarting the daemon can help.
    - `/readyz`: 503 until every endpoint was looked at once. Waiting can help.
    - `/hooks/mlflow`: what an MLflow server's webhook says. The door has seen whose it is.
    - For people: see `api`.
    """

    # Plain functions: Starlette runs them in threads, so that a slow answer holds up no other.
    def show_metrics(request: Request) -> Response:
        body, content_type = metrics.page(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    def show_health(_: Request) -> Response:
        return _ok_without("stalled", stalled())

    def show_readiness(_: Request) -> Response:
        return _ok_without("waiting_for", unready())

    def heed(request: Request) -> Response:
        return JSONResponse({"looks_at": list(desk.hint(hook.model_of(hint_of(request))))})

    pages = {"/metrics": show_metrics, "/healthz": show_health, "/readyz": show_readiness}
    shown = [Route(path, page, methods=["GET"]) for path, page in pages.items()]
    hooks = [Route(hook.PATH, heed, methods=["POST"])]
    built = Starlette(routes=[*shown, *hooks, *api.routes(desk)])
    built.router.redirect_slashes = False
    return Door(built, desk, flood, now)


def _ok_without(name: str, troubles: list[str]) -> Response:
    return JSONResponse({name: troubles}, status_code=503) if troubles else PlainTextResponse("ok")
