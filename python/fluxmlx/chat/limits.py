"""What a chat template may use up: steps, text, time and nesting. It comes from a file nobody vouches for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jinja2.utils import Namespace

MAX_SOURCE_BYTES = 256 * 1024
MAX_OUTPUT_BYTES = 4 * 1024 * 1024
MAX_WORK_BYTES = 64 * MAX_OUTPUT_BYTES  # text built on the way, all of it together
MAX_STEPS = 1_000_000
MAX_DEPTH = 64
MAX_SECONDS = 5.0
MAX_WIDTH = 10_000  # widths, counts and precisions given to a formatting function
MAX_BITS = 4096

_LONG_WIDTH = re.compile(r"\d{5,}|\*|:[^{}]*\{")


class TemplateLimit(Exception):
    """A limit was reached; the text says which."""


class Budget:
    """Counts what one rendering uses."""

    def __init__(self) -> None:
        self.depth = 0
        self._steps = 0
        self._work = 0
        self._next_look = 0
        self._deadline = time.thread_time() + MAX_SECONDS

    def step(self, n: int = 1) -> None:
        """Counts `n` steps, and looks at the clock now and then."""
        self._steps += n
        if self._steps > MAX_STEPS:
            raise TemplateLimit(f"more than {MAX_STEPS} steps")
        if self._steps >= self._next_look:
            self._next_look = self._steps + 256
            if time.thread_time() > self._deadline:
                raise TemplateLimit(f"more than {MAX_SECONDS:g} seconds")

    def text(self, n: int) -> None:
        """Accounts for a text of `n` characters before it is made."""
        if n > MAX_OUTPUT_BYTES:
            raise TemplateLimit(f"a text of {n} characters; at most {MAX_OUTPUT_BYTES} are allowed")
        self._work += n
        if self._work > MAX_WORK_BYTES:
            raise TemplateLimit(f"more than {MAX_WORK_BYTES} bytes of text built on the way")

    def value(self, value: Any) -> Any:
        """Accounts for a value that was made; what is nested in it counts each time it occurs. Returns it."""
        if isinstance(value, str):
            self.text(len(value))
        elif isinstance(value, (list, tuple, dict, set, frozenset, Namespace)):
            self.step(1 + self.extent(value) // 16)
        elif isinstance(value, range):
            self.step(1 + len(value) // 16)
        return value

    def extent(self, value: Any) -> int:
        """The number of parts in a value and of characters in their texts, as far as the limits."""
        n_parts = n_characters = 0
        left: list[Iterator[Any]] = [iter((value,))]
        while left:
            for part in left[-1]:
                n_parts += 1
                if isinstance(part, str):
                    n_characters += len(part)
                elif (inner := _parts(part)) is not None:
                    left.append(inner)
                    break
            else:
                left.pop()
            if n_parts > MAX_STEPS or n_characters > MAX_OUTPUT_BYTES or len(left) > MAX_DEPTH * 4:
                raise TemplateLimit("a value with too many parts")
        return n_parts

    def format(self, pattern: str, values: Iterable[Any], n_fields: int) -> None:
        """Accounts for the text that filling `values` into the `n_fields` of `pattern` can give."""
        if _LONG_WIDTH.search(pattern):
            raise TemplateLimit(f"a width that is computed, or above {MAX_WIDTH - 1}, in a format")
        longest = max((len(v) if isinstance(v, str) else 8 * self.extent(v) for v in values), default=0)
        self.text(len(pattern) + n_fields * (longest + MAX_WIDTH // 10))

    def widths(self, values: Iterable[Any]) -> None:
        """Refuses numbers that make a function pad or repeat without end."""
        for value in values:
            if isinstance(value, int) and abs(value) > MAX_WIDTH:
                raise TemplateLimit(
                    f"the number {value} as a width or a count; at most {MAX_WIDTH} is allowed"
                )

    def replace(self, text: str, old: str, new: str) -> None:
        """Accounts for `text.replace(old, new)`."""
        self.text(len(text) + text.count(old) * max(0, len(new) - len(old)))

    def join(self, separator: str, items: Iterable[Any]) -> str:
        """`separator.join(items)`, each item made a text, within the limits."""
        texts: list[str] = []
        n = 0
        for item in items:
            self.step()
            if not isinstance(item, str):
                self.value(item)
            texts.append(item if isinstance(item, str) else str(item))
            n += len(texts[-1]) + len(separator)
            if n > MAX_OUTPUT_BYTES + len(separator):
                self.text(n)
        self.text(n)
        return separator.join(texts)

    def operator(self, name: str, left: Any, right: Any) -> None:
        """Accounts for the result of `left name right` before it is computed."""
        if name == "%" and isinstance(left, str):
            values = (
                right
                if isinstance(right, tuple)
                else right.values()
                if isinstance(right, Mapping)
                else (right,)
            )
            self.format(left, values, left.count("%"))
        elif name == "+" and isinstance(left, str) and isinstance(right, str):
            self.text(len(left) + len(right))
        elif name == "*" and isinstance(left, int) and isinstance(right, int):
            self._bits(left.bit_length() + right.bit_length())
        elif name == "*":
            self._repeat(left, right) if isinstance(right, int) else self._repeat(right, left)
        elif name == "**" and isinstance(left, int) and isinstance(right, int):
            self._bits(left.bit_length() * abs(right))

    def _repeat(self, value: Any, n: Any) -> None:
        if isinstance(value, str) and isinstance(n, int):
            self.text(len(value) * max(0, n))
        elif isinstance(value, Sequence) and isinstance(n, int) and len(value) * n > MAX_STEPS // 16:
            raise TemplateLimit(f"a list of {len(value) * n} items by repetition")

    @staticmethod
    def _bits(n: int) -> None:
        if n > MAX_BITS:
            raise TemplateLimit(f"a number of {n} bits; at most {MAX_BITS} are allowed")


def _parts(value: Any) -> Iterator[Any] | None:
    """What a container holds; None for anything that is not one."""
    if isinstance(value, dict):
        return iter([part for item in value.items() for part in item])
    if isinstance(value, (list, tuple, set, frozenset)):
        return iter(value)
    return _parts(value._Namespace__attrs) if isinstance(value, Namespace) else None
