"""One token asks for weights ahead where that is faster: the same bits either way, and the faster way is found."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

from blocks import TYPES, assert_same_bits, random_matrix  # noqa: E402
from isas import ISAS  # noqa: E402
from mlx_blocks import PACKED as MLX_PACKED  # noqa: E402
from mlx_blocks import random_planes  # noqa: E402
from products import POOL, linear  # noqa: E402

CALM, DISTURBED = (1.08, 1.0), (1.2, 1.9)  # seconds of a step that asks, and of one that does not


def steps(asking: testing.AskingAhead, n: int, seconds: Callable[[bool], float]) -> list[tuple[bool, float]]:
    """n steps: whether each asked, and how long it took."""
    found = []
    for _ in range(n):
        asks = asking.asks()
        found.append((asks, seconds(asks)))
        asking.took(found[-1][1])
    return found


def in_world(world: tuple[float, float]) -> Callable[[bool], float]:
    return lambda asks: world[0] if asks else world[1]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", TYPES)
def test_asking_changes_no_bit(name: str, isa: str) -> None:
    """A product of one token is the same whether it asks or not, in every type of GGUF and on every ISA."""
    x = np.random.default_rng(5).normal(size=(1, 512)).astype(np.float32)
    packed = testing.pack(random_matrix(name, 21, 512))
    asked = linear(packed, x, isa=isa, asks_ahead=True)
    assert_same_bits(asked, linear(packed, x, isa=isa))
    gated = [
        testing.gated_linear(POOL, isa, x, packed, packed, "silu", asks_ahead=asks) for asks in (True, False)
    ]
    assert_same_bits(*gated)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", MLX_PACKED)
def test_asking_changes_no_bit_of_mlx_types(name: str, isa: str) -> None:
    """The same of the types that only MLX's checkpoints have."""
    x = np.random.default_rng(5).normal(size=(1, 512)).astype(np.float32)
    packed = testing.pack(random_planes(name, 21, 512).matrix())
    assert_same_bits(linear(packed, x, isa=isa, asks_ahead=True), linear(packed, x, isa=isa))


@pytest.mark.parametrize("world", [CALM, DISTURBED])
def test_the_faster_way_is_kept(world: tuple[float, float]) -> None:
    """Nearly all steps go the faster way, whichever it is, and the trials cost 3 percent at most."""
    found = steps(testing.AskingAhead(), 2000, in_world(world))
    assert sum(asks == (world[0] < world[1]) for asks, _ in found) > 0.95 * len(found)
    assert sum(seconds for _, seconds in found) < 1.03 * min(world) * len(found)


def test_a_disturbance_is_met_at_once() -> None:
    """Where not to ask has become slow, steps ask after four of them, until a trial."""
    asking = testing.AskingAhead()
    steps(asking, 200, in_world(CALM))
    found = steps(asking, 40, in_world(DISTURBED))
    assert all(asks for asks, _ in found[4:9])


def test_the_end_of_a_disturbance_is_found() -> None:
    """Steps stop asking within 40 of them once that is faster again."""
    asking = testing.AskingAhead()
    steps(asking, 200, in_world(DISTURBED))
    found = steps(asking, 60, in_world(CALM))
    assert sum(not asks for asks, _ in found[40:]) >= 16


@given(seed=st.integers(0, 1 << 32), length=st.integers(20, 400))
def test_a_changing_machine(seed: int, length: int) -> None:
    """With noise, and changes after some steps, all take no more than the better of always and never, and 5 percent."""
    chance, state = random.Random(seed), [CALM, DISTURBED]
    always = never = 0.0

    def seconds(asks: bool) -> float:
        nonlocal always, never
        if chance.random() < 1 / length:
            state.reverse()
        ask, leave = (s * chance.gauss(1, 0.03) for s in state[0])
        always, never = always + ask, never + leave
        return ask if asks else leave

    found = steps(testing.AskingAhead(), 3000, seconds)
    assert sum(s for _, s in found) < 1.05 * min(always, never)


def test_a_machine_where_it_makes_no_difference() -> None:
    """Times that are all the same, or nothing, are no reason for a change."""
    for same in (0.0, 1.0):
        found = steps(testing.AskingAhead(), 500, in_world((same, same)))
        assert sum(not asks for asks, _ in found) < 30
