"""Lists of prompts: order, options of each, limits, errors, progress."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fluxmlx
from fluxmlx import errors

FOREVER = 100_000
OPTIONS = {"max_tokens": 6, "ignore_eos": True, "seed": 5}


def wait_until_idle(engine: fluxmlx.Engine) -> fluxmlx.Stats:
    """The statistics once nothing runs or waits; of a step that may go on while we look."""
    for _ in range(500):
        stats = engine.stats()
        if not stats.running and not stats.queued:
            return stats
        time.sleep(0.01)
    raise AssertionError(f"the engine is still busy: {stats}")


def test_a_list_of_prompts(engine: fluxmlx.Engine) -> None:
    """Texts and token ids get, in their order, the answers that each gets alone."""
    prompts = ["one", [72, 101], "three", (7,), "five" * 10]
    answers = engine.generate(prompts, **OPTIONS)
    assert [a.tokens for a in answers] == [engine.generate(p, **OPTIONS).tokens for p in prompts]
    assert engine.generate(["one"], **OPTIONS)[0].tokens == answers[0].tokens


def test_five_hundred_prompts(tiny_path: Path) -> None:
    """Many more prompts than the queue takes are all answered, in order, with a queue of one place."""
    prompts = [[i % 250, i // 250, 1 + i % 7] for i in range(500)]
    with fluxmlx.load(tiny_path, device="cpu", max_sequences=3, max_queue=1) as engine:
        answers = engine.generate(prompts, **OPTIONS)
        for i in (0, 1, 2, 250, 499):
            assert answers[i].tokens == engine.generate(prompts[i], **OPTIONS).tokens
    assert len(answers) == 500 and all(a.usage.prompt_tokens == 3 for a in answers)


def test_each_prompt_may_have_its_own_params(engine: fluxmlx.Engine) -> None:
    """A list of SamplingParams is for one prompt each, with keyword options over all of them."""
    params = [fluxmlx.SamplingParams(max_tokens=n, seed=n) for n in (1, 2, 3)]
    answers = engine.generate([[65], [66], [67]], params, ignore_eos=True)
    assert [len(a.tokens) for a in answers] == [1, 2, 3] and [a.seed for a in answers] == [1, 2, 3]
    with pytest.raises(errors.InvalidArgumentError, match="params has 3 entries for 2 prompts"):
        engine.generate([[65], [66]], params)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ([], "prompt 2: the prompt has no tokens"),
        ([1] * 300, "prompt 2: the prompt has 300 tokens and the context holds 256"),
        ([288], "prompt 2: prompt\\[0\\] is 288"),
        (7, "prompt 2: prompt is 7"),
    ],
)
def test_a_bad_prompt_stops_the_list_before_it_runs(engine: fluxmlx.Engine, bad: object, says: str) -> None:
    """Every prompt is checked first: the error says which one it is, and none was computed."""
    before = wait_until_idle(engine).prompt_tokens
    with pytest.raises(errors.InvalidArgumentError, match=says):
        engine.generate([[65], [66], bad], max_tokens=2)
    assert wait_until_idle(engine).prompt_tokens == before


def test_bad_params_of_one(engine: fluxmlx.Engine) -> None:
    """What the engine refuses of one prompt's options is told with its index too."""
    params = [fluxmlx.SamplingParams(), fluxmlx.SamplingParams(logit_bias={288: 1.0})]
    with pytest.raises(errors.InvalidArgumentError, match=r"prompt 1: .*288"):
        engine.generate([[65], [66]], params)


def test_a_failure_cancels_the_rest(tiny_path: Path) -> None:
    """When a request fails while it runs, its error comes with its index, and nothing of the list goes on."""

    def broken(tokens: object, logits: object) -> None:
        raise ArithmeticError("broken")

    endless = fluxmlx.SamplingParams(ignore_eos=True)
    params = [endless, endless, fluxmlx.SamplingParams(logits_processor=broken), endless]
    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER) as engine:
        with pytest.raises(errors.EngineError, match="broken") as caught:
            engine.generate([[65]] * 4, params)
        assert caught.value.__notes__ == ["this was prompt 2 of the list"]
        stats = wait_until_idle(engine)
        assert (stats.failed, stats.finished, stats.cancelled) == (1, 0, 3)


def test_progress_of_a_list(engine: fluxmlx.Engine, capfd: pytest.CaptureFixture[str]) -> None:
    """A function hears of every answer; bars draw nothing where there is no terminal."""
    heard: list[tuple[str, int, int]] = []
    engine.generate([[65]] * 5, **OPTIONS, progress=lambda *facts: heard.append(facts))
    assert heard == [("answers", done, 5) for done in range(1, 6)]
    assert len(engine.generate([[65]] * 2, **OPTIONS, progress=True)) == 2
    assert capfd.readouterr() == ("", "")
    with pytest.raises(errors.InvalidArgumentError, match="progress is 3"):
        engine.generate([[65]], progress=3)


def test_chat_with_a_list_of_conversations(engine: fluxmlx.Engine) -> None:
    """Several conversations get the answers that each gets alone; a stream is of one."""
    talks = [[{"role": "user", "content": word}] for word in ("a", "b", "c")]
    answers = engine.chat(talks, **OPTIONS)
    assert [a.tokens for a in answers] == [engine.chat(talk, **OPTIONS).tokens for talk in talks]
    with pytest.raises(errors.InvalidArgumentError, match="one conversation, not for 3"):
        engine.chat(talks, stream=True)


DRIVER = """
import sys, fluxmlx
engine = fluxmlx.load(sys.argv[1], device="cpu", ctx=1000000)
try:
    print("running", flush=True)
    engine.generate([[72]] * 20, ignore_eos=True)
except KeyboardInterrupt:
    print(len(engine.generate([72], max_tokens=3, ignore_eos=True).tokens), flush=True)
"""


def test_control_c_stops_a_list(tiny_path: Path) -> None:
    """SIGINT ends a list of prompts at once, and the engine answers the next request."""
    command = [sys.executable, "-c", DRIVER, str(tiny_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "running\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.stdout.readline() == "3\n"
        assert time.monotonic() - began < 2
        assert process.wait(10) == 0
