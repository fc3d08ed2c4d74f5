"""What was predicted for each request: one record, one usable prediction, or nothing."""

from typing import Any

import numpy as np
import pytest

from daemon.config.labels import Labels
from daemon.watch.labels.predictions import predictions, same
from tests.watch.labels.requests import NUMBER, ONE, SCORED, WORD, answer, sample

SCORE = Labels(table="/t", score="p")


def test_a_score_is_positive_from_the_threshold_on() -> None:
    made = predictions(sample([answer(p=p, churns=0) for p in (0.2, 0.5, 0.9)]), SCORED, SCORE)
    assert (list(made.ids), list(made.classes)) == (["r0", "r1", "r2"], ["0", "1", "1"])
    assert made.scores.tolist() == [0.2, 0.5, 0.9]


def test_a_named_prediction_prevails_over_the_score() -> None:
    rules = Labels(table="/t", score="p", prediction="churns")
    made = predictions(sample([answer(p=0.4, churns=1.0), answer(p=0.6, churns=0)]), SCORED, rules)
    assert list(made.classes) == ["1", "0"]


def test_without_a_name_the_first_output_is_the_prediction() -> None:
    made = predictions(sample(['{"predictions": ["setosa"]}', answer(species="virginica")]), WORD, Labels(table="/t"))
    assert list(made.classes) == ["setosa", "virginica"]
    assert np.isnan(made.scores).all()


def test_many_documents_read_in_bulk_keep_their_ids() -> None:
    made = predictions(sample([answer(minutes=n) for n in range(500)]), NUMBER, regression())
    assert dict(zip(made.ids, made.values.tolist(), strict=True)) == {f"r{n}": float(n) for n in range(500)}


@pytest.mark.parametrize(
    "response",
    [
        None,
        "{",
        '{"message": "no"}',
        answer(minutes=None),
        answer(minutes="many"),
        '{"predictions": [NaN]}',
        '{"predictions": [Infinity]}',
    ],
)
def test_what_predicts_nothing_is_left_out(response: str | None) -> None:
    assert list(predictions(sample([answer(minutes=3), response]), NUMBER, regression()).ids) == ["r0"]


def test_a_refused_request_predicted_nothing() -> None:
    assert list(predictions(sample([answer(minutes=3)] * 2, [400, 200]), NUMBER, regression()).ids) == ["r1"]


def test_a_request_of_several_records_is_left_out_because_its_label_tells_none_of_them_apart() -> None:
    bodies = ['{"dataframe_records": [{"x": 1}, {"x": 2}]}', ONE, ONE]
    answers = ['{"predictions": [1, 2]}', *[answer(minutes=3)] * 2]
    assert list(predictions(sample(answers, bodies=bodies), NUMBER, regression()).ids) == ["r1", "r2"]


def test_a_score_that_is_no_probability_is_no_score() -> None:
    made = predictions(
        sample([answer(p=1.5, churns=0), answer(p=-0.1, churns=0), answer(p=1.0, churns=1)]), SCORED, SCORE
    )
    assert list(made.ids) == ["r2"]


@pytest.mark.parametrize("about", [{"score": "probability"}, {"prediction": "class"}])
def test_an_output_that_the_signature_has_not_is_named(about: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"no output of {next(iter(about.values()))}"):
        predictions(sample([answer(p=0.1, churns=0)]), SCORED, Labels(table="/t", **about))


def test_no_request_is_no_prediction() -> None:
    assert list(predictions(sample([]), NUMBER, regression()).ids) == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1", "1"),
        ("1.0", "1"),
        ("true", "1"),
        ("False", "0"),
        (" yes ", "yes"),
        ("0.5", "0.5"),
        ("nan", "nan"),
        ("inf", "inf"),
    ],
)
def test_a_class_is_compared_by_what_it_means(text: str, meant: str) -> None:
    assert same(text) == meant


def regression() -> Labels:
    return Labels(table="/t", kind="regression", range=(0, 100))
