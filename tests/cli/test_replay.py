"""`replay` as a person types it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from daemon.cli import cli
from tests.watch.conftest import begin, world  # noqa: F401
from tests.watch.world import World

RULES = """
    watch = {{window = "15m", settle = "5m", interval = "5m", rows = 200}}
    drift = {{tolerance = {tolerance}, psi = 2.0, missing = 0.23, design_effect = 1, false_alarms_per_year = 100}}
    health = {{requests = 50}}
    retrain = {{job_id = 7}}
    mode = {{retrain = "auto"}}
"""


@pytest.fixture
def drifted(world: World) -> World:  # noqa: F811
    world.live(range(6))
    world.live(range(6, 11), shift=60)
    world.store.close()
    return world


def config(world: World, *, tolerance: float = 0.3, name: str = "config", model: str = "prod.ml.flight_delay") -> Path:  # noqa: F811
    file = world.folder / f"{name}.toml"
    file.write_text(
        f'[store]\nurl = "sqlite:///{world.folder}/mlsteward.db"\n'
        f'[[endpoints]]\nname = "flights"\ntable = "{world.folder}/nowhere"\nmodel = "{model}"\n'
        + RULES.format(tolerance=tolerance)
    )
    return file


def run(*words: str | Path, **more: str) -> Result:
    stretch = {"--from": "2026-03-01", "--to": "2026-03-01 02:45", **more}
    options = [word for pair in stretch.items() for word in pair]
    return CliRunner().invoke(cli, ["replay", "--endpoint", "flights", *options, *map(str, words)])


def answer(*words: str | Path) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_it_says_what_would_have_been_found_decided_and_proposed(drifted: World) -> None:
    result = run("--config", config(drifted))
    assert result.exit_code == 0, result.output
    for words in (
        "11 windows with traffic, 11 from the store, 0 read",
        "flights:1:distance/ks",
        "traffic has drifted from what version 1 was trained on",
        "retrain",
        "not on record, and taken to hold",
        "1 alarms came of",
    ):
        assert words in result.output, words
    told = answer("--config", config(drifted))
    assert [p["remedy"] for p in told["proposed"]][:1] == ["retrain"]
    assert told["episodes"][0]["worst"]["verdict"] == "breach"


def test_against_other_rules_it_says_what_differs(drifted: World) -> None:
    deaf = config(drifted, tolerance=0.9, name="deaf")
    result = run("--config", config(drifted), "--against", deaf)
    assert "not at all" in result.output
    assert "when they decide differently" in result.output
    told = answer("--config", config(drifted), "--against", deaf)
    assert {d["what"]: d["theirs"] for d in told["differences"]}["retrain of version 1"] == ""
    assert told["ours"]["proposed"]
    assert not told["theirs"]["proposed"]


def test_it_leaves_the_database_as_it_is(drifted: World) -> None:
    file = drifted.folder / "mlsteward.db"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    assert run("--config", config(drifted)).exit_code == 0
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_where_no_daemon_has_run_it_says_what_it_could_not_read_and_makes_no_database(world: World) -> None:  # noqa: F811
    file = config(world)
    file.write_text(file.read_text().replace("mlsteward.db", "other.db"))
    result = run("--config", file)
    assert result.exit_code == 0, result.output
    assert "note: the inference table cannot be read" in result.output
    assert not (world.folder / "other.db").exists()
    assert "not kept in the store" in run("--config", file, "--stored").output


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ({"--from": "yesterday"}, 2, "write a time as"),
        ({"--to": "2026-02-01"}, 2, "--from lies before --to"),
    ],
)
def test_what_cannot_be_understood_is_said(drifted: World, words: dict[str, str], status: int, said: str) -> None:
    result = run("--config", config(drifted), **words)
    assert result.exit_code == status
    assert said in result.output


def test_rules_of_another_model_are_not_compared(drifted: World) -> None:
    other = config(drifted, name="other", model="prod.ml.air_time")
    result = run("--config", config(drifted), "--against", other)
    assert result.exit_code == 1
    assert "prod.ml.air_time there" in result.output
