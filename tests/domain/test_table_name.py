"""Names in Unity Catalog, told from folders and URIs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.adapters.tables.dialect import DATABRICKS
from daemon.domain.table_name import FORBIDDEN, TableName, table_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("main.ml.flights_payload", TableName("main", "ml", "flights_payload")),
        ("uc://main.ml.flights_payload", TableName("main", "ml", "flights_payload")),
        ("main.ml.flight-delay_payload", TableName("main", "ml", "flight-delay_payload")),
        ("`main`.`ml-prod`.`flight-delay`", TableName("main", "ml-prod", "flight-delay")),
        ('main.`o\'hare`.`say "``yes``"`'.replace(" ", "_"), TableName("main", "o'hare", 'say_"`yes`"')),
    ],
)
def test_a_name_is_read_with_and_without_quotes(text: str, name: TableName) -> None:
    assert table_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "/tables/flights",
        "tables/a.b.c",
        "./a.b.c",
        "s3://bucket/a.b.c",
        "abfss://c@a.dfs.core.windows.net/t",
        "t",
        "a.b",
    ],
)
def test_folders_and_uris_are_no_names(text: str) -> None:
    assert table_name(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "uc://main.ml",
        "uc://a.b.c.d",
        "a..c",
        "`a.b`.c.d",
        "`a`b.c.d",
        "`a.b.c",
        "a.b.c d",
        "uc://a.b.c/d",
        f"a.b.{'x' * 256}",
    ],
)
def test_what_is_meant_for_a_name_and_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name"):
        table_name(text)


part = st.text(min_size=1, max_size=20).filter(lambda text: not FORBIDDEN.search(text))


@given(part, part, part)
def test_any_name_that_unity_catalog_takes_survives_its_quotes(catalog: str, schema: str, table: str) -> None:
    name = TableName(catalog, schema, table)
    assert table_name(".".join(map(DATABRICKS.identifier, name.parts))) == name
