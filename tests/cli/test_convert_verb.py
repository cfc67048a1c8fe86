"""`fluxmlx convert`: what it says, to people and to programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
pytest.importorskip("gguf", reason="needs the test extra")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    sys.path.append(str(Path(__file__).parents[1] / "model"))
    import tiny_models

    return str(tiny_models.write(tmp_path_factory.mktemp("model") / "tiny.gguf", tiny_models.Tiny()))


def test_tells_what_became_of_the_types(invoke, model: str, tmp_path: Path) -> None:
    """A line for each change of type, one for each reason, and the file with its size."""
    out = invoke("convert", model, str(tmp_path / "q.gguf"), "-q", "q4_k_m")
    assert out.exit_code == 0, out.stderr
    said = " ".join(out.stdout.split())
    assert "F32 as it is 5 tensors" in said and "F32 -> Q5_0 12 tensors" in said
    assert "Q5_0 for 11 tensors: rows of 64 are no whole blocks of Q4_K" in said
    assert said.endswith(f"{tmp_path / 'q.gguf'}: 72 KB")
    assert [path.name for path in tmp_path.iterdir()] == ["q.gguf"]


def test_json_has_every_tensor(invoke, model: str, tmp_path: Path) -> None:
    found = json.loads(invoke("convert", model, str(tmp_path / "q.gguf"), "--json", "-q", "Q8_0").stdout)
    assert found["n_bytes"] == (tmp_path / "q.gguf").stat().st_size
    rows = {row["name"]: row["after"] for row in found["tensors"]}
    assert rows["blk.0.attn_q.weight"] == "Q8_0" and rows["output_norm.weight"] == "F32"


def test_errors_are_one_line(invoke, model: str, tmp_path: Path) -> None:
    """An unknown type, a file that is there, a model that is not; --force writes over a file."""
    target = str(tmp_path / "q.gguf")
    unknown = invoke("convert", model, target, "-q", "Q9_Z")
    assert (
        unknown.exit_code == 1 and "there is no type 'Q9_Z' to convert to; expected one of" in unknown.stderr
    )
    Path(target).write_bytes(b"mine")
    there = invoke("convert", model, target)
    assert there.exit_code == 1 and "exists already" in there.stderr and there.stderr.count("\n") == 1
    assert invoke("convert", model, target, "--force").exit_code == 0
    assert invoke("convert", str(tmp_path / "none.gguf"), str(tmp_path / "x.gguf")).exit_code == 1
