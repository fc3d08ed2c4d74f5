"""What labelled rows add up to: the answers are scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from daemon.config.labels import Kpi, Labels
from daemon.domain.cohort import Label, Truth
from daemon.watch.labels.count import confidence, truth
from daemon.watch.labels.measure import values
from daemon.watch.labels.predictions import Predictions
from tests.watch.labels.requests import Floats, scores

ROWS = 2000
SCORED = Labels(table="/t", score="p")
WORDS = Labels(table="/t", prediction="species", positive="cat")
MINUTES = Labels(table="/t", kind="regression", range=(-50, 450))


def scored(seed: int = 1) -> tuple[Predictions, Floats]:
    given = scores(ROWS, seed)
    ids = [f"r{n}" for n in range(ROWS)]
    true = np.random.default_rng(seed + 1).random(ROWS) < given**1.5
    return Predictions(ids, ["1" if s >= 0.5 else "0" for s in given], np.empty(0), given), true.astype(float)


def labelled(true: Floats) -> dict[str, Label]:
    return {f"r{n}": Label("true" if value else "false") for n, value in enumerate(true)}


def test_a_scored_classifier_measures_as_scikit_learn_says() -> None:
    made, true = scored()
    called = made.scores >= 0.5
    found = values(truth(made, labelled(true), SCORED), SCORED)
    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(true, called),
            "precision": metrics.precision_score(true, called),
            "recall": metrics.recall_score(true, called),
            "f1": metrics.f1_score(true, called),
            "auc": metrics.roc_auc_score(true, made.scores),
            "log_loss": metrics.log_loss(true, made.scores),
        },
        abs=1e-9,
    )


def test_a_classifier_of_words_measures_as_scikit_learn_says() -> None:
    rng = np.random.default_rng(3)
    animals = np.array(["cat", "dog", "emu"])
    true, called = (animals[rng.integers(0, 3, ROWS)] for _ in range(2))
    made = Predictions([f"r{n}" for n in range(ROWS)], called.tolist(), np.empty(0), np.full(ROWS, np.nan))
    found = values(truth(made, {f"r{n}": Label(w) for n, w in enumerate(true.tolist())}, WORDS), WORDS)
    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(true, called),
            "precision": metrics.precision_score(true == "cat", called == "cat"),
            "recall": metrics.recall_score(true == "cat", called == "cat"),
            "f1": metrics.f1_score(true == "cat", called == "cat"),
        }
    )


def test_a_regression_measures_as_scikit_learn_says() -> None:
    rng = np.random.default_rng(5)
    true = rng.uniform(-50, 450, ROWS)
    said = np.clip(true + rng.normal(0, 20, ROWS), -50, 450)
    made = Predictions([f"r{n}" for n in range(ROWS)], [], said, np.full(ROWS, np.nan))
    found = values(truth(made, {f"r{n}": Label(v) for n, v in enumerate(true.tolist())}, MINUTES), MINUTES)
    assert found == pytest.approx(
        {
            "mae": metrics.mean_absolute_error(true, said),
            "rmse": metrics.root_mean_squared_error(true, said),
            "r2": metrics.r2_score(true, said),
        }
    )


def test_one_absurd_label_moves_the_error_by_its_limit_and_no_more() -> None:
    made = Predictions(["a", "b"], [], np.array([10.0, 10.0]), np.full(2, np.nan))
    found = values(truth(made, {"a": Label(10.0), "b": Label(1e300)}, MINUTES), MINUTES)
    assert found["mae"] == 250.0


def test_only_rows_that_have_a_label_count() -> None:
    made, true = scored()
    few = {one: label for n, (one, label) in enumerate(labelled(true).items()) if n % 3 == 0}
    found = truth(made, few, SCORED)
    assert found.labelled == len(few)
    expected = metrics.accuracy_score(true[::3], made.scores[::3] >= 0.5)
    assert values(found, SCORED)["accuracy"] == pytest.approx(expected)


def test_nothing_labelled_is_nothing_measured() -> None:
    assert values(truth(scored()[0], {}, SCORED), SCORED) == {}
    assert values(Truth(), MINUTES) == {}


def test_a_label_that_is_no_number_is_none_to_a_regression() -> None:
    made = Predictions(["a", "b", "c"], [], np.zeros(3), np.full(3, np.nan))
    assert truth(made, {"a": Label(None), "b": Label(float("nan")), "c": Label(1.0)}, MINUTES).labelled == 1


@given(st.integers(0, ROWS), st.sampled_from([SCORED, MINUTES]))
def test_the_truth_of_two_parts_adds_up_to_that_of_the_whole(cut: int, rules: Labels) -> None:
    made, true = scored()
    made = Predictions(made.ids, made.classes, made.scores * 400, made.scores)
    known = labelled(true) if rules is SCORED else {f"r{n}": Label(300 * v) for n, v in enumerate(true.tolist())}
    first, second = ({one: known[one] for one in made.ids[part]} for part in (slice(cut), slice(cut, None)))
    added, whole = truth(made, first, rules) + truth(made, second, rules), truth(made, known, rules)
    assert (added.labelled, added.right, added.confusion) == (whole.labelled, whole.right, whole.confusion)
    assert (added.scores == whole.scores).all()
    assert values(added, rules) == pytest.approx(values(whole, rules))


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_kpi_is_shown_as_the_mean_of_what_is_believed(better: str) -> None:
    kpi = Kpi(name="margin", column="margin", better=better, tolerance=1.0, range=(-10, 30))  # type: ignore[arg-type]
    rules = Labels(table="/t", score="p", metrics=("accuracy",), kpis=(kpi,))
    made, _ = scored()
    numbers = (5.0, -99.0, 1e9, None)
    found = truth(made, {f"r{n}": Label("1", (number,)) for n, number in enumerate(numbers)}, rules)
    assert values(found, rules)["margin/kpi"] == pytest.approx((5 - 10 + 30) / 3)


def test_the_estimate_is_how_sure_the_scores_are_whatever_the_labels_say() -> None:
    made, _ = scored()
    sums = confidence(made)
    assert sums is not None and sums.mean == pytest.approx(np.maximum(made.scores, 1 - made.scores).mean())
    assert confidence(Predictions(["a"], ["1"], np.empty(0), np.array([np.nan]))) is None
