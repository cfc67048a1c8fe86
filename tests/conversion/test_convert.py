"""GGUF to GGUF: exact where it can be, metadata kept, and whole or not there."""

from __future__ import annotations

import resource
from pathlib import Path

import gguf_builder as build
import numpy as np
import pytest
import tiny_models

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")

import fluxmlx
from fluxmlx import _core
from fluxmlx.conversion import Fate
from fluxmlx.errors import InvalidArgumentError, ModelIOError, UnsupportedModelError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with rows of 256."""
    tiny = tiny_models.Tiny(n_embd=256, n_ff=256, tied=False)
    return tiny_models.write(tmp_path_factory.mktemp("source") / "f32.gguf", tiny)


def values(path: Path) -> dict[str, np.ndarray]:
    file = _core.GgufFile(path)
    return {row.name: _core.dequantize(file.tensor_bytes(row.name), row.type) for row in file.tensors}


def test_f16_is_the_nearest(model: Path, tmp_path: Path) -> None:
    """Every matrix is rounded to float16, every vector is as it was."""
    fluxmlx.convert(model, tmp_path / "f16.gguf", quantize="F16")
    before, after = values(model), values(tmp_path / "f16.gguf")
    assert before.keys() == after.keys()
    for name, weights in before.items():
        expected = weights if "norm" in name else weights.astype(np.float16).astype(np.float32)
        assert np.array_equal(after[name], expected), name


@pytest.mark.engine
def test_what_float16_holds_answers_the_same(model: Path, tmp_path: Path) -> None:
    """F16 -> F32 -> F16 is the same file, and both answer alike."""
    paths = [tmp_path / name for name in ("a.gguf", "b.gguf", "c.gguf")]
    for source, target, kind in zip([model, *paths], paths, ["F16", "F32", "F16"], strict=False):
        fluxmlx.convert(source, target, quantize=kind)
    assert paths[0].read_bytes() == paths[2].read_bytes()
    answers = []
    for path in paths[:2]:
        with fluxmlx.load(path, device="cpu", ops="composed", cache_type="f32") as engine:
            answers.append(engine.score([1, 2, 3, 4, 5]).logprobs[1:])
    assert answers[0] == pytest.approx(answers[1], abs=1e-5)


def test_the_same_type_is_a_copy(model: Path, tmp_path: Path) -> None:
    """Q8_0 to Q8_0 does not change a byte, nor does a conversion without a type."""
    first, again, plain = (tmp_path / f"{name}.gguf" for name in ("first", "again", "plain"))
    fluxmlx.convert(model, first, quantize="Q8_0")
    done = fluxmlx.convert(first, again, quantize="q8_0")
    fluxmlx.convert(first, plain)
    assert first.read_bytes() == again.read_bytes() == plain.read_bytes()
    assert all(fate.before == fate.after for fate in done.tensors)


@pytest.mark.parametrize("kind", ["Q4_0", "Q2_K", "Q4_K_M", "Q5_K_M", "Q6_K"])
def test_quantised_weights_are_near(model: Path, tmp_path: Path, kind: str) -> None:
    """Each tensor has the bytes that the encoder gives, on any number of threads, and the file says its type."""
    target = tmp_path / "q.gguf"
    done = fluxmlx.convert(model, target, quantize=kind, threads=1)
    file, before = _core.GgufFile(target), values(model)
    for fate in done.tensors:
        assert file.tensor_bytes(fate.name) == _core.encode(before[fate.name], fate.after)
    assert {row.name: row.type for row in file.tensors} == {fate.name: fate.after for fate in done.tensors}
    assert file.metadata["general.quantization_version"] == 2
    assert file.metadata["general.file_type"] in (2, 10, 15, 17, 18) and done.n_bytes == target.stat().st_size
    fluxmlx.convert(model, tmp_path / "threads.gguf", quantize=kind, threads=3)
    assert (tmp_path / "threads.gguf").read_bytes() == target.read_bytes()


def test_metadata_is_kept(model: Path, tmp_path: Path) -> None:
    """All keys and their types, but for those that say which types the file has."""
    fluxmlx.convert(model, tmp_path / "q.gguf", quantize="Q4_0")
    before, after = _core.GgufFile(model), _core.GgufFile(tmp_path / "q.gguf")
    added = ("general.file_type", "general.quantization_version")
    assert {k: v for k, v in after.metadata.items() if k not in added} == before.metadata
    assert {k: v for k, v in after.metadata_types.items() if k not in added} == before.metadata_types


def test_a_split_set_becomes_one_file(tmp_path: Path) -> None:
    """Its tensors stand one behind the other, and no key speaks of parts."""
    for index in range(2):
        keys = [build.kv_string("general.architecture", "llama")] if index == 0 else []
        keys += [
            build.kv("split.no", build.UINT16, index.to_bytes(2, "little")),
            build.kv("split.count", build.UINT16, b"\2\0"),
            build.kv("split.tensors.count", build.INT32, build.u32(2)),
        ]
        data = np.full((2, 4), index + 1, np.float32).tobytes()
        part = build.build(keys, [build.tensor(f"blk.{index}.ffn_up.weight", [4, 2])], data)
        (tmp_path / f"m-{index + 1:05}-of-00002.gguf").write_bytes(part)
    first = tmp_path / "m-00001-of-00002.gguf"
    done = fluxmlx.convert(first, tmp_path / "whole.gguf", quantize="F16")
    assert [(fate.name, fate.after) for fate in done.tensors] == [
        ("blk.0.ffn_up.weight", "F16"),
        ("blk.1.ffn_up.weight", "F16"),
    ]
    assert not any(key.startswith("split.") for key in _core.GgufFile(tmp_path / "whole.gguf").metadata)
    assert [set(row) for row in values(tmp_path / "whole.gguf").values()] == [{1.0}, {2.0}]
    with pytest.raises(InvalidArgumentError, match="is what is converted"):
        fluxmlx.convert(first, tmp_path / "m-00002-of-00002.gguf", force=True)


def test_fallbacks_are_told(tmp_path: Path) -> None:
    """Rows of 64 are no blocks of Q4_K."""
    narrow = tiny_models.write(tmp_path / "narrow.gguf", tiny_models.Tiny())
    done = fluxmlx.convert(narrow, tmp_path / "q.gguf", quantize="Q4_K_M")
    fate = next(fate for fate in done.tensors if fate.name == "blk.0.attn_q.weight")
    assert fate == Fate(
        fate.name, "F32", "Q5_0", 64 * 64 // 32 * 22, "rows of 64 are no whole blocks of Q4_K"
    )


def test_the_target_is_safe(model: Path, tmp_path: Path) -> None:
    """Neither the source nor a file that is there is written over; nothing begins where there is no folder."""
    content = model.read_bytes()
    with pytest.raises(InvalidArgumentError, match="is what is converted; name another file"):
        fluxmlx.convert(model, model, quantize="Q8_0", force=True)
    link = tmp_path / "link.gguf"
    link.symlink_to(model)
    with pytest.raises(InvalidArgumentError, match="is what is converted"):
        fluxmlx.convert(model, link, force=True)
    target = tmp_path / "there.gguf"
    target.write_bytes(b"mine")
    with pytest.raises(InvalidArgumentError, match="exists already"):
        fluxmlx.convert(model, target)
    assert target.read_bytes() == b"mine" and model.read_bytes() == content
    fluxmlx.convert(model, target, force=True)
    assert len(values(target)) > 3
    with pytest.raises(ModelIOError, match=r"the folder of .* does not exist"):
        fluxmlx.convert(model, tmp_path / "no" / "m.gguf")


def test_an_interrupt_leaves_nothing(model: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle: no file, and none of another name."""

    def interrupt(what: str, done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fluxmlx.convert(model, tmp_path / "q.gguf", quantize="Q8_0", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses to write on, or there is not enough room to begin with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ModelIOError, match=r"cannot write .*q.gguf: File too large"):
            fluxmlx.convert(model, tmp_path / "q.gguf", quantize="F16")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(ModelIOError, match=r"will have .* bytes, and its file system has 1000 left"):
        fluxmlx.convert(model, tmp_path / "q.gguf", quantize="F16")
    assert list(tmp_path.iterdir()) == []


def test_a_bad_weight_is_named(tmp_path: Path) -> None:
    """The tensor, the place and the value; and nothing is left."""
    data = np.zeros(64, np.float32)
    data[40] = np.nan
    row = build.tensor("blk.0.ffn_up.weight", [32, 2])
    keys = [build.kv_string("general.architecture", "llama")]
    (tmp_path / "nan.gguf").write_bytes(build.build(keys, [row], data.tobytes()))
    with pytest.raises(
        InvalidArgumentError, match=r"tensor blk.0.ffn_up.weight: value 40 is nan; Q8_0 holds"
    ):
        fluxmlx.convert(tmp_path / "nan.gguf", tmp_path / "q.gguf", quantize="Q8_0")
    assert [path.name for path in tmp_path.iterdir()] == ["nan.gguf"]


def test_types_that_cannot_be_read(tmp_path: Path) -> None:
    row = build.tensor("blk.0.ffn_up.weight", [32, 2], build.I8)
    keys = [build.kv_string("general.architecture", "llama")]
    (tmp_path / "ints.gguf").write_bytes(build.build(keys, [row], bytes(64)))
    with pytest.raises(
        UnsupportedModelError, match=r"tensor blk.0.ffn_up.weight has the type I8, which cannot be"
    ):
        fluxmlx.convert(tmp_path / "ints.gguf", tmp_path / "q.gguf", quantize="Q8_0")


def test_progress_ends_with_the_whole(model: Path, tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    done = fluxmlx.convert(
        model, tmp_path / "q.gguf", quantize="Q8_0", progress=lambda *row: heard.append(row)
    )
    assert heard[-1] == ("converting", done.n_bytes, done.n_bytes)
    assert [row[1] for row in heard] == sorted(row[1] for row in heard)
