"""OpenAI's own client, unmodified."""

from __future__ import annotations

import asyncio
import operator
from typing import Any

import pytest
from libraries import MESSAGES, client

openai = client("openai")
pytestmark = pytest.mark.engine
OPTIONS: dict[str, Any] = {"model": "smol", "max_tokens": 12, "seed": 7, "temperature": 0.7}


@pytest.fixture(scope="module")
def api(url: str) -> Any:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


def test_chat_in_all_its_ways(api: Any, url: str) -> None:
    """Streaming or whole, sync or async: the same text; the last chunk has the counts."""
    whole = api.chat.completions.create(messages=MESSAGES, **OPTIONS)
    text = whole.choices[0].message.content
    assert text and whole.choices[0].finish_reason == "length" and whole.usage.completion_tokens == 12
    streamed = list(
        api.chat.completions.create(
            messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **OPTIONS
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed[:-1]) == text
    assert (
        streamed[-1].usage.total_tokens == whole.usage.total_tokens
        and streamed[0].choices[0].delta.role == "assistant"
    )

    async def main() -> tuple[str, str]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as found:
            answer = await found.chat.completions.create(messages=MESSAGES, **OPTIONS)
            stream = await found.chat.completions.create(messages=MESSAGES, stream=True, **OPTIONS)
            return answer.choices[0].message.content, "".join(
                [chunk.choices[0].delta.content or "" async for chunk in stream]
            )

    assert set(asyncio.run(main())) == {text}


def test_the_helper_that_gathers_a_stream(api: Any) -> None:
    """It checks the order of chunks more strictly than the plain iterator does."""
    with api.chat.completions.stream(
        messages=MESSAGES, stop=["."], **{**OPTIONS, "max_tokens": 200}
    ) as stream:
        kinds = [event.type for event in stream]
        found = stream.get_final_completion().choices[0]
    assert found.finish_reason == "stop" and found.message.content
    assert kinds[0] == "chunk" and "content.delta" in kinds and kinds[-1] == "content.done"


def test_completions_with_their_log_probabilities(api: Any) -> None:
    """Several prompts with several answers, echoed; streams add up."""
    options = {**OPTIONS, "prompt": ["The sky is", "Water is"], "n": 2, "echo": True, "logprobs": 2}
    whole = api.completions.create(**options)
    assert [choice.index for choice in whole.choices] == [0, 1, 2, 3]
    assert (
        whole.choices[0].text.startswith("The sky is") and whole.choices[0].logprobs.token_logprobs[0] is None
    )
    texts = ["", "", "", ""]
    for chunk in api.completions.create(stream=True, **options):
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == [choice.text for choice in whole.choices]


def test_log_probabilities_of_a_chat(api: Any) -> None:
    """Each token with its bytes and the likeliest in its place."""
    found = api.chat.completions.create(messages=MESSAGES, logprobs=True, top_logprobs=3, **OPTIONS).choices[
        0
    ]
    assert len(found.logprobs.content) == 12 and len(found.logprobs.content[0].top_logprobs) == 3
    spelled = b"".join(bytes(entry.bytes) for entry in found.logprobs.content)
    assert spelled.decode() == found.message.content


def test_embeddings(api: Any) -> None:
    """The client asks for bytes, and gives numbers; two texts of one meaning are nearer than two of others."""
    found = api.embeddings.create(
        model="smol", input=["A cat sleeps.", "A kitten naps.", "Stocks fell sharply."]
    )
    cat, kitten, stocks = (row.embedding for row in found.data)
    plain = (
        api.embeddings.create(model="smol", input="A cat sleeps.", encoding_format="float").data[0].embedding
    )
    assert cat == pytest.approx(plain)
    assert sum(map(operator.mul, cat, kitten)) > sum(map(operator.mul, cat, stocks))


def test_models(api: Any) -> None:
    """Listed, and one by one; extra fields say whether they are loaded and where."""
    assert "smol" in [model.id for model in api.models.list()]
    found = api.models.retrieve("smol")
    assert (found.ready, found.device, found.object) == (True, "cpu", "model")


def test_errors_are_the_clients_own(api: Any) -> None:
    """Each refusal becomes the exception that programs catch, with its code and its field."""
    with pytest.raises(openai.NotFoundError) as missing:
        api.chat.completions.create(**{**OPTIONS, "model": "none"}, messages=MESSAGES)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as long:
        api.completions.create(prompt="word " * 9000, **OPTIONS)
    assert long.value.code == "context_length_exceeded" and long.value.body["n_ctx"] == 8192
    with pytest.raises(openai.BadRequestError) as wrong:
        api.completions.create(**{**OPTIONS, "temperature": -1}, prompt="a")
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.BadRequestError):
        api.chat.completions.create(messages=MESSAGES, response_format={"type": "json_object"}, **OPTIONS)
