"""What 8-bit activations cost in each packed type, here and in llama.cpp: python benchmarks/quality.py MODEL TEXT...

MODEL is a Llama model in any type (SmolLM2-135M-Instruct Q4_1); a TEXT the golden cases of the tests (.json), or any
text, of which the first --tokens count. The model is written again in each type, and run by our default CPU path, by
llama.cpp and in float64 over the dequantised weights (the reference of tests/model). Writes a table for each text to
docs/quality.md. --keep names a folder for what was found, so that types may be measured in several runs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from divergence import RUN, Figures, Tops, difference, figures, logprobs
from requantised import Source

import fluxmlx
import gguf
from gguf import GGMLQuantizationType as Type

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests" / "model"))
from reference import Reference  # noqa: E402

TYPES = ["BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "MXFP4"]
TYPES += ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS"]
AS_IT_IS = "the file itself"
N_TOP = 1024  # tokens of a row by name; all others count as one
SPAN = 500  # tokens of a text that are read on their own
PEER_FLAGS = ((), ("--no-flash-attention",))

Texts = list[list[int]]


class Found(NamedTuple):
    """Of one type on one text; the peer with the flags that bring it nearer."""

    ours: Figures
    peer: Figures
    version: str

    def save(self, path: Path) -> None:
        np.savez(path, ours=self.ours, peer=self.peer, version=self.version)

    @classmethod
    def load(cls, path: Path) -> Found:
        with np.load(path) as kept:
            ours, peer = (Figures(rows[0], rows[1] > 0) for rows in (kept["ours"], kept["peer"]))
            return cls(ours, peer, str(kept["version"]))

    def row(self, name: str) -> str:
        apart = difference(self.ours, self.peer)
        of_peers = 100 / self.peer.divergence.mean()
        cells = [
            name, f"{self.ours.divergence.mean():.3e}", f"{self.peer.divergence.mean():.3e}",
            f"{apart.mean:+.1e} ± {2 * apart.error:.1e}",
            f"{apart.mean * of_peers:+.1f} % ± {2 * apart.error * of_peers:.1f} %",
            f"{self.ours.agrees.mean():.1%}", f"{self.peer.agrees.mean():.1%}",
        ]  # fmt: skip
        return f"| {' | '.join(cells)} |"


def against_reference(path: Path, texts: Texts, paths: list[Tops]) -> list[Figures]:
    """Of several paths, at all positions but the last of each text: score() does not know what follows that one."""
    reference, parts, begin = Reference(path), [], 0
    for ids in texts:
        rows = logprobs(reference.logits(ids))[:-1]
        end = begin + len(rows)
        parts.append([figures(rows, Tops(tops.ids[begin:end], tops.logprobs[begin:end])) for tops in paths])
        begin = end
    return [Figures(*map(np.concatenate, zip(*of_path, strict=True))) for of_path in zip(*parts, strict=True)]


def our_tops(path: Path, texts: Texts, **options: Any) -> Tops:
    parts = []
    with fluxmlx.load(path, device="cpu", **options) as engine:
        for ids in texts:
            rows = np.array(engine.score(ids, top=N_TOP).top[1:])
            parts.append(Tops(rows[..., 0].astype(np.int32), rows[..., 1]))
    return Tops.joined(parts)


def peer_tops(path: Path, texts: Texts, args: argparse.Namespace, *flags: str) -> tuple[Tops, str]:
    """And the peer's version."""
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        ids, out = Path(name, "ids.json"), Path(name, "out.npz")
        ids.write_text(json.dumps(texts))
        command = [args.peer_python, str(HERE / "peer_logits.py"), str(path), str(ids), str(out), *flags]
        command += ["--top", str(N_TOP), "--threads", str(args.threads)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
        with np.load(out) as kept:
            return Tops(kept["ids"], kept["logprobs"]), done.stdout.strip()


def texts_of(path: Path, model: Path, n_tokens: int | None) -> Texts:
    """Token ids of each case, or of each span of a text."""
    if path.suffix == ".json":
        return [[*case["prompt_tokens"], *case["greedy"]] for case in json.loads(path.read_text())["cases"]]
    with fluxmlx.load(model, device="cpu") as engine:
        ids = engine.tokenize(path.read_text(encoding="utf-8"))[:n_tokens]
    return [ids[i : i + SPAN] for i in range(0, len(ids), SPAN)]


def find(path: Path, texts: Texts, args: argparse.Namespace) -> Found:
    """What a file's type costs."""
    ours = our_tops(path, texts, threads=args.threads)
    peers = [peer_tops(path, texts, args, *flags) for flags in PEER_FLAGS]
    first, *others = against_reference(path, texts, [ours, *(tops for tops, _ in peers)])
    return Found(first, min(others, key=lambda f: f.divergence.mean()), peers[0][1])


HEAD = """<!-- {command} -->
# What 8-bit activations cost

Our default CPU path and llama.cpp against float64 over the same dequantised weights: mean Kullback-Leibler divergence,
and how often the most likely token is the same. The difference is that of the same tokens, ours less llama.cpp's, and
comes with twice its standard error, which is from the means of runs of {run} tokens, because neighbours are alike.
llama.cpp is {version}, with flash attention on or off, whichever is nearer.

The model is {model}, as it is and written again with every matrix in the type.
The types with blocks of 256 do not fit its rows of {n_embd}; for them it is widened by zeros, which does not change
what it computes. Scales are from the extremes of a block, without the search of real encoders, so models of 2 and 3
bits are poor ones: their figures compare the two programs and say nothing about the type.
"""

TABLE = """
## {name}, {n} tokens

| type | KL, fluxmlx | KL, llama.cpp | difference | of llama.cpp's | top-1, fluxmlx | top-1, llama.cpp |
|---|---:|---:|---:|---:|---:|---:|
"""


def measure(args: argparse.Namespace, texts: dict[str, Texts], folder: Path) -> None:
    """Leaves what is found of each type and text in the folder, where it is not there."""
    source = Source(args.model)
    for kind in args.types:
        missing = {name: ids for name, ids in texts.items() if not kept_at(folder, kind, name).exists()}
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "model.gguf")
            if missing and kind == AS_IT_IS:
                shutil.copy(args.model, path)
            elif missing:
                source.write(path, Type[kind])
            for name, ids in missing.items():
                found = find(path, ids, args)
                found.save(kept_at(folder, kind, name))
                print(name, found.row(kind), flush=True)


def kept_at(folder: Path, kind: str, text: str) -> Path:
    return folder / f"{text}.{kind.replace(' ', '-')}.npz"


def page(args: argparse.Namespace, texts: dict[str, Texts], folder: Path) -> str:
    """Of everything in the folder that is about these texts."""
    tables, version = "", ""
    for name, ids in texts.items():
        rows = []
        for kind in [AS_IT_IS, *TYPES]:
            if kept_at(folder, kind, name).exists():
                found = Found.load(kept_at(folder, kind, name))
                rows.append(found.row(kind))
                version = found.version
        tables += TABLE.format(name=name, n=sum(len(part) - 1 for part in ids)) + "\n".join(rows) + "\n"
    head = HEAD.format(
        command=f"python benchmarks/quality.py {' '.join([args.model.name, *texts])}",
        run=RUN,
        version=version,
        model=args.model.stem,
        n_embd=gguf.GGUFReader(args.model).fields["llama.embedding_length"].contents(),
    )
    return head + tables


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path, nargs="+", metavar="text")
    parser.add_argument("--types", nargs="*", default=[AS_IT_IS, *TYPES], choices=[AS_IT_IS, *TYPES])
    parser.add_argument("--tokens", type=int, help="of each text; default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with llama-cpp-python")
    parser.add_argument("--keep", type=Path, help="a folder of results, which are not measured again")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "quality.md")
    args = parser.parse_args()
    texts = {path.name: texts_of(path, args.model, args.tokens) for path in args.texts}
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        measure(args, texts, folder)
        args.out.write_text(page(args, texts, folder), encoding="utf-8")


if __name__ == "__main__":
    main()
