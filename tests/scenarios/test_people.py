"""A person and the daemon as a process: asked by a message, answered by a link and by a command."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.config.settings import Store as StoreSettings
from daemon.domain.remediation import Remediation, Remedy, State, new_id
from daemon.store import remediations
from daemon.store.engine import Store
from playground.address import Address
from playground.process import Playground
from playground.webhook import Webhook
from tests.scenarios.process import TINY, Daemon

TOKEN, KEY = "t" * 40, "k" * 40
MORE = """
[safety]
kill_file = "KILL"
[notify]
interval = "200ms"
group_wait = "0s"
[[notify.channels]]
name = "hook"
url = {{ env = "HOOK" }}
[defaults.archive]
folder = "{folder}/archive"
every = "30d"
[defaults.mode]
archive = "approve"
"""
ENDPOINT = """
[[endpoints]]
name = "{name}"
table = "{table}"
model = "{model}"
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A workspace of their own: versions are marked in it."""
    with Playground(tmp_path_factory.mktemp("people")) as started:
        yield started.address


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as listening:
        yield listening


@pytest.fixture
def daemon(address: Address, hook: Webhook, tmp_path: Path) -> Iterator[Daemon]:
    base = TINY.format(host=address.host, mlflow=address.mlflow, served_entities_table=address.served_entities_table)
    secret = base.replace("port = 0", 'port = 0\ntoken = { env = "WEB" }\nlink_key = { env = "KEY" }')
    text = secret + MORE.format(folder=tmp_path)
    for name, known in address.endpoints.items():
        text += ENDPOINT.format(name=name, table=known.table, model=known.registered_model)
    secrets = {"TEST_TOKEN": address.token, "HOOK": hook.url, "WEB": TOKEN, "KEY": KEY}
    with Daemon(tmp_path, text, **secrets) as started:
        yield started


def ask_to_mark(daemon: Daemon, address: Address, name: str = "flight-delay") -> str:
    """Propose what changes little in the world: to mark version 1 as stale."""
    now = datetime.now(UTC)
    one = Remediation(
        id=new_id(name, Remedy.ARCHIVE, now),
        endpoint=name,
        remedy=Remedy.ARCHIVE,
        state=State.PROPOSED,
        reason="stale_mark",
        sentence="mark stale versions: 1",
        evidence={},
        model=address.endpoints[name].registered_model,
        from_version=None,
        to_version=None,
        plan={"phase": "mark", "versions": [1]},
        created_at=now,
        updated_at=now,
        deadline_at=now + timedelta(hours=1),
    )
    store = Store.open(StoreSettings(url=f"sqlite:///{daemon.folder}/mlsteward.db"), migrate=False)
    with store.begin() as tx:
        assert remediations.propose(tx, one)
    store.close()
    daemon.wait("the question", lambda: state_of(daemon, one.id) == "awaiting_approval")
    return one.id


def state_of(daemon: Daemon, remediation_id: str) -> str:
    return str(json.loads(daemon.get(f"/api/remediations/{remediation_id}")[1])["state"])


def typed(daemon: Daemon, *words: str) -> Any:
    ended = subprocess.run(
        [sys.executable, "-m", "daemon", *words, "--config", "config.toml", "--json"],
        cwd=daemon.folder,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ended.stdout)


def test_a_link_from_a_message_is_followed_and_the_plan_runs(daemon: Daemon, hook: Webhook, address: Address) -> None:
    one = ask_to_mark(daemon, address)
    daemon.wait("the message", lambda: any("approve: http" in m.body for m in hook.messages))
    (body,) = [m.body for m in hook.messages if "approve: http" in m.body]
    found = re.search(r"^approve: (\S+)$", body, re.MULTILINE)
    assert found and found[1].startswith(daemon.url)
    with httpx.Client(trust_env=False, timeout=20) as browser:
        for _ in range(2):  # a scanner of mail, then the person
            page = browser.get(found[1])
            assert page.status_code == 200 and "<form" in page.text
        assert state_of(daemon, one) == "awaiting_approval"
        assert browser.post(found[1], data={"by": "ada", "reason": "nobody needs it"}).status_code == 200
        daemon.wait("the end", lambda: state_of(daemon, one) == "succeeded")
        assert browser.post(found[1], data={"by": "eve", "reason": "again"}).status_code == 409
        assert browser.post(f"{daemon.url}/api/restraints", json={"kind": "kill"}).status_code == 401
    assert daemon.events("web.refused")
    assert daemon.stop() == 0
    log = daemon.log.read_text()
    assert "signature" not in log and TOKEN not in log and KEY not in log


def test_a_command_is_typed_beside_the_running_daemon(daemon: Daemon, address: Address) -> None:
    one = ask_to_mark(daemon, address, "air-time")
    assert typed(daemon, "hold", "--all", "--by", "ada", "--reason", "wait")["kind"] == "hold"
    assert typed(daemon, "approve", one, "--by", "ada", "--reason", "fine")["state"] == "approved"
    daemon.wait("it to be held", lambda: state_of(daemon, one) == "scheduled")
    typed(daemon, "kill", "--by", "ada", "--reason", "all at once")
    typed(daemon, "release", "--all", "--by", "ada", "--reason", "go on")
    status = typed(daemon, "status")
    assert "pulled" in status["kill_switch"]
    # what endpoints tell changes with every look, also between these two
    steady = {"kill_switch", "restraints", "waits_for_approval", "needs_human", "leads"}
    told = json.loads(daemon.get("/api/status")[1])
    assert {key: status[key] for key in steady} == {key: told[key] for key in steady}
    assert status.keys() == told.keys()
    assert state_of(daemon, one) == "scheduled"
    typed(daemon, "kill", "--lift", "--by", "ada", "--reason", "go on")
    daemon.wait("the end", lambda: state_of(daemon, one) == "succeeded")
    assert daemon.stop() == 0


def test_the_kill_switch_and_an_answer_work_while_the_daemon_is_down(daemon: Daemon, address: Address) -> None:
    one = ask_to_mark(daemon, address)
    assert daemon.stop() == 0
    assert typed(daemon, "kill", "--by", "ada", "--reason", "to be sure")["file"] is True
    assert typed(daemon, "reject", one, "--by", "ada", "--reason", "no")["state"] == "rejected"
    assert (daemon.folder / "KILL").exists()


@pytest.mark.parametrize("secret", ["short", ""])
def test_a_key_that_could_be_guessed_is_refused_at_the_start(address: Address, tmp_path: Path, secret: str) -> None:
    known = address.endpoints["flight-delay"]
    base = TINY.format(host=address.host, mlflow=address.mlflow, served_entities_table="").replace(
        "port = 0", 'port = 0\nlink_key = { env = "KEY" }'
    )
    text = f'{base}\n[[endpoints]]\nname = "flight-delay"\ntable = "{known.table}"\nmodel = "m"\n'
    daemon = Daemon(tmp_path, text, TEST_TOKEN=address.token, KEY=secret)
    daemon.spawn()
    assert daemon.process.wait(60) == 1
    said = daemon.log.read_text()
    assert "web.link_key" in said and "Traceback" not in said
    assert ("could be guessed" if secret else "KEY is not set") in said


def test_a_renewed_token_is_taken_at_a_reload_and_a_short_one_is_not(tmp_path: Path) -> None:
    base = TINY.format(host="http://127.0.0.1:1", mlflow="http://127.0.0.1:1", served_entities_table="")
    text = base.replace("port = 0", 'port = 0\ntoken = { file = "token" }')
    text += '\n[[endpoints]]\nname = "flight-delay"\ntable = "/nowhere"\nmodel = "m"\n'
    (tmp_path / "token").write_text("a" * 40)

    with Daemon(tmp_path, text, TEST_TOKEN="x") as renewed:

        def opens(token: str) -> bool:
            headers = {"Authorization": f"Bearer {token}"}
            return httpx.post(f"{renewed.url}/nothing", headers=headers, trust_env=False).status_code == 404

        assert opens("a" * 40) and not opens("b" * 40)
        (tmp_path / "token").write_text("b" * 8)
        renewed.process.send_signal(signal.SIGHUP)
        renewed.wait("the refusal", lambda: renewed.metric("mlsteward_config_reload_success") == 0)
        assert opens("a" * 40) and not opens("b" * 8)
        (tmp_path / "token").write_text("b" * 40)
        renewed.process.send_signal(signal.SIGHUP)
        renewed.wait("the new token", lambda: opens("b" * 40))
        assert not opens("a" * 40)
        assert "could be guessed" in renewed.log.read_text()
