"""`fluxmlx run`: one answer, or a chat."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from fluxmlx.cli.completing import models
from fluxmlx.cli.guard import INTERRUPTED, guarded
from fluxmlx.errors import InvalidArgumentError

__all__ = ["RunCommand", "run"]


class RunCommand(TyperCommand):
    """Lets --think stand alone, or with a level after an equals sign."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Spells out a --think without a value."""
        end = args.index("--") if "--" in args else len(args)
        args = ["--think=true" if word == "--think" else word for word in args[:end]] + args[end:]
        return super().parse_args(ctx, args)


@guarded
def run(
    model: Annotated[
        str,
        typer.Argument(
            help="A path to a .gguf file, or a name: smollm2, llama3.2:1b, hf.co/USER/REPO.",
            autocompletion=models,
        ),
    ],
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="What to say; without it standard input, or a chat on a terminal."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Continue the prompt as it is, without the chat template.")
    ] = False,
    system: Annotated[str | None, typer.Option("--system", help="The system message.")] = None,
    format: Annotated[  # noqa: A002  # the flag's name
        str | None, typer.Option("--format", help="json, or a JSON schema that the answer is to follow.")
    ] = None,
    think: Annotated[
        str | None,
        typer.Option(
            "--think", metavar="[LEVEL]", help="Think first: --think, --think=high, or --think=false."
        ),
    ] = None,
    hidethinking: Annotated[
        bool, typer.Option("--hidethinking", help="Do not print what the model thinks.")
    ] = False,
    keepalive: Annotated[
        str | None,
        typer.Option("--keepalive", help="How long the server keeps the model: 5m, 0, or -1 for ever."),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Load the model here, even where a server runs.")
    ] = False,
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
    ctx: Annotated[
        int | None, typer.Option("--ctx-size", "-c", min=1, help="Context length in tokens.")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", "-t", min=1, help="CPU threads.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Pull from a registry without TLS, or with a private address.")
    ] = False,
    nowordwrap: Annotated[
        bool, typer.Option("--nowordwrap", help="Do not break lines between words on a terminal.")
    ] = False,
) -> None:
    """Answer a prompt, or chat with a model: in the server where one runs, else in this process."""
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
        "num_predict": max_tokens if max_tokens is None or max_tokens >= 0 else None,
        "stop": stop or None,
    }
    text = _prompt(prompt)
    from fluxmlx.cli.answer import Style
    from fluxmlx.cli.answering import Talk
    from fluxmlx.cli.opening import Opening
    from fluxmlx.cli.session import Session

    talk = Talk(
        system=system,
        options=_options({name: value for name, value in given.items() if value is not None}),
        format=_format(format),
        think=_think(think),
    )
    opening = Opening(ctx, threads, _keep_alive(keepalive), local, insecure)
    style = Style(not nowordwrap, hidethinking)
    with Session(opening, model, talk, style=style, verbose=verbose, raw=raw) as session:
        if text is None:
            _chat(session)
        elif session.say(text).interrupted:
            raise typer.Exit(INTERRUPTED)


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


def _format(text: str | None) -> Any:
    from fluxmlx.cli.settings import parse_format

    try:
        return None if text is None else parse_format(text)
    except InvalidArgumentError as error:
        raise typer.BadParameter(str(error), param_hint="--format") from None


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """The options, which are looked at before a model is loaded."""
    from fluxmlx.sampling import SamplingParams

    try:
        SamplingParams.from_options(given)
    except InvalidArgumentError as error:
        raise typer.BadParameter(str(error)) from None
    return given


def _think(text: str | None) -> bool | str | None:
    from fluxmlx.cli.settings import LEVELS

    switches = {"true": True, "false": False, None: None}
    if text in switches:
        return switches[text]
    if text not in LEVELS:
        raise typer.BadParameter(
            f"{text!r} is none of true, false, {', '.join(LEVELS)}", param_hint="--think"
        )
    return text


def _keep_alive(text: str | None) -> str | int | None:
    """A number of seconds as a number, as the protocol has it; a duration with its unit as it is."""
    if text is None:
        return None
    from fluxmlx.server import durations

    try:
        durations.keep_alive("it", text, bare=True)
    except InvalidArgumentError as error:
        raise typer.BadParameter(str(error), param_hint="--keepalive") from None
    digits = text.strip().removeprefix("-")
    return int(text) if digits.isdigit() else text


def _chat(session: Any) -> None:
    from fluxmlx.cli.line_editor import LineEditor
    from fluxmlx.cli.repl import chat
    from fluxmlx.hub.store import root

    with LineEditor(root() / "history") as editor:
        chat(session, editor.read, remember=editor.set_remember)
