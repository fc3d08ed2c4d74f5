"""The least that will do, for observing and for acting; the page for people says the same."""

from pathlib import Path
from typing import Any

import pytest

from daemon.config.settings import Settings, with_defaults
from daemon.setup.needs import Need, needs
from tests.setup.nouns import AUTO, MODEL, TABLE, settings

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"


def of(configured: Settings) -> set[tuple[str, str, str]]:
    return {(it.kind.name, it.object, it.right) for it in needs(configured, configured.endpoints[0])}


def now(configured: Settings) -> set[str]:
    return {it.right for it in needs(configured, configured.endpoints[0]) if it.now}


OBSERVING = {"CAN_VIEW", "SELECT", "USE_SCHEMA", "USE_CATALOG", "EXECUTE"}


def test_to_observe_nothing_is_needed_that_changes_anything() -> None:
    assert now(settings()) == OBSERVING | {"EXTERNAL_USE_SCHEMA"}
    assert now(settings(reader="warehouse")) == OBSERVING | {"CAN_USE"}


@pytest.mark.parametrize(
    ("mode", "more"),
    [
        ({"retrain": "auto"}, {"CAN_MANAGE_RUN"}),
        ({"rollback": "approve"}, {"CAN_MANAGE", "MANAGE"}),
        ({"promote": "auto"}, {"CAN_MANAGE", "MANAGE"}),
        ({"archive": "auto"}, {"APPLY_TAG"}),
    ],
)
def test_each_remedy_needs_its_own_before_it_may_act(mode: dict[str, str], more: set[str]) -> None:
    configured = settings(mode=mode, archive={"folder": "/a"})
    assert now(configured) - now(settings()) == more


def test_a_table_that_is_files_needs_no_catalog() -> None:
    configured = settings(table="/data/flights")
    assert not {kind for kind, name, _ in of(configured) if name == TABLE}


def test_labels_baseline_and_history_are_read_as_well() -> None:
    raw: dict[str, Any] = {
        "workspace": {"served_entities_table": "system.serving.served_entities", "warehouse_id": "abc"},
        "mlflow": {"tracking_uri": "databricks"},
        "endpoints": [
            {
                "name": "flights",
                "table": TABLE,
                "model": MODEL,
                "reader": "warehouse",
                "labels": {"table": "main.labels.flights", "cohort": "1d"},
                "baseline": {"path": "uc://main.training.flights"},
            }
        ],
    }
    asked = of(Settings.model_validate(with_defaults(raw)))
    for name in ("system.serving.served_entities", "main.labels.flights", "main.training.flights"):
        assert ("TABLE", name, "SELECT") in asked


def test_each_right_is_named_once_with_all_that_it_is_for() -> None:
    configured = settings(**AUTO)
    asked = needs(configured, configured.endpoints[0])
    assert len({(it.kind, it.object, it.right) for it in asked}) == len(asked)
    manage: Need = next(it for it in asked if it.right == "CAN_MANAGE")
    assert manage.purposes == ("promote", "rollback")


def test_the_page_for_people_names_every_right_that_can_be_asked_for() -> None:
    page = PAGE.read_text()
    configured = settings(reader="warehouse", archive={"folder": "/a"}, **AUTO)
    for it in (*needs(configured, configured.endpoints[0]), *needs(settings(), settings().endpoints[0])):
        assert it.right.replace("_", " ") in page or it.right in page
