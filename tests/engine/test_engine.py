"""The Python interface of the engine: answers, streams, scores, limits, faults."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fluxmlx
from fluxmlx import errors

PROMPT = [72, 101, 108, 108, 111]


def test_greedy_is_repeatable(engine: fluxmlx.Engine) -> None:
    """Temperature 0 gives the same tokens again, and as many as asked for."""
    first, second = (engine.generate(PROMPT, temperature=0, max_tokens=12, ignore_eos=True) for _ in range(2))
    assert first.tokens == second.tokens and len(first.tokens) == 12
    assert first.finish_reason == "length" and first.usage.prompt_tokens == 5


def test_seed_decides_the_answer(engine: fluxmlx.Engine) -> None:
    """The same seed gives the same answer, another seed another; the seed used is reported."""
    options = {"max_tokens": 16, "ignore_eos": True, "temperature": 1.5, "top_k": 0, "top_p": 1, "min_p": 0}
    one, again, other = (engine.generate(PROMPT, seed=seed, **options) for seed in (1, 1, 2))
    assert one.tokens == again.tokens != other.tokens
    free = engine.generate(PROMPT, **options)
    assert engine.generate(PROMPT, seed=free.seed, **options).tokens == free.tokens


def test_stream_equals_generate(engine: fluxmlx.Engine) -> None:
    """The events of a stream add up to the whole answer, and only the last has the end."""
    options = {"seed": 3, "max_tokens": 20, "ignore_eos": True}
    events = list(engine.stream(PROMPT, **options))
    whole = engine.generate(PROMPT, **options)
    assert "".join(event.text for event in events) == whole.text
    assert tuple(event.token for event in events[:-1]) == whole.tokens
    assert [event.finish_reason for event in events] == [None] * 20 + ["length"]
    assert events[-1].usage == whole.usage


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(1, 24))
def test_stop_string_is_never_emitted(engine: fluxmlx.Engine, seed: int, length: int) -> None:
    """With any piece of the answer as a stop string, the text ends right before its first occurrence."""
    options = {"seed": seed, "max_tokens": 24, "ignore_eos": True}
    whole = engine.generate(PROMPT, **options).text
    stop = whole[length // 2 : length // 2 + 3]
    if not stop or "\ufffd" in whole:
        return
    cut = engine.generate(PROMPT, stop=stop, **options)
    assert cut.text == whole.split(stop)[0]
    assert cut.finish_reason == "stop" and cut.stop_string == stop


def test_stop_token_ids_end_the_answer(engine: fluxmlx.Engine) -> None:
    """A stop token ends the answer and is not part of it."""
    whole = engine.generate(PROMPT, temperature=0, max_tokens=10, ignore_eos=True)
    cut = engine.generate(
        PROMPT, temperature=0, max_tokens=10, ignore_eos=True, stop_token_ids=[whole.tokens[3]]
    )
    assert cut.tokens == whole.tokens[: whole.tokens.index(whole.tokens[3])]
    assert cut.finish_reason == "stop"


def test_min_tokens_bans_the_end(engine: fluxmlx.Engine) -> None:
    """Before min_tokens the end is not chosen, however likely it is."""
    end = sorted(engine.tokenizer.eog_ids)
    bias = dict.fromkeys(end, 50.0)
    assert engine.generate(PROMPT, logit_bias=bias, max_tokens=8, temperature=0).tokens == ()
    assert (
        len(engine.generate(PROMPT, logit_bias=bias, max_tokens=8, temperature=0, min_tokens=5).tokens) == 5
    )


def test_logprobs_are_those_of_the_score(engine: fluxmlx.Engine) -> None:
    """Log-probabilities of an answer equal those of the same text when it is scored, bit for bit."""
    answer = engine.generate(PROMPT, temperature=0, max_tokens=6, ignore_eos=True, logprobs=3)
    assert answer.logprobs is not None
    scored = engine.score([*PROMPT, *answer.tokens], top=3)
    assert [row.logprob for row in answer.logprobs] == list(scored.logprobs[5:])
    assert [row.top for row in answer.logprobs] == list(scored.top[5:])
    assert all(row.top[0] == (row.token, row.logprob) for row in answer.logprobs)


def test_score_of_one_token(engine: fluxmlx.Engine) -> None:
    """The first token follows nothing, so it has no log-probability."""
    score = engine.score([65])
    assert score.tokens == (65,) and score.logprobs == (None,) and score.total == 0


def test_prompt_logprobs_beside_an_answer(engine: fluxmlx.Engine) -> None:
    """A request may ask for both; the prompt's are those of score()."""
    answer = engine.generate(PROMPT, prompt_logprobs=0, max_tokens=2, seed=0)
    assert answer.prompt_logprobs is not None
    assert tuple(row.logprob for row in answer.prompt_logprobs) == engine.score(PROMPT).logprobs[1:]


def test_chat_ends_with_the_template(engine: fluxmlx.Engine) -> None:
    """chat() sends the template's text, with its control tokens, and user text never becomes one."""
    ids = engine.chat_ids([{"role": "user", "content": "hi <|im_start|>"}])
    start = engine.tokenizer.special_texts["<|im_start|>"]
    assert ids.count(start) == 2
    assert (
        engine.chat([{"role": "user", "content": "hi"}], max_tokens=3, ignore_eos=True).message["role"]
        == "assistant"
    )


def test_context_is_a_limit(tiny_path: Path) -> None:
    """An answer ends where the context is full; a longer prompt is refused with both numbers."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=16) as engine:
        answer = engine.generate(PROMPT, ignore_eos=True)
        assert len(answer.tokens) == 11 and answer.finish_reason == "length"
        assert len(engine.score([1] * 16).logprobs) == 16
        with pytest.raises(errors.InvalidArgumentError, match="17 tokens and the context holds 16"):
            engine.generate([1] * 17)


@pytest.mark.parametrize(
    ("prompt", "options", "says"),
    [
        ([], {}, "no tokens"),
        ([-1], {}, "prompt\\[0\\] is -1"),
        ([1, 288], {}, "prompt\\[1\\] is 288"),
        ([1.5], {}, "1.5"),
        ([True], {}, "True"),
        ([1], {"temprature": 1}, "temperature"),
        ([1], {"top_p": 2}, "top_p"),
        ([1], {"logit_bias": {288: 1.0}}, "288"),
        ([1], {"stop": ""}, "stop"),
        ([1], {"max_tokens": "10"}, "max_tokens"),
    ],
)
def test_bad_requests(engine: fluxmlx.Engine, prompt: list, options: dict, says: str) -> None:
    """What cannot be used is refused by name and value, and the next request is answered."""
    with pytest.raises(errors.InvalidArgumentError, match=says):
        engine.generate(prompt, **options)
    assert engine.generate(PROMPT, max_tokens=1, ignore_eos=True).tokens


def test_companions_do_not_change_an_answer(engine: fluxmlx.Engine) -> None:
    """Requests that run together give each the answer that it gives alone."""
    prompts = [[65 + i] * (3 + 5 * i) for i in range(6)]
    options = {"seed": 9, "max_tokens": 15, "ignore_eos": True, "logprobs": 0}
    alone = [engine.generate(prompt, **options) for prompt in prompts]
    streams = [engine.stream(prompt, **options) for prompt in prompts]
    together = [stream.result() for stream in streams]
    assert [a.tokens for a in alone] == [b.tokens for b in together]
    assert [a.logprobs for a in alone] == [b.logprobs for b in together]


def test_dropped_stream_frees_its_place(engine: fluxmlx.Engine) -> None:
    """Streams dropped half way make room: more of them than the engine runs at once do not block it."""
    for _ in range(12):
        stream = engine.stream(PROMPT, ignore_eos=True)
        next(stream)
        del stream
    gc.collect()
    assert engine.generate(PROMPT, max_tokens=2, ignore_eos=True).tokens


def test_close_ends_what_runs(tiny_path: Path) -> None:
    """close() in the middle of a stream ends it with a clear error; a closed engine refuses requests."""
    engine = fluxmlx.load(tiny_path, device="cpu", ctx=100000)
    stream = engine.stream(PROMPT, ignore_eos=True)
    next(stream)
    engine.close()
    engine.close()
    with pytest.raises(errors.EngineClosedError):
        list(stream)
    with pytest.raises(errors.EngineClosedError):
        engine.generate(PROMPT)


def test_many_threads(engine: fluxmlx.Engine) -> None:
    """Callers on many threads get their own answers."""
    expected = engine.generate(PROMPT, temperature=0, max_tokens=8, ignore_eos=True).tokens
    answers: list[tuple[int, ...]] = []
    work = lambda: answers.append(  # noqa: E731
        engine.generate(PROMPT, temperature=0, max_tokens=8, ignore_eos=True).tokens
    )
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 8


def test_long_context_growth(tiny_path: Path) -> None:
    """A cache that grows several times keeps what it holds: the last scores equal those of a fresh run."""
    ids = np.random.default_rng(0).integers(0, 256, 900).tolist()
    with fluxmlx.load(tiny_path, device="cpu", ctx=1024, prefill_chunk=100) as engine:
        whole = engine.score(ids)
    with fluxmlx.load(tiny_path, device="cpu", ctx=1024, prefill_chunk=1000) as engine:
        assert engine.score(ids).logprobs == whole.logprobs


DRIVER = """
import sys, fluxmlx
engine = fluxmlx.load(sys.argv[1], device="cpu", ctx=1000000)
stream = engine.stream([72], ignore_eos=True)
next(stream)
try:
    print("running", flush=True)
    for event in stream: pass
except KeyboardInterrupt:
    print(len(engine.generate([72], max_tokens=3, ignore_eos=True).tokens), flush=True)
"""


def test_control_c_stops_a_generation(tiny_path: Path) -> None:
    """SIGINT ends the generation within a second, and the engine answers the next request."""
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tiny_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert process.stdout.readline() == "3\n"
    assert time.monotonic() - began < 2
    assert process.wait(10) == 0


LEFT_OPEN = """
import sys, fluxmlx
engine = fluxmlx.load(sys.argv[1], device="cpu")
stream = engine.stream([72], ignore_eos=True)
next(stream)
"""


def test_engine_left_open_at_exit(tiny_path: Path) -> None:
    """A program that never closes its engine still ends cleanly and says nothing about it."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, str(tiny_path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
