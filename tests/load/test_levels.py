"""Types with code books: what a load says of them, and how they are held where memory is short."""

from __future__ import annotations

from pathlib import Path

import pytest

core = pytest.importorskip("fluxmlx._core", reason="the native module is not built")
if not hasattr(core, "Engine"):
    pytest.skip("this core has no engine", allow_module_level=True)

TYPES = ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "TQ1_0", "TQ2_0"]
HELD = {
    "IQ1_S": "affine 2 bit, the file's codes", "IQ1_M": "affine 8 bit, nearest level",
    "IQ2_XXS": "affine 8 bit, the file's codes", "IQ2_XS": "affine 8 bit, nearest level",
    "IQ2_S": "affine 8 bit, nearest level", "IQ3_XXS": "affine 8 bit, the file's codes",
    "IQ3_S": "affine 4 bit, the file's codes", "TQ1_0": "affine 2 bit, the file's codes",
    "TQ2_0": "affine 2 bit, the file's codes",
}  # fmt: skip


def held_as(path: Path, name: str, **options: str) -> str:
    import fluxmlx

    with fluxmlx.load(path, device="cpu", **options) as engine:
        assert len(engine.generate([72, 101], max_tokens=4, ignore_eos=True).tokens) == 4
        return next(held for kind, held, *_ in engine.info["tensors"] if kind == name)


@pytest.fixture(params=TYPES)
def model(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "model"))
    import tiny_models

    tiny = tiny_models.Tiny(quantisation=request.param, n_embd=256, n_ff=256, n_layers=1)
    return tiny_models.write(tmp_path / "tiny.gguf", tiny), request.param


def test_the_report_says_how_they_are_held(model: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed for our kernels, affine for MLX's; in the file's blocks where those fit and strips would not."""
    path, name = model
    assert held_as(path, name) == "packed"
    assert held_as(path, name, ops="composed") == HELD[name]
    monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "small")
    assert held_as(path, name) == ("packed" if name == "TQ2_0" else "the file's blocks")
