"""benchmarks/side_process.py and on_call.py: the two ends of a measurement that waits to be called."""

from __future__ import annotations

import ast
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CALLED = """
import sys
sys.path.insert(0, {path!r})
import on_call
on_call.answer_calls({{"version": "1", "first_s": 0.5}}, 8, lambda: 0.5)
"""


def command(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_a_side_is_called_as_often_as_one_likes(load: Any) -> None:
    """Facts after its load, a rate and its size for each call, the processor time of all; then it ends by itself."""
    with load("side_process").Side(command(CALLED.format(path=str(BENCHMARKS)))) as side:
        assert side.facts == {"version": "1", "first_s": 0.5}
        answers = [side.call(), side.call()]
        process = side._process
    assert [answer["rate"] for answer in answers] == [16.0, 16.0]
    assert all(answer["resident"] > 1_000_000 for answer in answers) and side.cpu_s > 0
    assert process.returncode == 0


def test_a_short_test_runs_until_a_second_is_full(
    load: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rate is that of all runs of the call together."""
    seconds = iter([0.25, 0.5, 0.3, 9.0])
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n\n"))
    problems: list[str] = []

    def run() -> float:
        taken = next(seconds)
        if taken < 1:
            problems.append("apart")
        return taken

    load("on_call").answer_calls({"version": "1"}, 7, run, problems)
    facts, first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert facts == {"version": "1"} and (first["problems"], second["problems"]) == (["apart"], [])
    assert (first["rate"], second["rate"]) == (pytest.approx(3 * 7 / 1.05), pytest.approx(7 / 9))


ENDED = "print('{}', flush=True); raise SystemExit(3)"
ENDS = {
    "loading": "raise SystemExit(3)",
    "before its call": ENDED,
    "called": "print('{}', flush=True); input(); raise SystemExit(3)",
    "after its answer": "print('{}', flush=True); input(); print('{\"cpu_s\": 1}', flush=True); raise SystemExit(3)",
}


@pytest.mark.parametrize("script", ENDS.values(), ids=ENDS)
def test_a_side_that_ends_ends_the_run(load: Any, script: str) -> None:
    """With its command and its exit status, whenever that is; a broken pipe is not what the user should read."""
    side_of = load("side_process").Side

    def run() -> None:
        with side_of(command(script)) as side:
            if script == ENDED:
                side._process.wait(10)
            side.call()

    with pytest.raises(SystemExit, match=r"-c .* ended with 3"):
        run()


def test_what_is_no_answer_ends_the_run(load: Any) -> None:
    """A library that prints is named by what it printed, and its process does not stay."""
    with pytest.raises(SystemExit, match=r"-c .* said 'loading") as error:
        load("side_process").Side(command("print('loading', flush=True); input()"))
    side = next(entry.locals["self"] for entry in error.traceback if "self" in entry.locals)
    assert side._process.wait(10) != 0


def test_no_side_outlives_an_error(load: Any) -> None:
    """One that is in the middle of something is stopped."""
    with (
        pytest.raises(ZeroDivisionError),
        load("side_process").Side(command("print('{}', flush=True)\nwhile True: pass")) as side,
    ):
        raise ZeroDivisionError
    assert side._process.returncode != 0


def test_our_side_answers(load: Any, tmp_path: Path) -> None:
    """The engine behind a longer prompt, which is read once, and of two sequences at once."""
    core = pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
    pytest.importorskip("gguf", reason="needs the test extra")
    if not hasattr(core, "Engine"):
        pytest.skip("this core has no engine")
    load("synthetic").write(tmp_path / "m.gguf", "tiny", "Q4_0")
    for test in ("tg4@d16", "tg4x2", "pp16"):
        words = [sys.executable, str(BENCHMARKS / "ours.py"), str(tmp_path / "m.gguf")]
        with load("side_process").Side([*words, "--test", test, "--threads", "1"]) as side:
            assert side.facts.keys() == {"version", "flags", "first_s"}
            assert side.call()["rate"] > 0


def test_scripts_call_what_the_peer_has() -> None:
    """llama.cpp is not installed where the tests run, so the names are compared: methods and attributes of Peer."""
    (peer,) = (
        node
        for node in ast.parse((BENCHMARKS / "peer_llama.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == "Peer"
    )
    known = {node.name for node in peer.body if isinstance(node, ast.FunctionDef)}
    known |= {name.attr for name in ast.walk(peer) if is_attribute_of(name, "self")}
    for path in BENCHMARKS.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "from peer_llama import" in text or path.name == "peer_llama.py":
            used = {node.attr for node in ast.walk(ast.parse(text)) if is_attribute_of(node, "peer")}
            assert used <= known, path.name


def is_attribute_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
