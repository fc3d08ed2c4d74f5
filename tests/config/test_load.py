"""A configuration is taken whole or refused whole, with every error at once and each in its place."""

import contextlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from daemon.config.labels import Kpi
from daemon.config.load import ConfigError, load
from daemon.config.remedies import Gate
from daemon.config.settings import ChannelSettings, Settings, with_defaults
from daemon.domain.remediation import Mode

ROOT = Path(__file__).parents[2]
SMALL = """
[[endpoints]]
name = "flights"
table = "/tables/flights"
model = "flights"
"""


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load(file)
    return refused.value.problems


def loaded(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load(file)


@pytest.mark.parametrize("file", ["config.toml", "playground/config.toml"])
def test_the_configurations_that_we_ship_are_valid(file: str) -> None:
    assert load(ROOT / file).endpoints


def sections() -> dict[str, type[BaseModel]]:
    """Return every table of the file, and the settings that belong into it."""
    endpoint = Settings.model_fields["endpoints"].annotation.__args__[0]  # type: ignore[union-attr]
    tables = {
        "endpoints": endpoint,
        "endpoints.promote.gates": Gate,
        "endpoints.labels.kpis": Kpi,
        "notify.channels": ChannelSettings,
    }
    for prefix, model in (("", Settings), ("defaults.", endpoint)):
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                tables[prefix + name] = field.annotation
    return tables


def written(text: str) -> dict[tuple[str, str], str]:
    """Return table and setting -> the words above it, whether it is set or commented out."""
    table, comment, found = "", "", {}
    for line in text.splitlines():
        if header := re.fullmatch(r"(?:# )?\[+([\w.]+)\]+", line):
            table, comment = header[1], ""
        elif setting := re.fullmatch(r"(?:# )?(\w+) = .*", line):
            found[table, setting[1]] = comment
            comment = ""
        else:
            comment = f"{comment} {line.removeprefix('#').strip()}" if line else ""
    return found


def test_the_configuration_at_the_root_names_every_setting_and_says_what_it_means() -> None:
    said = written((ROOT / "config.toml").read_text())
    wanting = []
    for table, model in sections().items():
        for name, field in model.model_fields.items():
            if {f"{table}.{name}", f"defaults.{name}", f"endpoints.{table[9:]}.{name}"} & sections().keys():
                continue
            meaning = " ".join((field.description or "").split())
            if (table, name) not in said or meaning not in said[table, name]:
                wanting.append(f"{table}.{name}")
    assert wanting == []


def test_only_what_has_no_default_is_commented_out() -> None:
    raw = tomllib.loads((ROOT / "config.toml").read_text())
    flat = {**raw, **{f"defaults.{name}": table for name, table in raw["defaults"].items()}}
    for table, model in sections().items():
        if table in flat and table != "endpoints":
            having = {name for name, field in model.model_fields.items() if field.default not in (None, ())}
            assert having <= flat[table].keys(), table


def test_the_configuration_at_the_root_shows_the_defaults_as_they_are() -> None:
    raw = tomllib.loads((ROOT / "config.toml").read_text())
    shown = raw.pop("defaults")
    del raw["endpoints"][0]["mode"], raw["endpoints"][0]["promote"]
    bare = Settings.model_validate(with_defaults({"endpoints": raw["endpoints"]}))
    assert Settings.model_validate(with_defaults({**raw, "defaults": shown})) == bare


def test_nothing_acts_by_itself_unless_somebody_says_so(tmp_path: Path) -> None:
    mode = loaded(tmp_path, SMALL).endpoints[0].mode
    assert {mode.retrain, mode.promote, mode.rollback, mode.archive} == {Mode.OBSERVE}


def test_a_step_that_there_is_not_cannot_be_asked_before(tmp_path: Path) -> None:
    text = f'{SMALL}promote.canary = [5, 25]\npromote.ask_before = ["full", "canary-10"]\n'
    assert problems(tmp_path, text) == (
        'endpoints[0] ("flights").promote: ask_before: no step is called canary-10; '
        "there are stage, canary-5, canary-25, full, alias",
    )
    every = '["stage", "canary-5", "canary-25", "full", "alias"]'
    loaded(tmp_path, f"{SMALL}promote.canary = [5, 25]\npromote.ask_before = {every}\n")


def test_every_error_is_said_at_once_with_its_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        [workspce]
        [store]
        url = "mysql://x"
        [[endpoints]]
        name = "flights"
        table = "/t"
        modell = "m"
        watch.interval = 5
        mode.retrain = "automatic"
        promote.canary = [50, 10]
        """,
    )
    assert found == (
        'store: write "sqlite:////absolute/path.db" or "postgresql+psycopg://user@host/database"',
        'endpoints[0] ("flights").model is required',
        'endpoints[0] ("flights").watch.interval: write a duration as a string like "30s", "5m", "1h30m" or "7d"',
        'endpoints[0] ("flights").promote: canary steps must rise',
        "endpoints[0] (\"flights\").mode.retrain: input should be 'off', 'observe', 'approve' or 'auto'",
        'endpoints[0] ("flights").modell is not a setting; did you mean model?',
        "workspce is not a setting; did you mean workspace?",
    )


def test_an_error_in_the_defaults_is_said_once_and_there(tmp_path: Path) -> None:
    two = SMALL + SMALL.replace('"flights"', '"delays"')
    found = problems(tmp_path, "[defaults.decide]\nbreaches = 9\nof = 3\n" + two)
    assert found == ("defaults.decide: breaches = 9 can never be seen in of = 3 windows",)


def test_an_endpoint_wins_over_the_defaults_setting_by_setting(tmp_path: Path) -> None:
    text = '[defaults.watch]\nwindow = "20m"\nsettle = "9m"\n' + SMALL + 'watch.window = "30m"\n'
    watch = loaded(tmp_path, text).endpoints[0].watch
    assert (watch.window.total_seconds(), watch.settle.total_seconds()) == (1800, 540)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "endpoints: name at least one, in a table [[endpoints]]"),
        ("endpoints = []", "endpoints: name at least one, in a table [[endpoints]]"),
        ("[[endpoints", "is not TOML"),
        (SMALL + SMALL, "the file: endpoints named more than once: flights"),
        ('[store]\nurl = "postgresql+psycopg://u:hidden@h/d"\n' + SMALL, "a password does not belong into the file"),
        ('[workspace]\ntoken = "dapi0123"\n' + SMALL, "workspace.token"),
        ('[workspace]\ntoken = { env = "A", file = "/b" }\n' + SMALL, "name exactly one place"),
        ('[workspace]\nclient_id = "a"\n' + SMALL, "client_id and client_secret go together"),
        (SMALL + 'watch.window = "1h"\n', "rollback.timeout is too short to ever be verified"),
        (SMALL + 'watch.interval = "0s"\n', "watch.interval: must be longer than nothing"),
        (SMALL + "[[endpoints.promote.gates]]\nmetric = 'auc'\n", "would let everything through"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    assert says in "; ".join(problems(tmp_path, text))


def test_a_secret_that_was_written_into_the_file_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    found = problems(tmp_path, '[workspace]\ntoken = "dapi0123456789abcdef"\n' + SMALL)
    assert "dapi0123" not in "; ".join(found)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "nowhere.toml")


json_like: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*Settings.model_fields, "defaults", "x"]), json_like, max_size=4))
def test_no_nonsense_makes_it_stumble(raw: dict[str, Any]) -> None:
    with contextlib.suppress(ValidationError):
        Settings.model_validate(with_defaults(raw))


def test_a_lease_that_could_not_be_renewed_in_time_is_refused(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, f'{SMALL}\n[store]\nlease = "2s"\n')
    assert said.startswith("store.lease: must be 3s or longer")
    assert loaded(tmp_path, f'{SMALL}\n[store]\nlease = "3s"\n').store.lease.total_seconds() == 3


BY_NAME = SMALL.replace('"/tables/flights"', '"main.ml.flights_payload"')


def test_a_table_may_be_a_name_in_unity_catalog_and_one_line_changes_who_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABRICKS_WAREHOUSE_ID", raising=False)
    assert loaded(tmp_path, BY_NAME).endpoints[0].reader == "delta"
    warehouse = f'{BY_NAME}reader = "warehouse"\n'
    assert problems(tmp_path, warehouse) == (
        'the file: reader = "warehouse" of flights needs workspace.warehouse_id, or $DATABRICKS_WAREHOUSE_ID',
    )
    monkeypatch.setenv("DATABRICKS_WAREHOUSE_ID", "w1")
    assert loaded(tmp_path, warehouse).endpoints[0].reader == "warehouse"
    monkeypatch.delenv("DATABRICKS_WAREHOUSE_ID")
    assert loaded(tmp_path, f'[workspace]\nwarehouse_id = "w1"\n{warehouse}').workspace.warehouse_id == "w1"


def test_a_warehouse_reads_no_folder(tmp_path: Path) -> None:
    text = f'[workspace]\nwarehouse_id = "w1"\n{SMALL}reader = "warehouse"\n'
    assert problems(tmp_path, text) == (
        'endpoints[0] ("flights"): a warehouse reads tables by name: write catalog.schema.table, not /tables/flights',
    )


@pytest.mark.parametrize("setting", ["table", "labels.table"])
def test_a_name_that_is_none_is_refused_in_its_place(tmp_path: Path, setting: str) -> None:
    text = SMALL.replace('table = "/tables/flights"', "") if setting == "table" else SMALL
    (problem,) = problems(tmp_path, f'{text}{setting} = "uc://main.flights"\n')
    assert problem.startswith(
        'endpoints[0] ("flights"): uc://main.flights is no table\'s name: write catalog.schema.table'
    )


def test_the_history_of_entities_may_be_a_name_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    text = '[workspace]\nserved_entities_table = "system.serving.served_entities"\n'
    assert loaded(tmp_path, text + SMALL).workspace.served_entities_table
    (problem,) = problems(tmp_path, text.replace("system.serving", "uc://serving") + SMALL)
    assert "uc://serving.served_entities is no table's name" in problem
