"""Whether a challenger understands what clients send to the champion, and answers in the same shape. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from daemon.domain.schema import Column, Kind, Signature
from daemon.remediate.gates import GateResult

SIGNATURE = "signature"


def fits(challenger: Signature, champion: Signature) -> GateResult:
    """Hold the challenger's signature against the champion's, which is what clients send today.

    1. Whatever the challenger requires, clients are sure to send: the champion requires it, too.
    2. Whatever clients may send and the challenger knows by name, it takes as the same kind.
    3. It answers with the same columns, of the same kinds.
    """
    trouble = [*_inputs(challenger.inputs, champion.inputs), *_outputs(challenger.outputs, champion.outputs)]
    return GateResult(SIGNATURE, not trouble, "; ".join(trouble) or "it takes what clients send, and answers alike")


def _inputs(wanted: Sequence[Column], sent: Sequence[Column]) -> Iterator[str]:
    known = {column.name: column for column in sent}
    for column in wanted:
        today = known.get(column.name)
        if today is None:
            if column.required:
                yield f"it requires {column.name}, which no client sends"
        elif today.kind is not column.kind:
            yield f"it takes {column.name} as {column.kind}, and clients send it as {today.kind}"
        elif column.required and not today.required:
            yield f"it requires {column.name}, which clients may leave out"


def _outputs(gives: Sequence[Column], gave: Sequence[Column]) -> Iterator[str]:
    now, before = ({column.name: column.kind for column in columns} for columns in (gives, gave))
    if now != before:
        yield f"it answers with {_words(now)}, where the champion answers with {_words(before)}"


def _words(columns: Mapping[str, Kind]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in columns.items()) or "nothing that is named"
