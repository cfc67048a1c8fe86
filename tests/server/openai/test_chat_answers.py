"""Answers of /v1/chat/completions, in the order that strict clients want."""

from __future__ import annotations

from typing import Any

from fake_answers import answer, counts, end_event, row, token_event

from fluxmlx.server.openai.chat_answer import ChatChunks, ChatForm


def form(tokenizer: Any, **more: Any) -> ChatForm:
    return ChatForm("m", tokenizer, **{"n": 1, "with_logprobs": False, "thinks": None, **more})


def test_a_whole_answer(tokenizer: Any) -> None:
    """One choice for each answer; no log-probabilities unless asked for."""
    body = form(tokenizer, n=2).body(answer("x", row(0, -1.0), others=(answer("y", row(0, -1.0)),)))
    assert (body["object"], body["id"].startswith("chatcmpl-")) == ("chat.completion", True)
    assert [c["message"]["content"] for c in body["choices"]] == ["x", "y"]
    assert body["choices"][0]["logprobs"] is None
    assert counts(body["usage"]) == (3, 2, 5)


def test_log_probabilities_have_bytes(tokenizer: Any) -> None:
    """Of each token and of the most likely ones; half a character is its bytes."""
    body = form(tokenizer, with_logprobs=True).body(answer("?", row(2, -1.0, (0, -0.5))))
    assert body["choices"][0]["logprobs"]["content"] == [
        {"token": "\ufffd", "logprob": -1.0, "bytes": [0xE2, 0x82],
         "top_logprobs": [{"token": "a", "logprob": -0.5, "bytes": [97]}]},
    ]  # fmt: skip


def test_the_order_of_a_stream(tokenizer: Any) -> None:
    """Role, content, reason, counts; one id and one time."""
    chunks = ChatChunks(form(tokenizer), with_usage=True)
    found = [*chunks.first(), *chunks.event(token_event("a", 0)), *chunks.event(token_event("", 2))]
    found += [*chunks.event(end_event("?")), *chunks.last()]
    assert [[(c["delta"], c["finish_reason"]) for c in chunk["choices"]] for chunk in found] == [
        [({"role": "assistant", "content": ""}, None)],
        [({"content": "a"}, None)],
        [({"content": "?"}, None)],
        [({}, "stop")],
        [],
    ]
    assert [chunk["usage"] is None for chunk in found] == [True, True, True, True, False]
    assert len({(chunk["id"], chunk["created"], chunk["object"]) for chunk in found}) == 1


def test_no_counts_unless_asked_for(tokenizer: Any) -> None:
    """Then no chunk has the field."""
    chunks = ChatChunks(form(tokenizer))
    found = [*chunks.first(), *chunks.event(end_event()), *chunks.last()]
    assert all("usage" not in chunk for chunk in found) and len(found) == 2


def test_thoughts_come_apart_from_the_answer(tokenizer: Any) -> None:
    """Under both names that clients look for, before the content."""
    shape = form(tokenizer, thinks=True)
    message = shape.body(answer("Hm.\n</think>\n\nYes.", row(0, -1.0)))["choices"][0]["message"]
    assert (message["reasoning_content"], message["reasoning"], message["content"]) == ("Hm.", "Hm.", "Yes.")
    chunks = ChatChunks(shape)
    found = [*chunks.event(token_event("Hm.", 0)), *chunks.event(token_event("</think>\nYes.", 1))]
    deltas = [chunk["choices"][0]["delta"] for chunk in found]
    assert deltas == [{"reasoning_content": "Hm.", "reasoning": "Hm."}, {"content": "Yes."}]


def test_a_held_back_token_still_shows_its_log_probability(tokenizer: Any) -> None:
    """Every token of the answer is in some chunk's log-probabilities once."""
    chunks = ChatChunks(form(tokenizer, with_logprobs=True))
    found = [
        *chunks.event(token_event("", 2, row(2, -1.0))),
        *chunks.event(token_event("€", 3, row(3, -2.0))),
    ]
    assert [c["logprobs"]["content"][0]["logprob"] for chunk in found for c in chunk["choices"]] == [
        -1.0,
        -2.0,
    ]
