"""A stretch of decoded records, and the joining of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.domain.schema import Column, Signature
from daemon.watch.columns import TypedColumn, concatenated


@dataclass(frozen=True, slots=True)
class Piece:
    part: NDArray[np.int32]
    columns: Mapping[str, TypedColumn]


def columns_of(signature: Signature) -> dict[str, Column]:
    """Return the columns by name. An output that is called like an input is left out: it cannot be told apart."""
    return {column.name: column for column in reversed(signature.columns)}


def joined(pieces: Sequence[Piece], signature: Signature) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    part = np.concatenate([np.empty(0, np.int32), *(piece.part for piece in pieces)])
    columns = columns_of(signature)
    return Piece(
        part,
        {
            name: concatenated([piece.columns[name] for piece in pieces], columns[name].kind)
            for name in dict.fromkeys(column.name for column in signature.columns)
        },
    )
