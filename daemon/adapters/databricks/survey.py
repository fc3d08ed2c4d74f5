"""The port Survey: what there is in a workspace, and who may do what. It sends nothing but GET."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar
from urllib.parse import quote

from daemon.adapters.databricks.client import Json, Terms
from daemon.adapters.databricks.shown import read_endpoint, read_job, read_people, read_rights, read_warehouse
from daemon.domain.found import FoundEndpoint, FoundJob, FoundWarehouse, Kind, Meeting, Presence, Principal, Rights
from daemon.ports import PlatformError

T = TypeVar("T")

ENDPOINTS = "/api/2.0/serving-endpoints"
JOBS = "/api/2.2/jobs"
WAREHOUSES = "/api/2.0/sql/warehouses"
CATALOG = "/api/2.1/unity-catalog"
PEOPLE = "/api/2.0/preview/scim/v2"
PLACES = {Kind.CATALOG: "catalogs", Kind.SCHEMA: "schemas", Kind.TABLE: "tables", Kind.MODEL: "models"}
APPLICATION = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""How a service principal is named."""
MOST_PAGES = 100
JOBS_IN_A_PAGE = 100


class Asks(Protocol):
    """All of the client that a survey may use: it has no way to change anything."""

    def get(self, path: str, read: Callable[[Json], T], *, what: str, query: Json | None = None) -> T: ...

    def meet(self, path: str, read: Callable[[Json, Terms], T], *, what: str) -> T: ...


class DatabricksSurvey:
    def __init__(self, client: Asks) -> None:
        self._client = client

    def meet(self) -> Meeting:
        return self._client.meet(f"{PEOPLE}/Me", _meeting, what="ask the workspace who we are")

    def endpoints(self) -> list[FoundEndpoint]:
        listed = self._client.get(
            ENDPOINTS, lambda shown: [read_endpoint(e) for e in shown.get("endpoints") or []], what="list the endpoints"
        )
        # The list has no traffic, no telemetry and nothing pending.
        return [it if it.foreign else self._known(it) for it in sorted(listed, key=lambda it: it.name)]

    def endpoint(self, name: str) -> FoundEndpoint:
        return self._client.get(f"{ENDPOINTS}/{_quoted(name)}", read_endpoint, what=f"read endpoint {name}")

    def jobs(self) -> list[FoundJob]:
        pages = self._pages(f"{JOBS}/list", "list the jobs", {"limit": str(JOBS_IN_A_PAGE)})
        return [read_job(job) for page in pages for job in page.get("jobs") or []]

    def job(self, job_id: int) -> FoundJob:
        return self._client.get(f"{JOBS}/get", read_job, what=f"read job {job_id}", query={"job_id": str(job_id)})

    def warehouses(self) -> list[FoundWarehouse]:
        return self._client.get(
            WAREHOUSES,
            lambda shown: [read_warehouse(w) for w in shown.get("warehouses") or []],
            what="list the SQL warehouses",
        )

    def warehouse(self, warehouse_id: str) -> FoundWarehouse:
        path = f"{WAREHOUSES}/{_quoted(warehouse_id)}"
        return self._client.get(path, read_warehouse, what=f"read warehouse {warehouse_id}")

    def rights(self, kind: Kind, name: str) -> Rights:
        what = f"ask who may do what on {kind.name.lower()} {name}"
        if kind not in PLACES:
            path = f"/api/2.0/permissions/{kind}/{_quoted(name)}"
            return self._told(lambda: self._client.get(path, read_rights, what=what), "")
        place = f"{CATALOG}/{PLACES[kind]}/{_quoted(name)}"
        owner = self._client.get(place, lambda shown: str(shown.get("owner") or ""), what=f"look up {name}")
        path = f"{CATALOG}/effective-permissions/{kind}/{_quoted(name)}"
        return self._told(lambda: self._privileges(path, what, owner), owner)

    def presence(self, name: str) -> Presence:
        family, attribute = (
            ("ServicePrincipals", "applicationId") if APPLICATION.fullmatch(name) else ("Users", "userName")
        )
        path, what = f"{PEOPLE}/{family}", f"look for {name}"
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        found = self._client.get(path, read_people, what=what, query={"filter": f'{attribute} eq "{quoted}"'})
        if found:
            return Presence.THERE if any(found) else Presence.INACTIVE
        # Who may not see people may be shown an empty list.
        anybody = self._client.get(path, read_people, what=what, query={"count": "1"})
        return Presence.GONE if anybody else Presence.UNKNOWN

    def token_ends(self) -> list[datetime | None]:
        return self._client.get("/api/2.0/token/list", _ends, what="list the principal's access tokens")

    def _known(self, listed: FoundEndpoint) -> FoundEndpoint:
        try:
            return self.endpoint(listed.name)
        except PlatformError as error:
            if not error.missing:
                raise
            return listed  # it went meanwhile

    def _privileges(self, path: str, what: str, owner: str) -> Rights:
        holders: dict[str, frozenset[str]] = {}
        for page in self._pages(path, what, {"max_results": "0"}):
            for assignment in page.get("privilege_assignments") or []:
                for held in assignment.get("privileges") or []:
                    right = str(held["privilege"]).replace(" ", "_")
                    holders[right] = holders.get(right, frozenset()) | {str(assignment.get("principal") or "")}
        return Rights(holders, owner)

    def _told(self, ask: Callable[[], Rights], owner: str) -> Rights:
        """A refusal to show rights is an answer: whoever may use a thing need not see who else may."""
        try:
            return ask()
        except PlatformError as error:
            if not error.permanent or error.missing:
                raise
            return Rights({}, owner, str(error))

    def _pages(self, path: str, what: str, query: Mapping[str, str]) -> Iterator[Json]:
        """Yield all pages. One may be empty and not the last."""
        token = ""
        for _ in range(MOST_PAGES):
            page = self._client.get(path, dict, what=what, query={**query, **({"page_token": token} if token else {})})
            yield page
            token = str(page.get("next_page_token") or "")
            if not token:
                return
        raise PlatformError(f"could not {what}: more than {MOST_PAGES} pages", permanent=True)


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _meeting(shown: Json, terms: Terms) -> Meeting:
    groups = frozenset(str(group["display"]) for group in shown.get("groups") or [] if group.get("display"))
    return Meeting(
        me=Principal(str(shown["userName"]), groups),
        host=terms.host,
        kind=terms.kind,
        server_time=_date(terms.date),
        token_until=_time(terms.token_until),
    )


def _date(header: str) -> datetime | None:
    try:
        return parsedate_to_datetime(header)
    except ValueError:
        return None


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _ends(shown: Json) -> list[datetime | None]:
    ends = (int(token.get("expiry_time") or -1) for token in shown.get("token_infos") or [])
    return [_time(end / 1000) if end > 0 else None for end in ends]
