"""The strings of a vocabulary."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, AnyStr, Generic


class Pieces(Sequence[AnyStr], Generic[AnyStr]):
    """Strings as spans of one: 128,000 of them take 2 MB, and as objects of their own 8."""

    def __init__(self, empty: AnyStr, pieces: Sequence[AnyStr]) -> None:
        """Args: empty: "" or b"", which says of what kind they are."""
        self._whole = empty.join(pieces)
        self._ends = array("Q", accumulate(map(len, pieces), initial=0))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: Any) -> Any:
        index = range(len(self))[index]
        if isinstance(index, range):
            return [self[i] for i in index]
        return self._whole[self._ends[index] : self._ends[index + 1]]

    def __iter__(self) -> Iterator[AnyStr]:
        return (self._whole[begin:end] for begin, end in pairwise(self._ends))
