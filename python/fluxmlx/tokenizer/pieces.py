"""The strings of a vocabulary."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, AnyStr, Generic


class Pieces(Sequence[AnyStr], Generic[AnyStr]):
    """Strings as spans of one: 128,000 of them take 2 MB, and as objects of their own 8."""

    def __init__(self, empty: AnyStr, pieces: Sequence[AnyStr]) -> None:
        """Args: empty: "" or b"", which says of what kind they are."""
        self._set(empty.join(pieces), map(len, pieces))

    @classmethod
    def of_whole(cls, whole: AnyStr, lengths: Iterable[int]) -> Pieces[AnyStr]:
        """Those that a string consists of, whose lengths add up to its own."""
        pieces = cls.__new__(cls)
        pieces._set(whole, lengths)
        return pieces

    def _set(self, whole: AnyStr, lengths: Iterable[int]) -> None:
        self._whole = whole
        self._ends = array("I" if len(whole) < 1 << 32 else "Q", accumulate(lengths, initial=0))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: Any) -> Any:
        index = range(len(self))[index]
        if isinstance(index, range):
            return (
                [self[i] for i in index] if index.step != 1 else list(self._between(index.start, index.stop))
            )
        return self._whole[self._ends[index] : self._ends[index + 1]]

    def __iter__(self) -> Iterator[AnyStr]:
        return self._between(0, len(self))

    def _between(self, first: int, last: int) -> Iterator[AnyStr]:
        whole = self._whole
        return (whole[begin:end] for begin, end in pairwise(self._ends[first : last + 1]))


class Spelled(Sequence[str]):
    """Texts that spell bytes in an alphabet, made of these when one is asked for."""

    def __init__(self, pieces: Pieces[bytes], letters: Mapping[int, str], own: Mapping[int, str]) -> None:
        """Args: letters: the character of each byte. own: by index, the texts that spell nothing."""
        self._pieces = pieces
        self._letters = letters
        self._own = own

    def __len__(self) -> int:
        return len(self._pieces)

    def __getitem__(self, index: Any) -> Any:
        index = range(len(self))[index]
        if isinstance(index, range):
            return [self[i] for i in index]
        return (
            self._own[index]
            if index in self._own
            else self._pieces[index].decode("latin-1").translate(self._letters)
        )
