"""The random numbers come from a counter: the same key and position give the same number, everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

testing = pytest.importorskip("fluxmlx._core", reason="needs the native core").__dict__.get("testing")
if testing is None:
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)

# The known-answer vectors that Random123 publishes for philox4x32 with 10 rounds (file kat_vectors).
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
uint64 = st.integers(0, 2**64 - 1)


def words(text: str) -> list[int]:
    """Hexadecimal words as integers."""
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_answers(counter: str, key: str, answer: str) -> None:
    """Philox4x32-10 reproduces the known-answer vectors of its authors."""
    assert testing.philox(words(counter), words(key)) == words(answer)


@given(uint64, uint64, st.integers(0, 2**32 - 1))
def test_uniform_is_the_first_53_bits_of_a_block(seed: int, position: int, draw: int) -> None:
    """A number is (words 1 and 0) >> 11, times 2^-53, of the block that seed, position and draw name."""
    low, high = 2**32 - 1, 32
    block = testing.philox([position & low, position >> high, draw, 0], [seed & low, seed >> high])
    value = testing.uniform(seed, position, draw)
    assert value == ((block[1] << 32 | block[0]) >> 11) * 2.0**-53
    assert 0 <= value < 1


def test_uniform_fills_its_range_evenly() -> None:
    """10 000 numbers of one seed spread over 100 bins as chance would have it (chi-square, p = 0.001)."""
    bins = [0] * 100
    for position in range(10_000):
        bins[int(testing.uniform(42, position) * 100)] += 1
    assert sum((n - 100) ** 2 / 100 for n in bins) < 148.2
