"""The measurements of `fluxmlx bench`, through the public engine."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from fluxmlx.cli.machine import Load, Probes, verdict
from fluxmlx.errors import InvalidArgumentError

__all__ = ["Case", "Cost", "Row", "check_room", "cost_of", "judge", "measure", "plan", "roof", "run_once"]


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table.

    Attributes:
        kind: "pp" reads n prompt tokens in one go, "tg" writes n tokens one by one.
        n: tokens of each sequence.
        depth: tokens that are in the cache before.
        parallel: sequences at once.
    """

    kind: Literal["pp", "tg"]
    n: int
    depth: int
    parallel: int

    @property
    def name(self) -> str:
        """As llama-bench spells it: "tg128 @ d2048", and " x 4" for four sequences at once."""
        depth = f" @ d{self.depth}" if self.depth else ""
        return f"{self.kind}{self.n}{depth}" + (f" x {self.parallel}" if self.parallel > 1 else "")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a token costs at least, for the roofs.

    Attributes:
        token_bytes: weights that one decoding step reads, as the file holds them.
        position_bytes: of the key/value cache, for each position.
        layer_macs: multiply-adds of one prompt token, the output head and attention not counted.
        head_macs: of the output head.
    """

    token_bytes: int
    position_bytes: int
    layer_macs: int
    head_macs: int


@dataclass(frozen=True, slots=True)
class Row:
    """A measured row.

    Attributes:
        rates: tokens per second of each repetition, all sequences together.
        roof: median rate / what the probe allows, 0 to 1; above 1 where integer products beat float32's peak.
        together: whether all sequences ran at once, so that the rate is that of the time when they did.
        problems: why the row is not valid.
    """

    test: Case
    threads: int
    rates: tuple[float, ...]
    roof: float
    load: Load
    before: Probes
    after: Probes
    together: bool = True
    problems: list[str] = field(default_factory=list[str])

    @property
    def median(self) -> float:
        """Of the rates."""
        return statistics.median(self.rates)

    def as_dict(self) -> dict[str, Any]:
        """For JSON and CSV."""
        ends = {"median": self.median, "min": min(self.rates), "max": max(self.rates)}
        own = asdict(self)
        test = own.pop("test")
        return {"test": self.test.name, **test, **ends, **own, "valid": not self.problems}


def plan(
    prompts: Iterable[int], gens: Iterable[int], depths: Sequence[int], parallels: Sequence[int]
) -> Iterator[Case]:
    """Every combination; a count of 0 leaves its kind out, and prompts are read by one sequence."""
    for depth in depths:
        for n in filter(None, prompts):
            yield Case("pp", n, depth, 1)
    for depth in depths:
        for n in filter(None, gens):
            for parallel in parallels:
                yield Case("tg", n, depth, parallel)


def expert_share(metadata: Mapping[str, Any]) -> float:
    """The part of its experts that a token goes to; 1 for a model without."""
    architecture = metadata.get("general.architecture")
    count = metadata.get(f"{architecture}.expert_count") or 0
    return metadata.get(f"{architecture}.expert_used_count", count) / count if count else 1.0


def cost_of(tensors: Iterable[Any], position_bytes: int, experts: float = 1.0) -> Cost:
    """Reads the cost off a file's tensor directory (name, shape, n_bytes), with this share of the experts."""
    by_name = {tensor.name: tensor for tensor in tensors}
    head = by_name.get("output.weight") or by_name.get("token_embd.weight")
    inputs = {"token_embd.weight", "output.weight"}
    layers = [tensor for name, tensor in by_name.items() if name not in inputs]
    shares = [experts if "_exps." in tensor.name else 1.0 for tensor in layers]
    layer_bytes = sum(tensor.n_bytes * share for tensor, share in zip(layers, shares, strict=True))
    macs = [math.prod(tensor.shape) if len(tensor.shape) > 1 else 0 for tensor in layers]
    return Cost(
        token_bytes=round(layer_bytes) + (head.n_bytes if head else 0),
        position_bytes=position_bytes,
        layer_macs=round(sum(n * share for n, share in zip(macs, shares, strict=True))),
        head_macs=math.prod(head.shape) if head else 0,
    )


def roof(test: Case, cost: Cost, rate: float, probes: Probes) -> float:
    """Which part of the probed bandwidth (writing) or of the float32 peak (reading a prompt) was used."""
    if test.kind == "pp":
        return rate * (cost.layer_macs + cost.head_macs / test.n) / probes.fma
    positions = test.depth + test.n / 2
    step_bytes = cost.token_bytes + test.parallel * positions * cost.position_bytes
    return rate / test.parallel * step_bytes / probes.bandwidth


def measure(engine: Any, test: Case, repetitions: int) -> tuple[tuple[float, ...], bool]:
    """Tokens per second of each repetition, after a short one for warmth, and whether all ran together.

    Raises:
        InvalidArgumentError: as check_room().
    """
    check_room(engine, test)
    run_once(engine, replace(test, n=min(test.n, 32), depth=0), 0)
    results = [run_once(engine, test, seed) for seed in range(1, repetitions + 1)]
    return tuple(rate for rate, _ in results), all(together for _, together in results)


def judge(test: Case, load: Load, before: Probes, after: Probes) -> list[str]:
    """Why the row cannot be trusted; only the probe that bounds this kind of test counts."""
    if test.kind == "pp":
        return verdict(load, before.fma, after.fma, what="multiply-add peak")
    return verdict(load, before.bandwidth, after.bandwidth, what="memory bandwidth")


def check_room(engine: Any, test: Case) -> None:
    """That no answer ends before its time.

    Raises:
        InvalidArgumentError: the context has no room for so many tokens.
    """
    n_ctx = int(engine.info["n_ctx"])
    needed = test.depth + test.n if test.kind == "pp" else max(1, test.depth) + test.n + 1
    if needed > n_ctx:
        raise InvalidArgumentError(
            f"{test.name} takes {needed} tokens and the context of this model holds {n_ctx}; ask for fewer"
        )


def run_once(engine: Any, test: Case, seed: int, *, keep_prompt: bool = False) -> tuple[float, bool]:
    """Tokens per second of one run, and whether all sequences ran together.

    Args:
        engine: that runs it.
        test: what to run.
        seed: of the tokens of its prompts.
        keep_prompt: whether a test that writes may begin with what an earlier run with this seed has read.
    """
    if test.kind == "pp":
        return test.n / _prompt_seconds(engine, test, seed), True
    options = _options(test.n + 1) | {"cache_prompt": keep_prompt}
    if test.parallel == 1:
        timings = engine.generate(_ids(engine, max(1, test.depth), seed), **options).timings
        return test.n / timings.decode_s, True  # the first token belongs to the prompt
    return _together(engine, test, seed, options)


def _prompt_seconds(engine: Any, test: Case, seed: int) -> float:
    """At depth d: the seconds of d + n tokens less those of the first d, as nothing is kept between requests."""
    ids = _ids(engine, test.depth + test.n, seed)
    before = _read(engine, ids[: test.depth]) if test.depth else 0.0
    return max(_read(engine, ids) - before, 1e-9)


def _read(engine: Any, ids: list[int]) -> float:
    return float(engine.generate(ids, **_options(0)).timings.prompt_s)


def _together(engine: Any, test: Case, seed: int, options: dict[str, Any]) -> tuple[float, bool]:
    """The rate while all sequences write; of the whole time where the engine does not run them all at once."""
    streams = [
        engine.stream(_ids(engine, max(1, test.depth), seed * 64 + i), **options)
        for i in range(test.parallel)
    ]
    with ThreadPoolExecutor(len(streams)) as readers:
        times = list(readers.map(_token_times, streams))
    begin, end = max(t[0] for t in times), min(t[-1] for t in times)
    together = end - begin > 0.5 * min(t[-1] - t[0] for t in times)
    if not together:
        begin, end = min(t[0] for t in times), max(t[-1] for t in times)
    return sum(begin < moment <= end for t in times for moment in t) / (end - begin), together


def _token_times(stream: Iterable[Any]) -> list[float]:
    return [time.perf_counter() for event in stream if event.token is not None]


def _ids(engine: Any, n: int, seed: int) -> list[int]:
    return random.Random(seed).choices(range(engine.tokenizer.n_vocab), k=n)


def _options(max_tokens: int) -> dict[str, Any]:
    # Guesses would measure how much of the answer repeats itself.
    greedy = {"temperature": 0.0, "repeat_penalty": 1.0, "speculation": False}
    return {**greedy, "ignore_eos": True, "max_tokens": max_tokens, "cache_prompt": False}
