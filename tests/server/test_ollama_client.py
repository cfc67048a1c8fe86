"""Ollama's own client, unmodified, against a real server with SmolLM2."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import ollama
import pytest
from real_server import Server, serving_model

import fluxmlx

pytestmark = pytest.mark.engine
MESSAGES = [{"role": "user", "content": "Why is the sky blue? Answer in one sentence."}]
OPTIONS = {"num_predict": 12, "seed": 7, "temperature": 0.7}


@pytest.fixture(scope="module")
def server(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving_model(smollm2, tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> ollama.Client:
    return ollama.Client(server.url)


def test_chat_in_all_its_ways(client: ollama.Client, server: Server) -> None:
    """Streaming or whole, sync or async: the same text, with all of the last object's numbers."""
    whole = client.chat("smol", MESSAGES, options=OPTIONS)
    streamed = list(client.chat("smol", MESSAGES, options=OPTIONS, stream=True))
    assert "".join(part.message.content or "" for part in streamed) == whole.message.content
    assert (whole.done, whole.done_reason, whole.eval_count) == (True, "length", 12)
    assert whole.total_duration and whole.prompt_eval_count and whole.eval_duration and len(streamed) > 3

    async def main() -> tuple[str, str]:
        found = ollama.AsyncClient(server.url)
        answer = await found.chat("smol", MESSAGES, options=OPTIONS)
        parts = [part async for part in await found.chat("smol", MESSAGES, options=OPTIONS, stream=True)]
        return answer.message.content or "", "".join(part.message.content or "" for part in parts)

    assert set(asyncio.run(main())) == {whole.message.content}


def test_the_library_says_the_same(client: ollama.Client, smollm2: Path) -> None:
    """The same prompt with the same options and seed has the same text in the library."""
    found = client.generate("smol", "Once upon a time", raw=True, options=OPTIONS)
    with fluxmlx.load(smollm2) as engine:
        options = {**OPTIONS, "top_k": 40, "top_p": 0.9, "min_p": 0}
        assert engine.generate("Once upon a time", **options).text == found.response


def test_a_conversation_goes_on_from_its_context(client: ollama.Client) -> None:
    """`context` of one answer is the beginning of the next prompt."""
    first = client.generate("smol", "My name is Ada.", options=OPTIONS)
    second = client.generate("smol", "What is my name?", options=OPTIONS, context=first.context)
    assert first.context and second.prompt_eval_count
    assert second.prompt_eval_count > len(first.context)


def test_logprobs(client: ollama.Client) -> None:
    """One entry for each token, with as many others as were asked for."""
    found = client.generate(
        "smol", "The capital of France is", raw=True, logprobs=True, top_logprobs=3, options=OPTIONS
    )
    assert found.logprobs and len(found.logprobs) == found.eval_count
    assert all(row.logprob <= 0 and len(row.top_logprobs or ()) == 3 for row in found.logprobs)


def test_models(client: ollama.Client) -> None:
    """list, show and ps as the client reads them; load and unload by an empty prompt."""
    names = {row.model for row in client.list().models}
    assert "smol" in names
    shown = client.show("smol")
    assert shown.modelinfo and shown.modelinfo["general.architecture"] == "llama" and shown.capabilities
    assert client.generate("smol", "", keep_alive="10m").done_reason == "load"
    [running] = client.ps().models
    assert running.size and running.expires_at and running.context_length == 8192


def test_errors_are_the_clients(client: ollama.Client) -> None:
    """A missing model, a capability that is not there, and a push have a status and a text."""
    for status, call in [
        (404, lambda: client.chat("none", MESSAGES)),
        (400, lambda: client.chat("smol", MESSAGES, format="json")),
        (400, lambda: client.chat("smol", MESSAGES, think=True)),
        (400, lambda: client.push("smol")),
        (404, lambda: client.delete("none")),
    ]:
        with pytest.raises(ollama.ResponseError) as error:
            call()
        assert error.value.status_code == status and error.value.error


def test_many_at_once_say_what_each_says_alone(client: ollama.Client, server: Server) -> None:
    """Eight requests with different seeds, together and one by one: the same texts."""

    async def main() -> list[str]:
        found = ollama.AsyncClient(server.url)
        calls = [found.chat("smol", MESSAGES, options={**OPTIONS, "seed": seed}) for seed in range(8)]
        return [answer.message.content or "" for answer in await asyncio.gather(*calls)]

    alone = [client.chat("smol", MESSAGES, options={**OPTIONS, "seed": n}).message.content for n in range(8)]
    assert asyncio.run(main()) == alone


def test_unload_by_keep_alive(client: ollama.Client) -> None:
    """An empty prompt with keep_alive 0 unloads; the next request loads again."""
    assert client.generate("smol", "", keep_alive=0).done_reason == "unload"
    assert client.ps().models == []
    assert client.chat("smol", MESSAGES, options=OPTIONS).done


def test_a_file_is_shown_without_its_path(client: ollama.Client, server: Server, smollm2: Path) -> None:
    """The server was started with a path, and tells nobody where its files are."""
    client.generate("smol", "a", options={"num_predict": 1})
    names = [row.model for row in client.ps().models]
    assert len(names) == 1 and names[0] in (smollm2.stem, "smol")  # as it was first asked for
    page = httpx.get(server.url + "/metrics").text
    assert f'model="{names[0]}"' in page and str(smollm2.parent) not in page
