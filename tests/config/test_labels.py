"""Settings of labels: what cannot be measured is refused before anything is read."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from daemon.config.endpoint import EndpointSettings
from daemon.config.labels import Kpi, Labels, not_scalar


def refused(**about: Any) -> str:
    with pytest.raises(ValidationError) as error:
        Labels(table="/t", **about)
    return str(error.value)


def test_labels_are_off_unless_a_table_is_named() -> None:
    assert EndpointSettings(name="e", table="/t", model="m").labels.table is None


def test_all_is_measured_that_can_be_unless_something_is_named() -> None:
    assert Labels(table="/t").measured == ("accuracy", "precision", "recall", "f1")
    assert Labels(table="/t", score="p").measured[-2:] == ("auc", "log_loss")
    assert Labels(table="/t", kind="regression", range=(0, 1)).measured == ("mae", "rmse", "r2")
    assert Labels(table="/t", metrics=("recall",)).measured == ("recall",)


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"kind": "regression"}, "regression needs range"),
        ({"kind": "regression", "range": (3, 3)}, "must rise"),
        ({"metrics": ("mae",)}, "classification has no mae; it has accuracy"),
        ({"metrics": ("log_loss",)}, "log_loss needs score"),
        ({"kpis": [{"name": "k", "column": "c", "tolerance": 1.0, "range": [0, 1]}] * 2}, "named more than once: k"),
        ({"threshold": 1.0}, "threshold"),
        ({"calm_cohorts": 1}, "tells no variation"),
        ({"tolerance": {"accuracy": 0}}, "greater than 0"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(about: dict[str, Any], says: str) -> None:
    assert says in refused(**about)


def test_a_cohort_is_made_of_whole_windows() -> None:
    with pytest.raises(ValidationError, match=r"multiple of watch\.window"):
        EndpointSettings(name="e", table="/t", model="m", labels=Labels(table="/t", cohort=timedelta(minutes=50)))


@pytest.mark.parametrize(
    "expression",
    ["margin", "a + b", "greatest(a, b)", "CASE WHEN kept THEN 1 ELSE -cost END", "'--;' || x", '"from, the shop" * 2'],
)
def test_one_scalar_expression_is_let_through(expression: str) -> None:
    assert not_scalar(expression) == ""


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("", "empty"),
        ("a, b", "more than one"),
        ("a) , (b", "a bracket closes"),
        ("(a", "does not close"),
        ("'a", "does not end"),
        ("a; DROP TABLE t", "a semicolon"),
        ("a -- b", "a comment"),
        ("a /* b */", "a comment"),
        ("(select max(a) from t)", "SELECT"),
        ("sum(a) OVER ()", "OVER"),
        ("a FROM t", "FROM"),
        ("random()", "RANDOM"),
        ("now()", "NOW"),
    ],
)
def test_anything_else_is_refused_with_its_fault(expression: str, fault: str) -> None:
    assert fault in not_scalar(expression)
    with pytest.raises(ValidationError, match="one scalar SQL expression"):
        Kpi(name="k", expression=expression, tolerance=1.0, range=(0, 1))


@pytest.mark.parametrize("about", [{}, {"column": "a", "expression": "a"}])
def test_a_kpi_is_either_a_column_or_an_expression(about: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="set either column or expression"):
        Kpi.model_validate({"name": "k", "tolerance": 1.0, "range": [0, 1], **about})


def test_a_column_of_any_name_is_quoted() -> None:
    assert Kpi(name="k", column='say "yes"', tolerance=1.0, range=(0, 1)).sql == '"say ""yes"""'


def test_backticks_quote_as_well() -> None:
    assert not not_scalar("`a; b` + 1")
    assert "does not end" in not_scalar("`a + 1")
