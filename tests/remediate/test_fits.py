"""A challenger must understand what clients send today, and answer in the shape that they read: a table."""

import pytest

from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.remediate.fits import fits

NUMBER, WORD = Kind.NUMERIC, Kind.CATEGORICAL


def column(name: str, kind: Kind = NUMBER, *, required: bool = True) -> Column:
    return Column(name, kind, Role.INPUT, required)


def out(name: str, kind: Kind = NUMBER) -> Column:
    return Column(name, kind, Role.PREDICTION)


X, Y, Z = column("x"), column("y", WORD), column("z")
MAYBE_Y = column("y", WORD, required=False)
P, Q = out("prediction"), out("confidence")
CHAMPION = Signature((X, Y), (P,))


@pytest.mark.parametrize(
    ("champion", "challenger", "trouble"),
    [
        (CHAMPION, CHAMPION, ""),
        (CHAMPION, Signature((Y, X), (P,)), ""),
        (CHAMPION, Signature((X,), (P,)), ""),
        (CHAMPION, Signature((X, MAYBE_Y), (P,)), ""),
        (CHAMPION, Signature((X, Y, column("z", required=False)), (P,)), ""),
        (CHAMPION, Signature((X, Y, Z), (P,)), "it requires z, which no client sends"),
        (CHAMPION, Signature((column("x", WORD), Y), (P,)), "takes x as categorical, and clients send it as numeric"),
        (CHAMPION, Signature((X, column("y", NUMBER, required=False)), (P,)), "takes y as numeric"),
        (Signature((X, MAYBE_Y), (P,)), CHAMPION, "it requires y, which clients may leave out"),
        (CHAMPION, Signature((X, Y), (Q,)), "answers with confidence (numeric)"),
        (CHAMPION, Signature((X, Y), (P, Q)), "where the champion answers with prediction (numeric)"),
        (CHAMPION, Signature((X, Y), (out("prediction", WORD),)), "answers with prediction (categorical)"),
        (CHAMPION, Signature((X, Y), ()), "answers with nothing that is named"),
        (Signature((X,), (Q, P)), Signature((X,), (P, Q)), ""),
    ],
)
def test_what_clients_send_is_taken_and_what_they_read_is_given(
    champion: Signature, challenger: Signature, trouble: str
) -> None:
    result = fits(challenger, champion)
    assert result.passed is not bool(trouble)
    assert trouble in result.detail


def test_everything_that_does_not_fit_is_told_at_once() -> None:
    detail = fits(Signature((column("x", WORD), Z), (Q,)), CHAMPION).detail
    assert len(detail.split("; ")) == 3
