"""Answers of /v1/completions in the shape that clients of the old interface read."""

from __future__ import annotations

from typing import Any

import pytest
from fake_answers import END, answer, counts, end_event, row, token_event
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.server.errors import RequestError
from fluxmlx.server.openai.completion_answer import CompletionChunks, CompletionForm
from fluxmlx.server.openai.errors import error_body
from fluxmlx.server.openai.prompts import Asked, ask


def form(tokenizer: Any, **more: Any) -> CompletionForm:
    return CompletionForm("m", tokenizer, **{"n": 1, "echo": False, "n_top": None, **more})


def test_the_legacy_shape_begins_with_the_prompt(tokenizer: Any) -> None:
    """Echo: the first token has no probability, offsets count characters, the token that ends it is last."""
    asked = Asked((0, 1, 2, 3), "a b€")
    prompt_rows = (row(1, -1.0, (4, -0.5)), row(2, -2.0, (2, -2.0)), row(3, -0.1, (3, -0.1)))
    given = answer("c", row(4, -0.2, (4, -0.2)), end=row(END, -0.3, (END, -0.3)), prompt_logprobs=prompt_rows)
    body = form(tokenizer, echo=True, n_top=1).body([asked], [given])
    choice = body["choices"][0]
    assert (choice["text"], choice["finish_reason"]) == ("a b€c", "stop")
    found = choice["logprobs"]
    assert found["tokens"] == ["a", " b", "bytes:\\xe2\\x82", "bytes:\\xac", "c", "<end>"]
    assert found["token_logprobs"] == [None, -1.0, -2.0, -0.1, -0.2, -0.3]
    assert found["text_offset"] == [0, 1, 3, 3, 4, 5]
    assert found["top_logprobs"][:2] == [None, {"c": -0.5, " b": -1.0}]
    assert len(found["tokens"]) == body["usage"]["total_tokens"] + 1  # the prompt has 4 tokens, and says 3


def test_tokens_that_the_text_does_not_have_take_no_characters(tokenizer: Any) -> None:
    """A token for the beginning, and the space that one family of tokenizers puts before a text."""
    asked = Asked((END, 1, 0), "ba", n_silent=1, strips_space=True)
    given = answer("c", row(4, -0.2), prompt_logprobs=(row(1, -1.0), row(0, -1.0)))
    choice = form(tokenizer, echo=True, n_top=0).body([asked], [given])["choices"][0]
    assert choice["logprobs"]["text_offset"] == [0, 0, 1, 2]


def test_choices_are_numbered_by_prompt_and_answer(tokenizer: Any) -> None:
    """P prompts with n answers: index = prompt * n + answer; prompts count once."""
    two = answer("x", row(0, -1.0), others=(answer("y", row(0, -2.0)),))
    body = form(tokenizer, n=2).body([Asked((0,), "p")] * 2, [two, two])
    assert [(c["index"], c["text"]) for c in body["choices"]] == [(0, "x"), (1, "y"), (2, "x"), (3, "y")]
    assert counts(body["usage"]) == (6, 4, 10)


def test_best_of_gives_the_likeliest(tokenizer: Any) -> None:
    """By the mean over the tokens, so that a short answer has no advantage."""
    poor, good = answer("poor", row(0, -3.0)), answer("good", row(0, -1.0), row(1, -1.5))
    body = form(tokenizer).body([Asked((0,), "p")], [answer("fair", row(0, -2.0), others=(poor, good))])
    assert [c["text"] for c in body["choices"]] == ["good"]
    assert body["usage"]["completion_tokens"] == 4


def test_a_stream_ends_with_its_reason_and_then_its_counts(tokenizer: Any) -> None:
    """No chunk for a token that shows nothing yet; the last with text or without has the reason."""
    chunks = CompletionChunks(form(tokenizer), [Asked((0,), "p")], with_usage=True)
    found = [*chunks.first(), *chunks.event(0, token_event("", 2)), *chunks.event(0, token_event("€", 3))]
    found += [*chunks.event(0, end_event(" b", written=3)), *chunks.last()]
    assert [[(c["text"], c["finish_reason"]) for c in chunk["choices"]] for chunk in found] == [
        [("€", None)],
        [(" b", "stop")],
        [],
    ]
    assert [chunk["usage"] and counts(chunk["usage"]) for chunk in found] == [None, None, (3, 3, 6)]
    assert len({(chunk["id"], chunk["created"]) for chunk in found}) == 1


@given(st.lists(st.sampled_from([0, 1, 4]), min_size=1, max_size=6), st.booleans())
def test_a_stream_adds_up_to_the_whole_answer(tokens: list[int], echo: bool) -> None:
    """Texts and log-probabilities of the chunks, put together, are those of the response in one piece."""
    from fake_answers import SPELLINGS, FakeTokenizer

    rows = [row(token, -0.5, (token, -0.5)) for token in tokens]
    prompt_rows = (row(1, -1.0, (1, -1.0)),)
    texts = [SPELLINGS[token].decode() for token in tokens]
    end = row(END, -0.3)
    shape = form(FakeTokenizer(), echo=echo, n_top=1)
    asked = [Asked((0, 1), "a b")]
    whole = shape.body(asked, [answer("".join(texts), *rows, end=end, prompt_logprobs=prompt_rows)])
    chunks = CompletionChunks(shape, asked, prompt_rows=[prompt_rows], with_usage=True)
    found = chunks.first()
    for text, one in zip(texts, rows, strict=True):
        found += chunks.event(0, token_event(text, one.token, one))
    found += chunks.event(0, end_event(written=len(rows), end=end))
    pieces = [chunk["choices"][0] for chunk in found]
    expected = whole["choices"][0]
    assert "".join(piece["text"] for piece in pieces) == expected["text"]
    for key in expected["logprobs"]:
        assert [value for piece in pieces for value in piece["logprobs"][key]] == expected["logprobs"][key]
    assert chunks.last()[0]["usage"] == whole["usage"]


def test_a_prompt_longer_than_the_context_says_both_numbers(engine: Any) -> None:
    """In the text, and as fields of their own."""
    with pytest.raises(RequestError, match="5 tokens and the context holds 4") as caught:
        ask(engine, "aaaaa")
    error = error_body(caught.value.failure)["error"]
    assert (error["code"], error["n_prompt_tokens"], error["n_ctx"]) == ("context_length_exceeded", 5, 4)
    assert ask(engine, "aaaa").text == "aaaa"


@pytest.mark.parametrize("ids", [[-1], [2**31], [6], []])
def test_token_ids_outside_the_vocabulary_are_refused(engine: Any, ids: list[int]) -> None:
    """The field is named."""
    with pytest.raises(RequestError) as caught:
        ask(engine, ids)
    assert caught.value.failure.param == "prompt"


def test_an_empty_prompt_is_the_beginning_of_a_text(engine: Any) -> None:
    """The token that stands for it is not in the echo."""
    assert ask(engine, "") == Asked((END,), "", 1)
    assert ask(engine, [0, END]).text == "a<end>"
