"""The names that a pool knows, and those that it does not."""

from __future__ import annotations

import pytest
from pooling import run, use
from stub_engine import StubLoader

from fluxmlx.errors import ModelNotFoundError
from fluxmlx.server import ModelPool


@pytest.mark.parametrize(
    "name", ["missing", "../../x", "/etc/passwd", "", "a\0b", "x" * 10_000, "./a", "file:///a"]
)
def test_names_that_are_not_there(loader: StubLoader, name: str) -> None:
    """A path, nonsense and a missing model are not found, and the text has no path of this machine."""

    async def work(pool: ModelPool) -> None:
        with pytest.raises(ModelNotFoundError) as error:
            await use(pool, name)
        assert len(str(error.value)) < 300 and "home" not in str(error.value)

    run(loader, work)


def test_names_of_the_servers_own(loader: StubLoader) -> None:
    """A further name of a model, with a tag or without, is the model; one of a path is that file."""

    async def work(pool: ModelPool) -> None:
        pool.add_source("mine", "a")
        pool.add_source("file", "./x.gguf")
        loader.sizes = {"a": 1, "./x.gguf": 1}
        engine = await use(pool, "a")
        assert await use(pool, "mine") is engine and await use(pool, "mine:latest") is engine
        assert await use(pool, "file") is not engine
        with pytest.raises(ModelNotFoundError):
            await use(pool, "./y.gguf")

    run(loader, work)
    assert [source for source, _ in loader.loads] == ["a", "./x.gguf"]
