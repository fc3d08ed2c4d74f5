"""The word of a person, as it is typed: what is done, what is said, and what a typo gets."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from daemon.cli import cli, options, people, read
from daemon.config import settings
from daemon.domain.remediation import Remediation, Standing, State, VersionVerdict
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.store import events, remediations, restraints, verdicts
from daemon.store.engine import Store
from tests.remediate.test_people import needs_human
from tests.remediate.waiting import NOW, asking, waiting

BY = ("--by", "ada", "--reason", "looked at it")


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the command line stands at NOW."""
    for module in (options, people, read):
        monkeypatch.setattr(module, "now", lambda: NOW)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    config = tmp_path / "config.toml"
    config.write_text(
        f"""
        [store]
        url = "sqlite:///{tmp_path}/mlsteward.db"
        [safety]
        kill_file = "{tmp_path}/KILL"
        [[endpoints]]
        name = "flights"
        table = "/t"
        model = "m"
        [[endpoints]]
        name = "delays"
        table = "/t"
        model = "m"
        """
    )
    return config


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    opened = Store.open(settings.Store(url=f"sqlite:///{file.parent}/mlsteward.db"))
    yield opened
    opened.close()


@pytest.fixture
def typed(file: Path, store: Store) -> "Typed":
    return Typed(file, store)


class Typed:
    """A terminal on a machine where the daemon has run."""

    def __init__(self, file: Path, store: Store) -> None:
        self._file, self.store = file, store

    def __call__(self, words: str, *more: str) -> Result:
        return CliRunner().invoke(cli, [*words.split(), *more, "--config", str(self._file)])

    def done(self, words: str) -> str:
        """Do it for a reason, and return what was said."""
        result = self(words, *BY)
        assert result.exit_code == 0, result.output
        assert len(result.output.splitlines()) == 1, "one sentence"
        return result.output.strip()

    def refused(self, words: str, *more: str, status: int = 1) -> str:
        """Return the one sentence that it was refused with."""
        result = self(words, *BY, *more)
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output
        return next(line for line in result.output.splitlines() if line.startswith("Error: ")).removeprefix("Error: ")

    def json(self, words: str, *more: str) -> Any:
        result = self(words, *more, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    def state(self, one: Remediation) -> State:
        with self.store.read() as tx:
            found = remediations.get(tx, one.id)
        assert found
        return found.state

    def in_force(self) -> list[Restraint]:
        with self.store.read() as tx:
            return restraints.in_force(tx, NOW)


@pytest.mark.parametrize("command", [c.name for c in people.COMMANDS])
def test_every_deed_asks_who_does_it_and_why(typed: Typed, command: str) -> None:
    said = typed(f"{command} --help").output
    assert "--by TEXT" in said and "--reason TEXT" in said and "--json" in said
    assert said.count("[required]") >= 2
    words = {"approve": " 26", "reject": " 26", "pardon": " 3 --endpoint flights"}.get(str(command), "")
    result = typed(f"{command}{words}")
    assert result.exit_code == 2
    assert "Missing option" in result.output
    empty = typed(f"{command}{words} --endpoint flights --for 1h" if not words else f"{command}{words}", "--by", " ")
    assert empty.exit_code == 2


@pytest.mark.parametrize(("verb", "state"), [("approve", State.APPROVED), ("reject", State.REJECTED)])
def test_a_word_on_the_plan(typed: Typed, verb: str, state: State) -> None:
    one = waiting(typed.store)
    assert f"rollback {one.id} of flights is {state}" in typed.done(f"{verb} 260301")
    assert typed.state(one) is state
    assert "was answered before: ada said" in typed.refused(f"{verb} 260301")


def test_a_word_as_json(typed: Typed) -> None:
    one = waiting(typed.store)
    told = typed.json("approve 260301", *BY)
    assert (told["done"], told["remediation"], told["gate"], told["state"]) == ("approve", one.id, "plan", "approved")
    assert told["plan_hash"] == one.plan_hash


def test_a_word_on_the_plan_that_was_shown(typed: Typed) -> None:
    one = waiting(typed.store)
    assert "that is not its plan" in typed.refused("approve 260301 --plan 0123456789")
    typed.done(f"approve 260301 --plan {one.plan_hash[:12].upper()}")
    assert typed.state(one) is State.APPROVED


def test_a_word_on_a_step(typed: Typed) -> None:
    asking(typed.store)
    assert "the step full is approved" in typed.done("approve 260301")


def test_an_unknown_id_says_what_there_is(typed: Typed) -> None:
    waiting(typed.store)
    said = typed.refused("approve 2603x")
    assert said == (
        "no remediation '2603x', or several begin so; open are: "
        "260301-120000-abcde (rollback of flights, awaiting_approval)"
    )


def test_an_empty_id_means_nothing(typed: Typed) -> None:
    one = waiting(typed.store)
    assert "id: must not be empty" in typed.refused("approve", "", status=2)
    assert typed.state(one) is State.AWAITING_APPROVAL


@pytest.mark.parametrize("kind", ["pause", "maintenance", "silence", "hold"])
@pytest.mark.parametrize(("words", "where"), [("--endpoint flights", "flights"), ("--all", "")])
def test_restraints_have_owner_reason_and_end(typed: Typed, kind: str, words: str, where: str) -> None:
    said = typed.done(f"{kind} {words} --for 1h30m")
    assert said.startswith(f"{kind} of {where or 'the whole fleet'} until 2026-03-01 13:30:00 UTC: ")
    (one,) = typed.in_force()
    assert (one.kind, one.endpoint, one.owner, one.reason) == (kind, where, "ada", "looked at it")
    assert one.until == NOW + timedelta(minutes=90)


def test_a_hold_lasts_until_it_is_released(typed: Typed) -> None:
    assert "until it is lifted" in typed.done("hold --endpoint flights")
    assert typed.in_force()[0].until is None
    assert typed.done("release flights").startswith("lifted at flights: the hold by ada (looked at it)")
    assert typed.in_force() == []
    assert "no hold of flights" in typed.refused("release flights")


@pytest.mark.parametrize("how", ["release --endpoint flights", "release flights"])
def test_a_release_of_an_endpoint_can_be_written_in_two_ways(typed: Typed, how: str) -> None:
    typed.done("hold --endpoint flights")
    typed.done(how)
    assert typed.in_force() == []


def test_the_hold_of_the_fleet_is_its_own(typed: Typed) -> None:
    typed.done("hold --all")
    typed.done("hold --endpoint delays")
    typed.done("release --all")
    assert [r.endpoint for r in typed.in_force()] == ["delays"]


@pytest.mark.parametrize("kind", ["pause", "maintenance", "silence"])
def test_what_has_no_end_is_refused(typed: Typed, kind: str) -> None:
    assert "--for" in typed.refused(f"{kind} --all", status=2)
    assert typed.in_force() == []


@pytest.mark.parametrize("length", ["2", "2 hours", "-2h", "0s", "forever", "9999999999999d", "367d"])
def test_a_length_that_is_none_is_refused_in_one_sentence(typed: Typed, length: str) -> None:
    said = typed.refused("pause --all", "--for", length, status=2)
    assert len(said) < 200
    assert typed.in_force() == []


@pytest.mark.parametrize("command", ["pause --for 1h", "silence --for 1h", "hold", "resume", "release"])
def test_nothing_named_never_means_everything(typed: Typed, command: str) -> None:
    assert "name either" in typed.refused(command, status=2)
    assert "name either" in typed.refused(f"{command} --all --endpoint flights", status=2)
    assert typed.in_force() == []


@pytest.mark.parametrize("command", ["pause --for 1h", "hold", "resume", "pardon 3"])
def test_an_unknown_endpoint_says_what_there_is(typed: Typed, command: str) -> None:
    said = typed.refused(f"{command} --endpoint flight")
    assert said == "no endpoint 'flight' is configured; there are: flights, delays"


@pytest.mark.parametrize(
    ("time", "begins"),
    [
        ("2026-03-02 22:00", datetime(2026, 3, 2, 22, tzinfo=UTC)),
        ("2026-03-02T22:00+01:00", datetime(2026, 3, 2, 21, tzinfo=UTC)),
    ],
)
def test_maintenance_is_announced(typed: Typed, time: str, begins: datetime) -> None:
    result = typed("maintenance --all --for 2h", "--from", time, *BY)
    assert result.exit_code == 0, result.output
    assert typed.in_force() == []
    with typed.store.read() as tx:
        assert [r.since for r in restraints.unlifted(tx, NOW)] == [begins]
    assert "maintenance, to come" in typed("status").output


def test_a_time_that_is_none_is_refused(typed: Typed) -> None:
    assert "write a time as" in typed.refused("maintenance --all --for 2h", "--from", "tomorrow", status=2)


def test_resume_ends_what_would_end_by_itself(typed: Typed) -> None:
    typed.done("pause --all --for 1h")
    typed.done("silence --all --for 1h")
    typed.done("hold --all")
    said = typed.done("resume --all")
    assert said.startswith("lifted at the whole fleet: the pause by ada (looked at it), the silence by ada")
    assert "still in force: hold of the whole fleet" in said
    assert "there is no pause or maintenance or silence or storm" in typed.refused("resume --all")


def test_what_needs_a_human_is_released_as_the_human_says(typed: Typed) -> None:
    one = needs_human(typed.store)
    assert "version 3 is known bad" in typed.done("release 260301 --as succeeded")
    assert typed.state(one) is State.SUCCEEDED


def test_a_release_of_nothing_known_says_what_there_is(typed: Typed) -> None:
    one = needs_human(typed.store)
    said = typed.refused("release flihgts")
    assert said == (
        "no endpoint and no remediation 'flihgts'; endpoints: flights, delays; "
        f"remediations that need a human: {one.id}"
    )


def test_a_version_is_pardoned(typed: Typed) -> None:
    with typed.store.begin() as tx:
        verdicts.set_standing(tx, VersionVerdict("flights", "m", 3, Standing.BAD, "", NOW))
    assert "version 3 of flights is not known bad any more" in typed.done("pardon 3 --endpoint flights")
    assert "known bad there: none" in typed.refused("pardon 3 --endpoint flights")


def test_the_kill_switch(typed: Typed, file: Path) -> None:
    assert typed.done("kill").startswith("the kill switch is pulled: nothing is done in the world any more")
    assert "NOTHING IS DONE: the kill switch is pulled" in typed("status").output
    assert (file.parent / "KILL").exists()
    assert [r.kind for r in typed.in_force()] == [RestraintKind.KILL]
    assert typed.done("kill --lift") == "the kill switch is put back: remedies go on"
    assert not (file.parent / "KILL").exists()
    assert typed.in_force() == []
    assert typed.refused("kill --lift") == "the kill switch is not pulled"


def test_the_kill_switch_works_before_there_is_a_database(file: Path) -> None:
    result = CliRunner().invoke(cli, ["kill", *BY, "--config", str(file), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert (told["file"], told["database"]) == (True, False)
    assert (file.parent / "KILL").exists()


def test_the_kill_switch_works_while_somebody_holds_the_database(typed: Typed, file: Path) -> None:
    thief = sqlite3.connect(file.parent / "mlsteward.db", isolation_level=None)
    thief.execute("BEGIN IMMEDIATE")
    said = typed.done("kill")
    thief.close()
    assert "does it alone" in said and "locked" in said
    assert (file.parent / "KILL").exists()


def test_the_kill_switch_says_how_to_pull_it_where_the_configuration_is_broken(tmp_path: Path) -> None:
    broken = tmp_path / "config.toml"
    broken.write_text("nonsense")
    result = CliRunner().invoke(cli, ["kill", *BY, "--config", str(broken)])
    assert result.exit_code == 2
    assert "NOTHING WAS STOPPED" in result.output
    assert "touch /var/lib/mlsteward/KILL" in result.output


def test_what_people_write_cannot_steer_a_terminal_or_forge_a_line(typed: Typed) -> None:
    said = typed("hold --all", "--by", "ada\x1b[2J\nroot", "--reason", "a\r\nb").output
    assert "\x1b" not in said
    (one,) = typed.in_force()
    assert (one.owner, one.reason) == ("ada [2J root", "a b")


def test_status_shows_what_waits_and_what_to_type(typed: Typed) -> None:
    waiting(typed.store)
    typed.done("hold --endpoint delays")
    said = typed("status").output
    assert "waits for a word on the plan until 2026-03-02 12:00:00 UTC: rollback of flights" in said
    assert "mlsteward approve 260301-120000-abcde --by YOU --reason TEXT" in said.splitlines()[-3].strip()
    assert "looked at it" in said
    told = typed.json("status")
    assert [w["gate"] for w in told["waits_for_approval"]] == ["plan"]
    assert [(r["kind"], r["endpoint"]) for r in told["restraints"]] == [("hold", "delays")]
    assert (told["kill_switch"], told["needs_human"]) == ("", [])


def test_status_shows_no_plan_that_was_answered(typed: Typed) -> None:
    asking(typed.store)
    assert typed.json("status")["waits_for_approval"][0]["gate"] == "ask-full"
    typed.done("approve 260301")
    assert typed.json("status")["waits_for_approval"] == []


def test_explain_shows_the_plan_the_words_and_how_to_answer(typed: Typed) -> None:
    one = waiting(typed.store)
    said = typed("explain 260301").output
    for words in (
        "1. traffic: version 3 at 100 % becomes version 2 at 100 %",
        f"the plan's hash: {one.plan_hash}",
        "nobody has said yes yet",
        f"mlsteward reject {one.id} --by YOU --reason TEXT",
    ):
        assert words in said
    typed.done("reject 260301")
    told = typed.json("explain 260301")
    assert [(a["gate"], a["granted"], a["by"]) for a in told["approvals"]] == [("plan", False, "ada")]
    assert told["waits_for"] is None
    assert told["plan_hash"] == one.plan_hash


def test_the_record_says_who_did_what(typed: Typed) -> None:
    typed.done("hold --all")
    with typed.store.read() as tx:
        (event,) = [e for e in events.history(tx, limit=9) if e.kind == "person.hold"]
    assert event.sentence.startswith("ada: hold of the whole fleet until it is lifted")
    assert "person.hold" in typed("history").output
