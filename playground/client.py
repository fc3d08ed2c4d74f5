"""The control paths as methods, and what a person would do by hand in the workspace's pages."""

import json
import time
from collections.abc import Sequence
from typing import Any

import urllib3

from playground.address import Address

_TIMEOUT_SECONDS = 30.0


class Client:
    """Speaks to one playground with its main token."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._http = urllib3.PoolManager(timeout=_TIMEOUT_SECONDS, retries=False)

    def effects(self, *, after: int = 0) -> list[dict[str, Any]]:
        """Return every mutating call behind a sequence number: seq, time, method, path, body, what, status."""
        effects: list[dict[str, Any]] = self.call("GET", f"/_playground/effects?after={after}")["effects"]
        return effects

    def asked(self) -> list[str]:
        """Return every request since recording began, those that only read as well, as `GET /path`."""
        return [f"{one['method']} {one['path']}" for one in self.requests()]

    def outage(self, on: bool, *, endpoints: list[str] | None = None, status: int = 503) -> None:
        """Begin or end upstream trouble, everywhere or at some endpoints."""
        self.call("POST", "/_playground/outage", {"on": on, "endpoints": endpoints, "status": status})

    def fault(self, path: str, **about: Any) -> None:
        """Have the requests to a path, or to all that a regular expression fits, fail.

        `about`: method, status, body, headers, delay_seconds, drop ("before" or "after" the effect), times.
        """
        self.call("POST", "/_playground/faults", {"path": path, **about})

    def clear_faults(self) -> None:
        """Let everything work again."""
        self.call("DELETE", "/_playground/faults")

    def record(self, on: bool = True, *, of: str = "") -> None:
        """Begin to record anew what they send whose user agent begins like this, or end it."""
        self.call("POST", "/_playground/requests", {"on": on, "of": of})

    def requests(self) -> list[dict[str, Any]]:
        """Return every request since recording began: method, path, query, body, user_agent."""
        recorded: list[dict[str, Any]] = self.call("GET", "/_playground/requests")["requests"]
        return recorded

    def declare_job(self, name: str, command: list[str], parameters: list[str]) -> int:
        """Add a job that runs a command, each parameter an option of it; return its id."""
        job = {"name": name, "command": command, "parameters": parameters}
        return int(self.call("POST", "/_playground/jobs", job)["job_id"])

    def lock_stages(self, model: str) -> None:
        """Let the principal move no version of the model to another stage any more, but ask for it."""
        self.call("POST", "/_playground/registry", {"lock": [model]})

    def hand_out_files(self, *, by_api: bool) -> None:
        """Say how files of versions in Unity Catalog are handed out: by the files API, or by signed addresses."""
        self.call("POST", "/_playground/registry", {"files_api": by_api})

    def connect_deployment_job(self, model: str, job: dict[str, Any] | None) -> None:
        """Connect a deployment job (`job_id`, `state`, `runs` by version) to a model, or none."""
        self.call("POST", "/_playground/deployment-job", {"model": model, "job": job})

    def set_access(self, **asked: Any) -> None:
        """Change who is there and who may do what: `people`, `rights`, `take`, `owners`, `skew_seconds` and so on."""
        self.call("POST", "/_playground/access", asked)

    def show_endpoint(self, name: str, **shown: Any) -> None:
        """Say what an endpoint shows besides (None: does not), or show one that is nothing else."""
        self.call("POST", "/_playground/show-endpoint", {"name": name, "shown": shown})

    def issue_token(self) -> str:
        """Return another good token."""
        return str(self.call("POST", "/_playground/tokens")["token"])

    def expire_token(self, *, token: str | None = None, status: int = 401) -> None:
        """Have a token, by default the main one, refused with 401 or 403."""
        self.call("POST", "/_playground/expire-token", {"token": token, "status": status})

    def renew_token(self, *, token: str | None = None) -> None:
        """Make a token, by default the main one, good again."""
        self.call("POST", "/_playground/renew-token", {"token": token})

    def register_table(self, name: str, location: str) -> None:
        """Give a Delta table, a file: or s3: URI, a name in the catalog."""
        self.call("POST", "/_playground/tables", {"name": name, "location": location})

    def statements(self) -> list[dict[str, Any]]:
        """Return every statement that was sent to the warehouse: id, sql, parameters, state."""
        statements: list[dict[str, Any]] = self.call("GET", "/_playground/statements")["statements"]
        return statements

    def lent(self) -> list[str]:
        """Return the tables that credentials were lent for, one after the other."""
        lent: list[str] = self.call("GET", "/_playground/statements")["lent"]
        return lent

    def set_warehouse(self, **settings: Any) -> None:
        """Set chunk_rows, link_seconds, start_seconds, credentials."""
        self.call("POST", "/_playground/warehouse", settings)

    def flush(self) -> None:
        """Have the inference tables written now."""
        self.call("POST", "/_playground/flush")

    def deploy(
        self, endpoint: str, version: int, *, keep: Sequence[int] = (), deadline_seconds: float | None = 60.0
    ) -> None:
        """Give all traffic to one version, as by hand, and keep others ready at 0 %.

        Wait until it serves unless the deadline is None.
        """
        wanted = all_traffic_to(self._address.endpoints[endpoint].registered_model, version, keep=keep)
        self.call("PUT", f"/api/2.0/serving-endpoints/{endpoint}/config", wanted)
        if deadline_seconds is not None:
            self.wait_until_deployed(endpoint, deadline_seconds=deadline_seconds)

    def wait_until_deployed(self, endpoint: str, *, deadline_seconds: float) -> None:
        """Return when no update is under way; raise if it failed."""
        deadline = time.monotonic() + deadline_seconds
        while (state := self._config_update(endpoint)) == "IN_PROGRESS":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{endpoint} is still being updated after {deadline_seconds} s")
            time.sleep(0.05)
        if state != "NOT_UPDATING":
            raise RuntimeError(f"{endpoint}: {state}")

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one request and return its JSON; anything but 200 raises."""
        answer = self._http.request(
            method,
            self._address.host + path,
            body=json.dumps(body or {}),
            headers={"Authorization": f"Bearer {self._address.token}", "Content-Type": "application/json"},
        )
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data.decode()[:500]}")
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def _config_update(self, endpoint: str) -> str:
        return str(self.call("GET", f"/api/2.0/serving-endpoints/{endpoint}")["state"]["config_update"])


def all_traffic_to(model: str, version: int, *, keep: Sequence[int] = ()) -> dict[str, Any]:
    """Return the configuration in which one version serves, and others stand ready at 0 %."""
    versions, name = (version, *keep), model.rpartition(".")[2]
    entities = [
        {
            "name": f"{name}-{each}",
            "entity_name": model,
            "entity_version": str(each),
            "scale_to_zero_enabled": False,
        }
        for each in versions
    ]
    routes = [
        {"served_model_name": f"{name}-{each}", "traffic_percentage": 100 if each == version else 0}
        for each in versions
    ]
    return {"served_entities": entities, "traffic_config": {"routes": routes}}
