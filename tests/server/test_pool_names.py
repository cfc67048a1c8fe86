"""The names that a pool knows, and those that it does not."""

from __future__ import annotations

import pytest
from pooling import run, use
from stub_engine import StubLoader

import fluxmlx
from fluxmlx.errors import ModelNotFoundError, OutOfMemoryError
from fluxmlx.server import ModelPool, ServerSettings
from fluxmlx.server.loading import EngineLoader


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
        for name in ("mine", "mine:latest", "Mine", "MINE:latest"):
            assert await use(pool, name) is engine
        assert await use(pool, "file") is not engine
        with pytest.raises(ModelNotFoundError):
            await use(pool, "./y.gguf")

    run(loader, work)
    assert [source for source, _ in loader.loads] == ["a", "./x.gguf"]


def test_a_model_that_the_process_has_no_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An allocation that fails is the error of a model that is too large, for which others make room."""

    def load(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(fluxmlx, "load", load)
    with pytest.raises(OutOfMemoryError, match="does not fit"):
        EngineLoader(ServerSettings()).load("a", {}, lambda *_: None)
