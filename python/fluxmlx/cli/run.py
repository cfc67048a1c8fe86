"""`fluxmlx run`: answer a prompt, or chat."""

from __future__ import annotations

import functools
import sys
from typing import Annotated, Any

import typer

from fluxmlx.cli.answer import Answer, print_timings, write_answer
from fluxmlx.cli.engine import Engine, Message, open_engine
from fluxmlx.cli.guard import INTERRUPTED, guarded
from fluxmlx.errors import CapabilityError

__all__ = ["run"]


@guarded
def run(
    model: Annotated[
        str, typer.Argument(help="A path to a .gguf file, a short name (smollm2), or pypi:PACKAGE.")
    ],
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="What to say; without it standard input, or a chat on a terminal."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Continue the prompt as it is, without the chat template.")
    ] = False,
    system: Annotated[str | None, typer.Option("--system", help="The system message.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print timings on standard error.")] = False,
    temperature: Annotated[
        float | None, typer.Option("--temperature", "--temp", help="0 always takes the likeliest token.")
    ] = None,
    top_k: Annotated[int | None, typer.Option("--top-k", help="Draw from the k likeliest tokens.")] = None,
    top_p: Annotated[
        float | None, typer.Option("--top-p", help="Draw from the tokens that make up p.")
    ] = None,
    min_p: Annotated[
        float | None, typer.Option("--min-p", help="Drop tokens below this part of the likeliest.")
    ] = None,
    repeat_penalty: Annotated[float | None, typer.Option("--repeat-penalty", help="1 is none.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", "-s", help="The same seed gives the same answer.")
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--predict", "--max-tokens", "-n", help="Longest answer in tokens; -1: no limit."),
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option("--stop", help="End before this text; may be repeated.")
    ] = None,
    ctx: Annotated[int | None, typer.Option("--ctx-size", "-c", help="Context length in tokens.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", "-t", help="CPU threads.")] = None,
    nowordwrap: Annotated[
        bool, typer.Option("--nowordwrap", help="Accepted; lines are never wrapped.")
    ] = False,
) -> None:
    """Answer a prompt, or chat with a model."""
    if raw and system:
        raise typer.BadParameter(
            "--system needs the chat template, and --raw leaves it out; drop one of them"
        )
    given = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repeat_penalty": repeat_penalty,
        "seed": seed,
        "max_tokens": max_tokens if max_tokens is None or max_tokens >= 0 else None,
        "stop": stop or None,
    }
    options = {name: value for name, value in given.items() if value is not None}
    text = _prompt(prompt)
    with open_engine(model, ctx=ctx, threads=threads) as engine:
        if system and not engine.has_chat_template:
            raise CapabilityError(f"{engine.model_name} has no chat template, so it cannot take --system")
        answering = functools.partial(_answer, engine, options, raw or not engine.has_chat_template)
        if text is None:
            _chat(answering, system, verbose)
        else:
            _once(answering, text, system, verbose)


def _prompt(words: list[str] | None) -> str | None:
    """Standard input, unless it is a terminal, and then the words; None asks for a chat."""
    parts = [_whole(word) for word in words or []]
    if sys.stdin is not None and not sys.stdin.isatty():  # pyright: ignore[reportUnnecessaryComparison]
        piped = sys.stdin.buffer.read().decode("utf-8", "replace")
        parts = [piped, *parts] if piped else parts
    elif not parts and sys.stdout.isatty():
        return None
    if not parts:
        raise typer.BadParameter("there is no prompt: give one, or pipe it in", param_hint="PROMPT")
    return " ".join(parts)


def _whole(word: str) -> str:
    """A word of the command line, with U+FFFD for bytes that are not UTF-8."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _answer(engine: Engine, options: dict[str, Any], raw: bool, messages: list[Message]) -> Answer:
    """Writes the answer to a conversation, or the continuation of its last message."""
    if raw:
        return write_answer(engine.stream(messages[-1]["content"], **options))
    return write_answer(engine.chat(messages, stream=True, **options))


def _once(answering: Any, text: str, system: str | None, verbose: bool) -> None:
    start: list[Message] = [{"role": "system", "content": system}] if system else []
    answer: Answer = answering([*start, {"role": "user", "content": text}])
    if verbose:
        print_timings(answer.last)
    if answer.interrupted:
        raise typer.Exit(INTERRUPTED)


def _chat(answering: Any, system: str | None, verbose: bool) -> None:
    from fluxmlx.cli.repl import chat, read_line

    chat(answering, system=system, verbose=verbose, read=read_line)
