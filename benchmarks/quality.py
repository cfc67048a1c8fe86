"""What 8-bit activations cost in each packed type, here and in llama.cpp: python benchmarks/quality.py MODEL TEXT...

MODEL is a Llama model in any type (SmolLM2-135M-Instruct Q4_1); a TEXT the golden cases of the tests (.json), or any
text, of which the first 1000 tokens count. The model is written again in each type, and run by our default CPU path, by
llama.cpp and in float64 over the dequantised weights (the reference of tests/model). Writes a table for each text to
docs/quality.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from requantised import Source

import fluxmlx
import gguf
from gguf import GGMLQuantizationType as Type

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests" / "model"))
from reference import Reference  # noqa: E402

TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "MXFP4"]
TYPES += ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS"]
AS_IT_IS = "the file itself"
N_TOP = 1024  # tokens of a row by name; all others count as one
N_TOKENS, SPAN = 1000, 500  # of a text, and of the parts that are read on their own

Top = tuple[NDArray[np.intp], NDArray[np.float64]]  # ids and log-probabilities, best first


class Figures(NamedTuple):
    """Of one path against the reference, for every token."""

    divergence: NDArray[np.float64]
    agrees: NDArray[np.bool_]


def logprobs(logits: NDArray) -> NDArray[np.float64]:
    shifted = logits - logits.max(-1, keepdims=True).astype(np.float64)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def top_of(row: NDArray[np.float64]) -> Top:
    ids = np.argpartition(-row, N_TOP)[:N_TOP]
    ids = ids[np.argsort(-row[ids], kind="stable")]
    return ids, row[ids]


def figures(reference: NDArray[np.float64], tops: list[Top]) -> Figures:
    """Kullback-Leibler divergence from the reference, and whether the most likely token is the same."""
    divergences = []
    for row, (ids, ours) in zip(reference, tops, strict=True):
        p, q = np.exp(row[ids]), np.exp(ours)
        rest_p, rest_q = max(1 - p.sum(), 1e-12), max(1 - q.sum(), 1e-12)
        divergences.append((p * (row[ids] - ours)).sum() + rest_p * np.log(rest_p / rest_q))
    agrees = [row.argmax() == ids[0] for row, (ids, _) in zip(reference, tops, strict=True)]
    return Figures(np.array(divergences), np.array(agrees))


def reference_rows(path: Path, texts: list[list[int]]) -> NDArray[np.float64]:
    """All positions but the last of each text: what follows that one is not known to score()."""
    reference = Reference(path)
    return np.concatenate([logprobs(reference.logits(ids))[:-1] for ids in texts])


def our_rows(path: Path, texts: list[list[int]], threads: int) -> list[Top]:
    with fluxmlx.load(path, device="cpu", threads=threads) as engine:
        rows = [row for ids in texts for row in engine.score(ids, top=N_TOP).top[1:]]
    return [(np.array([t for t, _ in row]), np.array([p for _, p in row], np.float64)) for row in rows]


def peer_rows(
    path: Path, texts: list[list[int]], args: argparse.Namespace, *flags: str
) -> tuple[list[Top], str]:
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        ids, out = Path(name, "ids.json"), Path(name, "out.npy")
        ids.write_text(json.dumps(texts))
        command = [args.peer_python, str(HERE / "peer_logits.py"), str(path), str(ids), str(out), *flags]
        done = subprocess.run(
            [*command, "--threads", str(args.threads)], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
        logits = np.load(out)
    ends = np.cumsum([len(ids) for ids in texts]) - 1
    return [top_of(row) for row in logprobs(np.delete(logits, ends, 0))], done.stdout.strip()


def texts_of(path: Path, model: Path) -> list[list[int]]:
    """Token ids of each case, or of each span of a text."""
    if path.suffix == ".json":
        return [[*case["prompt_tokens"], *case["greedy"]] for case in json.loads(path.read_text())["cases"]]
    with fluxmlx.load(model, device="cpu") as engine:
        ids = engine.tokenize(path.read_text(encoding="utf-8"))[:N_TOKENS]
    return [ids[i : i + SPAN] for i in range(0, len(ids), SPAN)]


def row_of(name: str, path: Path, texts: list[list[int]], args: argparse.Namespace) -> tuple[str, str]:
    """The table's row for the type of a file, and the peer's version."""
    reference = reference_rows(path, texts)
    ours = figures(reference, our_rows(path, texts, args.threads))
    found = [peer_rows(path, texts, args, *flags) for flags in ((), ("--no-flash-attention",))]
    peer = min((figures(reference, tops) for tops, _ in found), key=lambda f: f.divergence.mean())
    difference = ours.divergence - peer.divergence
    noise = 2 * difference.std(ddof=1) / np.sqrt(len(difference))
    cells = [
        name, f"{ours.divergence.mean():.2e}", f"{peer.divergence.mean():.2e}",
        f"{difference.mean():+.1e} ± {noise:.1e}", f"{ours.agrees.mean():.1%}", f"{peer.agrees.mean():.1%}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |", found[0][1]


HEAD = """<!-- {command} -->
# What 8-bit activations cost

Our default CPU path and llama.cpp against float64 over the same dequantised weights: mean Kullback-Leibler divergence,
and how often the most likely token is the same. The difference comes with twice the standard error of its mean over
tokens; the texts are short, and the types share them, so errors of one sign come together. llama.cpp is
{version}, with flash attention on or off, whichever is nearer.

The model is {model}, as it is and written again with every matrix in the type.
The types with blocks of 256 do not fit its rows of {n_embd}; for them it is widened by zeros, which does not change
what it computes. Scales are from the extremes of a block, without the search of real encoders, so models of 2 and 3
bits are poor ones: their figures compare the two programs and say nothing about the type.
"""

TABLE = """
## {name}, {n} tokens

| type | KL, fluxmlx | KL, llama.cpp | difference | top-1, fluxmlx | top-1, llama.cpp |
|---|---:|---:|---:|---:|---:|
"""


def measure(args: argparse.Namespace, texts: dict[str, list[list[int]]]) -> tuple[dict[str, list[str]], str]:
    """Rows of the table of each text, and the peer's version."""
    source, version = Source(args.model), ""
    rows: dict[str, list[str]] = {name: [] for name in texts}
    with tempfile.TemporaryDirectory() as folder:
        for kind in [AS_IT_IS, *args.types]:
            path = Path(folder, "model.gguf")
            if kind == AS_IT_IS:
                shutil.copy(args.model, path)
            else:
                source.write(path, Type[kind])
            for name, ids in texts.items():
                row, version = row_of(kind, path, ids, args)
                rows[name].append(row)
                print(name, row, flush=True)
            path.unlink()
    return rows, version


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path, nargs="+", metavar="text")
    parser.add_argument("--types", nargs="*", default=TYPES, choices=TYPES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with llama-cpp-python")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "quality.md")
    args = parser.parse_args()
    texts = {path.name: texts_of(path, args.model) for path in args.texts}
    rows, version = measure(args, texts)
    page = HEAD.format(
        command=f"python benchmarks/quality.py {' '.join([args.model.name, *texts])}",
        version=version,
        model=args.model.stem,
        n_embd=gguf.GGUFReader(args.model).fields["llama.embedding_length"].contents(),
    )
    for name, ids in texts.items():
        page += TABLE.format(name=name, n=sum(len(part) - 1 for part in ids)) + "\n".join(rows[name]) + "\n"
    args.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
