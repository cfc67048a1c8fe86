"""Checkpoints in MLX's form: what mlx-lm would read, and MLX's own numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path

import checkpoint_builder as build
import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
pytest.importorskip("mlx.core", reason="needs MLX")

import mlx.core as mx

from fluxmlx.conversion import convert_to_mlx
from fluxmlx.errors import InvalidArgumentError


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build.write_llama(tmp_path_factory.mktemp("checkpoint") / "tiny", "BF16")


@pytest.mark.parametrize(("bits", "group"), [(2, 32), (3, 64), (4, 32), (5, 64), (6, 32), (8, 64)])
def test_matrices_are_what_mlx_makes_of_them(checkpoint: Path, tmp_path: Path, bits: int, group: int) -> None:
    """MLX reads the file; codes, scales and biases are its own to the bit, and dequantised they have the old type."""
    convert_to_mlx(checkpoint, tmp_path / "m", bits=bits, group_size=group)
    before, after = (mx.load(str(folder / "model.safetensors")) for folder in (checkpoint, tmp_path / "m"))
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["quantization"] == config["quantization_config"] == {"bits": bits, "group_size": group}
    for name, weights in before.items():
        module = name.removesuffix("weight")
        if weights.ndim == 1 or weights.shape[1] % group:
            assert mx.array_equal(after[name], weights) and f"{module}scales" not in after
            continue
        found = [after[f"{module}{leaf}"] for leaf in ("weight", "scales", "biases")]
        expected = mx.quantize(weights, group_size=group, bits=bits)
        assert all(mx.array_equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True)), name
        made = mx.dequantize(*found, group_size=group, bits=bits)
        assert made.dtype == weights.dtype and made.shape == weights.shape


def test_without_bits_the_bytes_are_the_same(checkpoint: Path, tmp_path: Path) -> None:
    """Tensors and the tokenizer's files are as they were, and the config names no quantisation."""
    done = convert_to_mlx(checkpoint, tmp_path / "m")
    before, after = (mx.load(str(folder / "model.safetensors")) for folder in (checkpoint, tmp_path / "m"))
    assert before.keys() == after.keys() and all(mx.array_equal(before[name], after[name]) for name in before)
    assert (tmp_path / "m" / "tokenizer.json").read_bytes() == (checkpoint / "tokenizer.json").read_bytes()
    assert "quantization" not in json.loads((tmp_path / "m" / "config.json").read_text())
    assert done.n_bytes == sum(file.stat().st_size for file in (tmp_path / "m").iterdir())


def test_what_cannot_be_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """Odd numbers, a target that is there, a source that is a file; and an interrupt leaves nothing."""
    with pytest.raises(InvalidArgumentError, match="bits=7 in groups of 64; expected bits of"):
        convert_to_mlx(checkpoint, tmp_path / "m", bits=7)
    (tmp_path / "there").mkdir()
    with pytest.raises(InvalidArgumentError, match="exists already; remove it, or name another folder"):
        convert_to_mlx(checkpoint, tmp_path / "there")
    (tmp_path / "there").rmdir()

    def interrupt(what: str, done: int, total: int) -> None:
        assert math.isfinite(done / total)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_to_mlx(checkpoint, tmp_path / "m", bits=4, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_the_verb(checkpoint: Path, tmp_path: Path) -> None:
    """`--format mlx` with bits, and each option with its own form."""
    from typer.testing import CliRunner

    from fluxmlx.cli.app import app

    target = str(tmp_path / "m")
    out = CliRunner().invoke(
        app, ["convert", str(checkpoint), target, "--format", "mlx", "--bits", "4", "--group", "32"]
    )
    assert out.exit_code == 0 and "BF16 -> 4 bits in 32s    15 tensors" in out.stdout, out.stdout
    for wrong in (["-q", "Q8_0", "--format", "mlx"], ["--bits", "4"]):
        assert CliRunner().invoke(app, ["convert", str(checkpoint), target, *wrong]).exit_code == 2
