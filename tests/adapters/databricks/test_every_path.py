"""Every request of every adapter, and everything that can become of it.

What is expected of each fault is written from what is known of the SDK and of Databricks' answers, not from our own
table of errors. All requests meet one fault at the same time, each in a thread of its own: those that need an answer
which another one must not get speak to another workspace.
"""

import ast
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import daemon
from daemon.adapters.databricks import DatabricksClient
from daemon.config.settings import Workspace
from daemon.ports import PlatformError
from playground.recorder import Recorded
from playground.shapes import unlike
from tests.adapters.databricks.paths import REQUESTS, Doors, Reading, Request
from tests.small_workspace import SmallWorkspace

SOON, PATIENCE = timedelta(seconds=1), timedelta(seconds=20)
"""How long a request is repeated, and how long one is waited for: only what hangs is."""
HANGS = timedelta(seconds=2)
LONGEST_SECONDS = 20.0
"""Twice the patience for each attempt that a door makes, and time for a busy machine."""
AT_ONCE = 12
SENDS = ("get", "ask", "send", "fetch", "text", "pull", "measure")
"""The client's ways to send a request."""
Outcome = tuple[bool, bool] | None
"""Permanent, missing; None: no error."""
TRANSIENT, PERMANENT, MISSING = (False, False), (True, False), (True, True)


@dataclass(frozen=True)
class Trouble:
    """One fault, and what it means."""

    outcome: Outcome
    fault: Mapping[str, Any]

    @property
    def status(self) -> int | None:
        found: int | None = self.fault.get("status")
        return found

    @property
    def timeout(self) -> timedelta:
        """How long an answer is waited for."""
        return HANGS if "delay_seconds" in self.fault else PATIENCE


def error(status: int, code: str, outcome: Outcome, message: str = "so it is", **headers: str) -> Trouble:
    body = {"error_code": code, "message": message}
    return Trouble(
        outcome, {"status": status, "body": body, "headers": {n.replace("_", "-"): v for n, v in headers.items()}}
    )


PAGE = "<html><body>Please log in</body></html>"
TROUBLES = {
    "a bad request": error(400, "INVALID_PARAMETER_VALUE", PERMANENT),
    "a bad request for what is not there": error(400, "INVALID_PARAMETER_VALUE", MISSING, "Run 5 does not exist."),
    "an update under way": error(400, "INVALID_STATE", TRANSIENT),
    "no credentials": error(401, "UNAUTHENTICATED", TRANSIENT),
    "no permission": error(403, "PERMISSION_DENIED", PERMANENT),
    "a token that ended": error(403, "PERMISSION_DENIED", TRANSIENT, "Invalid access token."),
    "nothing there": error(404, "RESOURCE_DOES_NOT_EXIST", MISSING),
    "no such address": error(404, "ENDPOINT_NOT_FOUND", TRANSIENT, "No API found"),
    "a code that says more than the status": error(500, "RESOURCE_DOES_NOT_EXIST", MISSING),
    "a conflict": error(409, "RESOURCE_CONFLICT", TRANSIENT),
    "an abort": error(409, "ABORTED", TRANSIENT),
    "too many requests": error(429, "REQUEST_LIMIT_EXCEEDED", TRANSIENT),
    "too many requests, for a second": error(429, "RESOURCE_EXHAUSTED", TRANSIENT, Retry_After="1"),
    "too many requests, for an hour": error(429, "REQUEST_LIMIT_EXCEEDED", TRANSIENT, Retry_After="3600"),
    "an error inside": error(500, "INTERNAL_ERROR", TRANSIENT),
    "not offered": error(501, "NOT_IMPLEMENTED", PERMANENT),
    "a bad gateway": Trouble(TRANSIENT, {"status": 502, "body": PAGE}),
    "unavailable": error(503, "TEMPORARILY_UNAVAILABLE", TRANSIENT),
    "unavailable, for an hour": error(503, "TEMPORARILY_UNAVAILABLE", TRANSIENT, Retry_After="3600"),
    "a gateway's patience": error(504, "DEADLINE_EXCEEDED", TRANSIENT),
    "a login page": Trouble(TRANSIENT, {"status": 200, "body": PAGE}),
    "a list": Trouble(TRANSIENT, {"status": 200, "body": [1]}),
    "no answer in time": Trouble(TRANSIENT, {"delay_seconds": 30.0}),
    "a connection that ends before the effect": Trouble(TRANSIENT, {"drop": "before"}),
    "a reply that is lost after the effect": Trouble(TRANSIENT, {"drop": "after"}),
}


def expected(request: Request, trouble: Trouble) -> Outcome:
    """Return what a door makes of the trouble."""
    outcome, status = trouble.outcome, trouble.status
    if request.takes_text and status == 200:
        return None
    if request.reading is Reading.ANSWER:
        return outcome if status in (401, 403, None) else None
    if request.reading is Reading.NOT_EXPORTED and status == 404:
        return None
    return READ_AS[request.reading].get(outcome, outcome)


READ_AS: dict[Reading, dict[Outcome, Outcome]] = {
    Reading.TOLD: {},
    Reading.TRANSIENT: dict.fromkeys((PERMANENT, MISSING), TRANSIENT),
    Reading.NEVER_ALONE: dict.fromkeys((PERMANENT, MISSING), TRANSIENT),
    Reading.MAY_COME: {MISSING: (False, True)},
    Reading.ANEW: {MISSING: TRANSIENT},
    Reading.MISSING_IS_NONE: {MISSING: None},
    Reading.NOT_EXPORTED: dict.fromkeys((PERMANENT, MISSING)),
    Reading.PERMANENT_IS_NONE: dict.fromkeys((PERMANENT, MISSING)),
    Reading.ALL_IS_NONE: dict.fromkeys((TRANSIENT, PERMANENT, MISSING)),
    Reading.ASKS_INSTEAD: {PERMANENT: TRANSIENT},
    Reading.NEVER_MISSING: {MISSING: PERMANENT},
}


class NotingClient(DatabricksClient):
    """Notes from where in the daemon it was asked to send something."""

    noted: set[tuple[str, str]]

    def __getattribute__(self, name: str) -> Any:
        if name in SENDS:
            frame = sys._getframe(1)
            while frame.f_code.co_name in ("<lambda>", "pages", "<listcomp>", "<genexpr>") and frame.f_back:
                frame = frame.f_back
            self.noted.add((Path(frame.f_code.co_filename).name, frame.f_code.co_name))
        return super().__getattribute__(name)


class Site:
    """Workspaces, so many that no request of the table needs an answer that another one of the same must not get."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        groups: list[list[Request]] = []
        for request in REQUESTS:
            free = (group for group in groups if not any(_touches(request) & _touches(one) for one in group))
            group = next(free, None)
            if group is None:
                groups.append(group := [])
            group.append(request)
        self.spaces = [(SmallWorkspace(_made(folder / f"workspace-{n}")), group) for n, group in enumerate(groups)]
        self.noted: set[tuple[str, str]] = set()
        self.asked: list[dict[str, Any]] = []
        """What was sent at the last trial."""

    def try_all(self, trouble: Trouble | None) -> dict[str, list[str]]:
        """Send every request once into the trouble; return what went otherwise than it should, by request."""
        for small, group in self.spaces:
            small.control.clear_faults()
            for request in group:
                self._prepare(small, request, trouble)
            small.control.record()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = {
                (n, request.name): pool.submit(self._try, small, request, trouble, f"{n}-{m}")
                for n, (small, group) in enumerate(self.spaces)
                for m, request in enumerate(group)
            }
            wrong = {key: future.result() for key, future in futures.items()}
        self.asked = []
        for n, (small, group) in enumerate(self.spaces):
            asked = [one for one in small.control.requests() if not one["path"].startswith("/.well-known/")]
            self.asked += asked
            for request in group:
                wrong[n, request.name] += _counted(request, asked)
            strange = {
                f"{o['method']} {o['path']}"
                for o in asked
                if not any(r.is_for(o["method"], o["path"]) for r in REQUESTS)
            }
            wrong[n, "paths that are not in the table"] = sorted(strange)
        found: dict[str, list[str]] = defaultdict(list)
        for (_, name), words in wrong.items():
            found[name] += words
        return {name: words for name, words in found.items() if words}

    def _prepare(self, small: SmallWorkspace, request: Request, trouble: Trouble | None) -> None:
        own = {"status": 200, "body": request.answer} if trouble is None else trouble.fault
        small.control.fault(request.path, method=request.method, **_placed(own, small.host))
        for method, path, status, body in request.before:
            small.control.fault(path, method=method, **_placed({"status": status, "body": body}, small.host))

    def _try(self, small: SmallWorkspace, request: Request, trouble: Trouble | None, name: str) -> list[str]:
        timeout = PATIENCE if trouble is None else trouble.timeout
        told = {"timeout": timeout, "retry_for": SOON, "statement_timeout": SOON, "warehouse_id": "w1"}
        settings = Workspace.model_validate(small.settings.model_dump() | told)
        client = NotingClient(settings, pauses=(0.0, 0.0))
        client.noted = self.noted
        doors = Doors(client, settings, _made(self._folder / f"files-{name}"))
        began = time.monotonic()
        try:
            request.call(doors)
        except PlatformError as failure:
            outcome: Outcome = (failure.permanent, failure.missing)
            words = str(failure)
        else:
            outcome, words = None, ""
        took = time.monotonic() - began
        wrong = [f"it took {took:.1f} s"] if took > LONGEST_SECONDS else []
        if trouble is not None and outcome != expected(request, trouble):
            wrong.append(f"{outcome} instead of {expected(request, trouble)}: {words}")
        if trouble is None and request.ends_well and outcome is not None:
            wrong.append(f"it failed: {words}")
        if small.token in words or "hidden" in words:
            wrong.append(f"a secret is told: {words}")
        return wrong


def _touches(request: Request) -> set[tuple[str, str]]:
    return {(request.method, request.path), *((method, path) for method, path, _, _ in request.before)}


def _counted(request: Request, asked: Sequence[Mapping[str, Any]]) -> list[str]:
    times = sum(request.is_for(one["method"], one["path"]) for one in asked)
    if times == 0:
        return ["it was not sent"]
    return [f"it changes something, and was sent {times} times"] if request.mutates and times > 1 else []


def _placed(fault: Mapping[str, Any], host: str) -> dict[str, Any]:
    placed: dict[str, Any] = json.loads(json.dumps(dict(fault)).replace("{storage}", host))
    return placed


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    with ExitStack() as stack:
        # behind these workspaces is no MLflow server, and nobody shall wait for one
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        for small, _ in site.spaces:
            stack.enter_context(small)
        yield site


@dataclass(frozen=True)
class Calm:
    """A trial in which nothing is spoilt."""

    wrong: dict[str, list[str]]
    asked: list[dict[str, Any]]


@pytest.fixture(scope="module")
def calm(site: Site) -> Calm:
    return Calm(site.try_all(None), site.asked)


def test_every_request_is_sent_and_answered_where_nothing_is_spoilt(calm: Calm) -> None:
    assert calm.wrong == {}


def test_requests_are_those_of_the_real_api(calm: Calm) -> None:
    requests = [Recorded(**one) for one in calm.asked if not one["path"].startswith("/_results/")]
    assert len(requests) > len(REQUESTS)
    assert unlike(requests) == {}


def test_every_request_to_the_api_names_product_and_version(calm: Calm) -> None:
    agents = {one["user_agent"] for one in calm.asked if one["path"].startswith(("/api/", "/serving-endpoints/"))}
    (agent,) = agents
    assert agent.startswith(f"mlsteward/{daemon.__version__} databricks-sdk-py/")


@pytest.mark.parametrize("name", TROUBLES)
def test_every_request_means_the_same_by_the_same_trouble(site: Site, name: str) -> None:
    assert site.try_all(TROUBLES[name]) == {}


def test_no_adapter_sends_a_request_that_the_table_does_not_try(site: Site, calm: Calm) -> None:
    assert calm.wrong == {}
    places = {place for file in Path(daemon.__path__[0]).rglob("*.py") for place in _senders(file)}
    assert len(places) > 30
    assert places - site.noted == set()


ELSEWHERE_TRIED = ("client.py", "survey.py")
"""What every request goes through; and what only a person's `init` and `doctor` ask, all by GET: `test_survey.py`."""


def _senders(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the functions of a file in which a workspace's client is asked to send something."""
    for function in ast.walk(ast.parse(file.read_text())):
        if not isinstance(function, ast.FunctionDef) or file.name in ELSEWHERE_TRIED or function.name == "pages":
            continue
        own = [n for statement in function.body for n in ast.walk(statement)]
        if any(isinstance(node, ast.Call) and _sends(node.func) for node in own):
            yield file.name, function.name


def _sends(called: ast.expr) -> bool:
    if isinstance(called, ast.Name):
        return called.id == "pages"
    return isinstance(called, ast.Attribute) and called.attr in SENDS and _client(called.value)


def _client(of: ast.expr) -> bool:
    return (isinstance(of, ast.Attribute) and of.attr == "_client") or (isinstance(of, ast.Name) and of.id == "client")
