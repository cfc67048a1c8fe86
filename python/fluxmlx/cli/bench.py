"""`fluxmlx bench`: how fast a model runs here, and how far that is from what the machine gives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fluxmlx.cli.guard import guarded

if TYPE_CHECKING:
    from fluxmlx.cli.measuring import Case, Row

__all__ = ["bench"]

NOT_VALID = 3
_DIGITS = 10  # of a number that no model has room for


class Output(StrEnum):
    """How the rows are written."""

    table = "table"
    json = "json"
    csv = "csv"
    md = "md"


@guarded
def bench(
    model: Annotated[
        str, typer.Argument(help="A path to a .gguf file, a short name (smollm2), or pypi:PACKAGE.")
    ],
    n_prompt: Annotated[
        str, typer.Option("--n-prompt", "-p", help="Prompt lengths to read; 0: none. Lists: 128,512.")
    ] = "512",
    n_gen: Annotated[str, typer.Option("--n-gen", "-n", help="Tokens to write; 0: none.")] = "128",
    depth: Annotated[
        str,
        typer.Option(
            "--n-depth", "-d", help="Tokens in the cache before; reading: seconds of d+p less those of d."
        ),
    ] = "0",
    parallel: Annotated[str, typer.Option("--parallel", "-np", help="Sequences that write at once.")] = "1",
    repetitions: Annotated[
        int, typer.Option("--repetitions", "-r", min=1, help="Runs after one that is not counted.")
    ] = 5,
    threads: Annotated[
        str | None, typer.Option("--threads", "-t", help="CPU threads; default: all this process may use.")
    ] = None,
    prefill_chunk: Annotated[
        int | None, typer.Option("--prefill-chunk", "-b", min=1, help="Prompt tokens in one step.")
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="Form of the result.")] = Output.table,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --output json.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 if the machine was too busy for a valid run.")
    ] = False,
) -> None:
    """Measure a model: reading prompts, writing tokens, and the part of the machine's limits that is used.

    The numbers are medians over the repetitions, with the least and the greatest. Memory bandwidth and the float32
    multiply-add peak are measured before and after each row. A row is marked "busy" when other processes or the
    host took processor time, or when the machine's own speed changed meanwhile: such a number is not to be trusted.
    """
    from fluxmlx.cli import bench_output
    from fluxmlx.cli.measuring import plan

    tests = list(
        plan(
            _counts("-p", n_prompt, 0),
            _counts("-n", n_gen, 0),
            _counts("-d", depth, 0),
            _counts("-np", parallel),
        )
    )
    if not tests:
        raise typer.BadParameter("-p 0 with -n 0 leaves nothing to measure")
    rows: list[Row] = []
    for count in _counts("-t", threads) if threads else [None]:
        options = {"threads": count, "prefill_chunk": prefill_chunk}
        rows += _run(
            model, tests, repetitions, {k: v for k, v in options.items() if v is not None}, _progress()
        )
    bench_output.write("json" if as_json else output.value, rows, _facts(model))
    if strict and any(row.problems for row in rows):
        raise typer.Exit(NOT_VALID)


def _counts(flag: str, text: str, least: int = 1) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < _DIGITS and int(part) >= least for part in parts):
        raise typer.BadParameter(
            f"{flag} is {text[:80]!r}; expected whole numbers of at least {least}, as in 1,2,4"
        )
    return [int(part) for part in parts]


def _run(
    model: str, tests: Sequence[Case], repetitions: int, options: dict[str, Any], say: Callable[[str], None]
) -> list[Row]:
    """Loads the model once and measures every test between two probes."""
    import fluxmlx
    from fluxmlx.cli.machine import Watch, probe
    from fluxmlx.cli.measuring import Row, cost_of, expert_share, judge, measure, roof

    say(f"loading {model}")
    rows: list[Row] = []
    with fluxmlx.load(model, **options) as engine:
        file = _file(model)
        position_bytes = engine.info["cache_bytes_per_position"]
        cost = cost_of(file.tensors, position_bytes, expert_share(file.metadata))
        n_threads = int(engine.info["n_threads"])
        before = probe(n_threads)
        for test in tests:
            say(f"{test.name}, {n_threads} threads")
            with Watch() as watch:
                rates, together = measure(engine, test, repetitions)
            after = probe(n_threads)
            row = Row(test, n_threads, rates, 0.0, watch.load, before, after, together)
            problems = judge(test, watch.load, before, after)
            mean = type(before)((before.bandwidth + after.bandwidth) / 2, (before.fma + after.fma) / 2)
            share = roof(test, cost, row.median, mean)
            rows.append(Row(test, n_threads, rates, share, watch.load, before, after, together, problems))
            before = after
    return rows


def _file(model: str) -> Any:
    from fluxmlx import hub
    from fluxmlx.checkpoint import open_model

    return open_model(hub.resolve(model).path)


def _facts(model: str) -> dict[str, Any]:
    import platform

    from fluxmlx._native import core
    from fluxmlx.cli.machine import cpu_model
    from fluxmlx.hub.summary import summarise, totals

    file = _file(model)
    summary = summarise(file.metadata, totals(file.tensors))
    core_facts = dict(core.info())
    return {
        "fluxmlx": core_facts["version"],
        "mlx": core_facts.get("mlx_version"),
        "cpu_isa": core_facts["cpu_isa"],
        "cpu": cpu_model(),
        "platform": platform.platform(),
        "model": model,
        "name": summary.name,
        "type": summary.quantization,
        "parameters": summary.parameters,
        "tensor_bytes": summary.tensor_bytes,
    }


def _progress() -> Callable[[str], None]:
    """Says on a terminal what is measured now; nowhere else."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda text: typer.echo(f"\r\x1b[2K{text} ", err=True, nl=False)
