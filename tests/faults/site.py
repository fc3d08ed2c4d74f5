"""A place of its own for one case: an endpoint, a registered model, a job, a database, and a real daemon process.

The harness stands in for the watch loop alone, whose work takes minutes of traffic: it writes down that what serves is
well, or not, as the loop would. The daemon finds no inference table, so that its own looks write nothing.
"""

import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from daemon.domain.event import Event
from daemon.domain.finding import Check, Statistic, Verdict
from daemon.domain.remediation import Remediation, Remedy, Standing, State, VersionVerdict, new_id
from daemon.domain.restraint import Restraint
from daemon.domain.window import Window
from daemon.store import endpoints, events, findings, profiles, remediations, restraints, verdicts
from daemon.store.engine import StoreError
from tests.faults.ground import DEPLOY_SECONDS, Ground
from tests.faults.history import Call, Kind, Rules, broken, effects
from tests.faults.proxy import Seen
from tests.faults.report import NotReachedError
from tests.remediate.stories import firing, profile, proposal
from tests.scenarios.process import Daemon

CONFIG = Path(__file__).with_name("config.toml")
PROJECT = Path(__file__).parents[2]
PATIENCE_SECONDS = 600.0
"""For a case to come to its end: that takes a quarter of a minute, or a whole one where a call was not answered. On a
machine that is busy with others it takes ten times as long, and only a case that fails waits for all of it."""
LEASE = "12s"
"""On PostgreSQL. Short, so that a case need not wait for long; long enough for a machine that is busy with others."""
LOST_LEASE = 75
"""The exit status with which a daemon that lost its lease ends: systemd starts it again."""
GETS_THERE = 300.0
"""For a daemon to get to its failpoint; a point that is never passed is told after that."""
LOOK_SECONDS = 0.3
WATCH_SECONDS = 0.5
ERRORS, DRIFT = Check(Statistic.ERRORS_4XX), Check(Statistic.KS, "distance")
CONFIG_PATH = re.compile(r"^/api/2\.0/serving-endpoints/(?P<endpoint>[^/]+)/config$")
ARTIFACTS = re.compile(r"mlflow-artifacts/artifacts/(?P<path>[^?]+)")


class Site:
    """Version 1 serves and is the champion; nothing is known of any version, and nothing is open."""

    def __init__(
        self,
        ground: Ground,
        database: str,
        *,
        rules: str = "",
        versions: int = 1,
        serves: int = 1,
        alone: bool = False,
        archives: str = "off",
        url: str = "",
    ) -> None:
        n = ground.number()
        self.ground, self.serves = ground, serves
        self.folder = ground.folder / f"site-{n}"
        self.folder.mkdir()
        self.endpoint, self.model = f"site-{n}", f"site_{n}"
        self.control = ground.box.control
        self.workspace = ground.proxies.before(ground.box.address.host)
        self.mlflow = ground.proxies.before(ground.box.address.mlflow)
        self.job = self._declare_job()
        self.url = url or ground.database(database, self.folder)
        self.verdicts: dict[int, Verdict] = {}
        """How the versions that serve are judged; healthy where nothing is said."""
        self.requests = 100
        """In each window; none: nothing is seen."""
        self.daemons: list[Daemon] = []
        self._kept: list[Daemon] = []
        self._rules, self._registered, self._alone, self._archives = rules, versions, alone, archives
        self._stop = threading.Event()
        self._watching = threading.Thread(target=self._watch, name=f"watch {self.endpoint}", daemon=True)

    def __enter__(self) -> Self:
        self.store = self.ground.store(self.url)
        self.ground.versions.model(self.model)
        for _ in range(self._registered):
            self.ground.versions.register(self.model, alone=self._alone)
        self.point("champion", self.serves)
        self._after = len(self.control.effects())
        self.control.call("POST", "/api/2.0/serving-endpoints", {"name": self.endpoint, "config": self._first()})
        self.control.wait_until_deployed(self.endpoint, deadline_seconds=60)
        self._after = max(effect["seq"] for effect in self.control.effects(after=self._after))
        self._watching.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for daemon in self.daemons:
            daemon.__exit__(kind, error, trace)
        self._stop.set()
        self._watching.join()
        self.store.close()

    def configuration(self, **changes: str) -> str:
        """Return the daemon's configuration, with parts of it replaced."""
        address = self.ground.box.address
        given = {
            "host": self.workspace.url,
            "mlflow": self.mlflow.url,
            "store": self.url,
            "endpoint": self.endpoint,
            "model": self.model,
            "job": str(self.job),
            "folder": str(self.folder),
            "archives": self._archives,
            "lease": LEASE,
        }
        assert address.token not in given.values()
        text = CONFIG.read_text()
        for name, value in (given | changes).items():
            text = text.replace(f"<{name}>", value)
        return text + self._rules

    def daemon(self, *, name: str = "mlsteward", text: str = "", kept: bool = False, **environment: str) -> Daemon:
        """Return a daemon that is not started yet; one that is `kept` is started again where it lost its lease."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        assert not [d for d in self.daemons if d.folder == folder and d.ended is None], "one at a time in a folder"
        token = self.ground.box.address.token
        mine = {
            "TEST_TOKEN": token,
            "PYTHONPATH": str(PROJECT),
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(folder),
            "MLFLOW_HTTP_REQUEST_TIMEOUT": "3",
            # where it is set, every start of a daemon would compile all of it again
            "PYTHONDONTWRITEBYTECODE": "",
        }
        one = Daemon(folder, text or self.configuration(), **mine, **environment)
        one.store_url = self.url
        self.daemons.append(one)
        if kept:
            self._kept.append(one)
        return one

    def killed(self, point: str, n: int, *, over: Callable[[], bool] = lambda: False) -> None:
        """Start a daemon that is killed at the n-th passing of a point, and wait for that.

        Raise NotReachedError where all is over before: how often a point is passed depends on how looks and moves meet.
        """
        daemon = self.daemon(MLSTEWARD_FAILPOINT=f"{point}:{n}=kill")
        daemon.spawn()
        dead = f"the kill at {point} {n}"
        self.wait(dead, lambda: (self._passed(daemon) and daemon.ended is not None) or over(), GETS_THERE)
        if daemon.ended is None:
            # once more, for it may have been killed while it was being asked
            time.sleep(LOOK_SECONDS)
        if daemon.ended is None:
            raise NotReachedError(dead)
        assert daemon.ended == -signal.SIGKILL, f"it ended with {daemon.ended}: {daemon.log.read_text()[-500:]}"

    @contextmanager
    def frozen(self, point: str, n: int, *, kept: bool = False, **about: Any) -> Iterator[Daemon]:
        """Start a daemon that freezes at the n-th passing of a point, and let it go on at the end of the block."""
        daemon = self.daemon(MLSTEWARD_FAILPOINT=f"{point}:{n}=stop", **about)
        daemon.spawn()
        self.wait(f"the freeze at {point} {n}", lambda: self._passed(daemon) and daemon.frozen, GETS_THERE)
        if kept:
            self._kept.append(daemon)
        yield daemon
        daemon.process.send_signal(signal.SIGCONT)

    # --- what the store is told

    def stands(self, version: int, standing: Standing) -> None:
        with self.store.begin() as tx:
            verdicts.set_standing(
                tx, VersionVerdict(self.endpoint, self.model, version, standing, "so told", datetime.now(UTC))
            )

    def fires(self, check: Check = ERRORS, *, version: int = 1, end: datetime | None = None) -> None:
        trail = firing(check, endpoint=self.endpoint, version=version, end=end or datetime.now(UTC))
        with self.store.begin() as tx:
            findings.save(tx, [trail])

    def propose(self, remedy: Remedy, *, to: int | None = None, **changes: Any) -> Remediation:
        now = datetime.now(UTC)
        mine: dict[str, Any] = {"endpoint": self.endpoint, "model": self.model, "to_version": to, **changes}
        one = replace(proposal(remedy, now), id=new_id(self.endpoint, remedy, now), **mine)
        with self.store.begin() as tx:
            assert remediations.propose(tx, one)
        return one

    def impose(self, restraint: Restraint) -> None:
        with self.store.begin() as tx:
            restraints.impose(tx, restraint)

    # --- what is so

    def history(self) -> list[Remediation]:
        """Return all remediations, oldest first."""
        with self.store.read() as tx:
            return remediations.history(tx, self.endpoint, limit=100)[::-1]

    def ends(self) -> list[tuple[str, str]]:
        return [(str(r.remedy), str(r.state)) for r in self.history()]

    def states(self) -> list[State]:
        return [r.state for r in self.history()]

    def events(self, kind: str = "") -> list[Event]:
        with self.store.read() as tx:
            return [e for e in events.history(tx, limit=500)[::-1] if e.kind.startswith(kind)]

    def restraints(self) -> list[Restraint]:
        with self.store.read() as tx:
            return restraints.in_force(tx, datetime.now(UTC), self.endpoint)

    def traffic(self) -> dict[int, int]:
        """Return what serves, versions at 0 % included."""
        shown = self.control.call("GET", f"/api/2.0/serving-endpoints/{self.endpoint}")["config"]
        shares = {r["served_model_name"]: r["traffic_percentage"] for r in shown["traffic_config"]["routes"]}
        return {int(e["entity_version"]): shares.get(e["name"], 0) for e in shown["served_entities"]}

    def champion(self) -> int | None:
        return self.ground.versions.alias(self.model, "champion")

    def point(self, alias: str, version: int) -> None:
        self.ground.versions.set_alias(self.model, alias, version)

    def artifacts(self, version: int) -> str:
        """Return the path of a version's artifacts on the server."""
        return self.ground.versions.path(self.model, version)

    def deploy_by_hand(self, version: int) -> None:
        """Give all traffic to a version, as a person would, past the daemon's proxy."""
        body = {"served_entities": [self._entity(version)]}
        self.control.call("PUT", f"/api/2.0/serving-endpoints/{self.endpoint}/config", body)
        self.control.wait_until_deployed(self.endpoint, deadline_seconds=60)

    # --- what was done

    def calls(self) -> list[Call]:
        """Return every call that was meant to change the world: the workspace's own log, and the registry's."""
        logged = [e for e in self.control.effects(after=self._after) if self._mine(e)]
        return [*map(_of_workspace, logged), *filter(None, map(self._of_registry, self.mlflow.changes))]

    def done(self, rules: Rules) -> list[tuple[str, object]]:
        """Return what was done to the world, in order, without what is another at each run."""
        said = (Kind.TRAFFIC, Kind.ALIAS)
        return [(str(c.kind), c.wanted if c.kind in said else c.subject) for c in effects(self.calls(), rules)]

    def check(self, rules: Rules) -> None:
        """Hold the history against the promises."""
        rules = replace(rules, deploys_in=timedelta(seconds=DEPLOY_SECONDS))
        assert not (trouble := broken(self.calls(), rules)), "; ".join(trouble)

    def wait(self, what: str, so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not so():
            if time.monotonic() > deadline or self.ground.given_up.is_set():
                logs = "\n".join(d.log.read_text()[-1500:] for d in self.daemons if d.log.exists())
                open_now = [(r.remedy.value, r.state.value, r.outcome) for r in self.history()]
                raise AssertionError(f"waited {seconds:g} s for {what}; {open_now}\n{logs}")
            for one in self._kept:
                if one.ended == LOST_LEASE:
                    one.disarm()
                    one.spawn()
            time.sleep(LOOK_SECONDS)

    # --- the inside

    def _passed(self, daemon: Daemon) -> bool:
        """Give it another start where it lost its lease before it got to the point: a busy machine may do that."""
        if daemon.ended == LOST_LEASE:
            daemon.spawn()
            return False
        return True

    def _first(self) -> dict[str, Any]:
        return {"served_entities": [self._entity(self.serves)]}

    def _entity(self, version: int) -> dict[str, Any]:
        return {"entity_name": self.model, "entity_version": str(version), "scale_to_zero_enabled": False}

    def _declare_job(self) -> int:
        run, source = self.ground.versions.shared()
        command = [sys.executable, "-m", "tests.faults.job", "--mlflow", self.ground.box.address.mlflow]
        command += ["--run", run, "--source", source, "--seconds", "0.3"]
        parameters = ["endpoint", "model", "reason", "remediation", "champion_version", "window_start", "window_end"]
        return int(self.control.declare_job(f"train {self.endpoint}", command, parameters))

    def _mine(self, effect: Mapping[str, Any]) -> bool:
        found = CONFIG_PATH.match(effect["path"])
        if found:
            return found["endpoint"] == self.endpoint
        return str(effect["path"]).endswith("/run-now") and bool(effect["body"].get("job_id") == self.job)

    def _of_registry(self, seen: Seen) -> Call | None:
        """Read a request to the MLflow server; None where it changes nothing that we speak of."""
        request, done = seen.request, seen.status == 200
        path = urlsplit(request.path)
        if path.path.endswith("/registered-models/alias"):
            body = json.loads(request.body)
            return Call(seen.at, Kind.ALIAS, f"{body['name']}@{body['alias']}", int(body["version"]), done)
        if path.path.endswith("/model-versions/set-tag"):
            body = json.loads(request.body)
            return Call(seen.at, Kind.TAG, f"{body['version']}:{body['key']}", body["value"], done)
        if request.method == "DELETE" and (found := ARTIFACTS.search(request.path)):
            return Call(seen.at, Kind.REMOVAL, found["path"].rstrip("/"), parse_qs(path.query).get("path"), done)
        return None

    def _watch(self) -> None:
        """Write down, again and again, how the versions that serve are doing: what the watch loop would have seen."""
        before = datetime.now(UTC)
        while not self._stop.wait(WATCH_SECONDS):
            now = datetime.now(UTC)
            # what cannot be read or written now is a gap in what was seen, as it would be for the loop itself
            with suppress(StoreError, RuntimeError, OSError):
                self._write_down(Window(before, now))
            before = now

    def _write_down(self, window: Window) -> None:
        if not self.requests:
            return
        serve: Sequence[int] = [v for v, percent in self.traffic().items() if percent]
        seen = [replace(profile(v, window, self.verdicts.get(v), self.requests), endpoint=self.endpoint) for v in serve]
        with self.store.begin() as tx:
            profiles.save(tx, seen)
            endpoints.save_watermark(tx, self.endpoint, window.end)


def _of_workspace(effect: Mapping[str, Any]) -> Call:
    at, granted = datetime.fromisoformat(effect["time"]), effect["status"] == 200
    body = effect["body"]
    if found := CONFIG_PATH.match(effect["path"]):
        versions = {
            e.get("name") or f"{e['entity_name']}-{e['entity_version']}": int(e["entity_version"])
            for e in body["served_entities"]
        }
        routes = (body.get("traffic_config") or {}).get("routes") or []
        shares = {versions[r["served_model_name"]]: int(r["traffic_percentage"]) for r in routes}
        shares = shares or dict.fromkeys(versions.values(), 100)
        return Call(at, Kind.TRAFFIC, found["endpoint"], shares, granted)
    token = body.get("idempotency_token", "")
    return Call(at, Kind.RUN, str(body.get("job_id")), token, granted, fresh="again, by its" not in effect["what"])
