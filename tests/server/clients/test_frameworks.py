"""LangChain, LlamaIndex and LiteLLM, unmodified, in the ways that their users call them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from libraries import MESSAGES, client

pytestmark = [pytest.mark.engine, pytest.mark.slow]
QUESTION = MESSAGES[0]["content"]


def test_langchain_openai(url: str) -> None:
    """Chats and completions; whole, streamed, in batches, awaited."""
    chat = client("langchain_openai").ChatOpenAI(
        base_url=f"{url}/v1", api_key="none", model="smol", temperature=0, max_tokens=12, seed=3
    )
    text = chat.invoke(QUESTION).content
    assert text and "".join(part.content for part in chat.stream(QUESTION)) == text
    awaited = asyncio.run(chat.ainvoke(QUESTION))
    assert awaited.content == text and awaited.usage_metadata["output_tokens"] == 12
    assert [answer.content for answer in chat.batch([QUESTION, QUESTION])] == [text, text]
    plain = client("langchain_openai").OpenAI(
        base_url=f"{url}/v1", api_key="none", model="smol", temperature=0, max_tokens=8
    )
    text = plain.invoke("The sky is")
    assert text and "".join(plain.stream("The sky is")) == text
    assert plain.generate(["The sky is", "Water is"]).generations[0][0].text == text


def test_langchain_ollama(url: str) -> None:
    """Chats and completions; whole, streamed, awaited."""
    chat = client("langchain_ollama").ChatOllama(
        base_url=url, model="smol", temperature=0, num_predict=12, seed=3
    )
    text = chat.invoke(QUESTION).content
    assert text and "".join(part.content for part in chat.stream(QUESTION)) == text
    awaited = asyncio.run(chat.ainvoke(QUESTION))
    assert awaited.content == text and awaited.response_metadata["done_reason"] == "length"
    plain = client("langchain_ollama").OllamaLLM(base_url=url, model="smol", temperature=0, num_predict=8)
    text = plain.invoke("The sky is")
    assert text and "".join(plain.stream("The sky is")) == text


def test_llama_index(url: str) -> None:
    """Complete and chat; whole, streamed, awaited."""
    llm = client("llama_index.llms.ollama").Ollama(
        model="smol", base_url=url, temperature=0, context_window=2048, request_timeout=60,
        additional_kwargs={"num_predict": 12},
    )  # fmt: skip
    text = llm.complete(QUESTION).text
    assert text and list(llm.stream_complete(QUESTION))[-1].text == text
    message = client("llama_index.core.llms").ChatMessage(role="user", content=QUESTION)
    answer = llm.chat([message]).message.content
    assert answer and list(llm.stream_chat([message]))[-1].message.content == answer
    assert asyncio.run(llm.achat([message])).message.content == answer


@pytest.mark.parametrize("route", ["openai", "ollama_chat"])
def test_litellm(url: str, route: str) -> None:
    """By either protocol; whole, streamed, awaited."""
    litellm = client("litellm")
    options: dict[str, Any] = {
        "model": f"{route}/smol",
        "api_base": f"{url}/v1" if route == "openai" else url,
        "api_key": "none",
        "messages": MESSAGES,
        "temperature": 0,
        "max_tokens": 12,
    }
    whole = litellm.completion(**options)
    text = whole.choices[0].message.content
    assert text and whole.usage.completion_tokens == 12
    streamed = litellm.completion(stream=True, **options)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == text
    assert asyncio.run(litellm.acompletion(**options)).choices[0].message.content == text


def test_litellm_completions(url: str) -> None:
    """The old interface too."""
    options = {"model": "text-completion-openai/smol", "api_base": f"{url}/v1", "api_key": "none"}
    found = client("litellm").text_completion(prompt="The sky is", max_tokens=8, temperature=0, **options)
    assert found.choices[0].text
