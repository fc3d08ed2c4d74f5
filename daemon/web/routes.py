"""The pages: what the daemon can tell comes in, a Starlette application goes out."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from daemon.telemetry.metrics import Metrics


def app(*, metrics: Metrics, stalled: Callable[[], list[str]], unready: Callable[[], list[str]]) -> Starlette:
    """Build the application.

    - `/metrics`: all series, for Prometheus.
    - `/healthz`: 503 while a loop stands still. Restarting the daemon can help.
    - `/readyz`: 503 until every endpoint was looked at once. Waiting can help.
    """

    # Plain functions: Starlette runs them in threads, so that a slow answer holds up no other.
    def show_metrics(request: Request) -> Response:
        body, content_type = metrics.page(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    def show_health(_: Request) -> Response:
        return _ok_without("stalled", stalled())

    def show_readiness(_: Request) -> Response:
        return _ok_without("waiting_for", unready())

    pages = {"/metrics": show_metrics, "/healthz": show_health, "/readyz": show_readiness}
    built = Starlette(routes=[Route(path, page, methods=["GET"]) for path, page in pages.items()])
    built.router.redirect_slashes = False
    return built


def _ok_without(name: str, troubles: list[str]) -> Response:
    return JSONResponse({name: troubles}, status_code=503) if troubles else PlainTextResponse("ok")
