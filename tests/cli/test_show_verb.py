"""`fluxmlx show` and `fluxmlx info`: what a file and a build say about themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

core = pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
gguf = pytest.importorskip("gguf", reason="needs the test extra")
numpy = pytest.importorskip("numpy")

TEMPLATE = "{{ messages }}\nsecond line"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small model file with three tensors of two types."""
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Tiny \x1b[31mred")
    writer.add_context_length(128)
    writer.add_embedding_length(64)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_license("mit")
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_token_list([f"t{i}" for i in range(100)])
    writer.add_chat_template(TEMPLATE)
    writer.add_description("d" * 200)
    writer.add_float64("tiny.nan", float("nan"))
    writer.add_tensor("token_embd.weight", numpy.zeros((100, 64), dtype=numpy.float32))
    for name in ("blk.0.attn_q.weight", "blk.0.attn_k.weight"):
        writer.add_tensor(
            name, numpy.zeros((64, 68), dtype=numpy.uint8), raw_dtype=gguf.GGMLQuantizationType.Q8_0
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(path)


def test_show_tells_the_main_facts(invoke, model: str) -> None:
    """Architecture, parameters, lengths, quantisation and licence head the page."""
    out = invoke("show", model).stdout
    facts = dict(line.strip().split("  ", 1) for line in out.split("\n\n")[0].splitlines()[1:])
    assert {key: value.strip() for key, value in facts.items()} == {
        "name": r"Tiny \x1b[31mred",
        "architecture": "llama",
        "parameters": "14.59K",
        "context length": "128",
        "embedding length": "64",
        "quantization": "Q8_0",
        "size": "0.0 MB",
        "license": "mit",
    }


def test_show_cuts_long_values_and_cleans_all(invoke, model: str) -> None:
    """Long texts and lists are abridged, floats are short, and no control character gets through."""
    out = invoke("show", model).stdout
    assert "[t0, t1, t2, ... 100 in all]" in out and "(200 characters)" in out
    assert " 1e-05" in out and "\x1b" not in out


def test_show_sums_tensors_by_type(invoke, model: str) -> None:
    """One line for each type: how many, how many bytes, which part of the file."""
    out = " ".join(invoke("show", model).stdout.split())
    assert "F32 1 tensors 25,600 bytes 74.6 % Q8_0 2 tensors 8,704 bytes 25.4 %" in out


def test_a_flag_prints_that_section_alone(invoke, model: str) -> None:
    """--template and --license print the thing itself; --metadata and --tensors print every one in full."""
    assert invoke("show", model, "--template").stdout == TEMPLATE + "\n"
    assert invoke("show", model, "--license").stdout == "mit\n"
    assert "d" * 200 in invoke("show", model, "--metadata").stdout
    tensors = invoke("show", model, "--tensors").stdout.splitlines()
    assert tensors[0].split() == ["token_embd.weight", "F32", "64x100", "25,600"] and len(tensors) == 3


def test_json_is_the_whole_file(invoke, model: str) -> None:
    """--json is strict JSON; long lists are null there unless --metadata asks for them."""
    short = json.loads(invoke("show", model, "--json").stdout)
    assert (short["architecture"], short["parameters"], len(short["tensors"])) == ("llama", 14592, 3)
    assert short["metadata"]["tokenizer.ggml.tokens"] is None and short["metadata"]["tiny.nan"] == "nan"
    whole = json.loads(invoke("show", model, "--json", "--metadata").stdout)
    assert whole["metadata"]["tokenizer.ggml.tokens"][99] == "t99"


def test_names_of_file_types_are_those_of_the_format() -> None:
    """Every row of our table has the number that the gguf package gives it."""
    from fluxmlx.hub import summary

    names = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf.LlamaFileType}
    table = summary._FILE_TYPES
    assert {number: names.get(number) for number in table} == table


def test_what_is_missing_is_an_error(invoke, tmp_path: Path) -> None:
    """A file without a template or licence says so and exits with 1; so does a file that is not GGUF."""
    path = tmp_path / "bare.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tensor("t", numpy.zeros(32, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for flag, reason in (("--template", "no chat template"), ("--license", "licence")):
        result = invoke("show", str(path), flag)
        assert result.exit_code == 1 and reason in result.stderr
    path.write_bytes(b"not a model file")
    assert invoke("show", str(path)).exit_code == 1


FACTS = {
    "version": "9.9",
    "mlx_c": "ours",
    "has_mlx": True,
    "devices": ["cpu"],
    "cpu_isas": ["avx2", "fma"],
    "new": 1,
}


def test_info_prints_every_key(invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the core says is printed, with the environment it runs in, as text and as JSON."""
    monkeypatch.setattr(core, "info", lambda: dict(FACTS), raising=False)
    lines = dict(line.split("  ", 1) for line in invoke("info").stdout.splitlines())
    assert lines["CPU features"].strip() == "avx2, fma" and lines["new"].strip() == "1"
    assert lines["runs models"].strip() == "yes"
    document = json.loads(invoke("info", "--json").stdout)
    assert document.items() >= FACTS.items() and {"python", "platform", "store"} <= document.keys()


def test_info_tells_which_variables_change_how_models_run(invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are those of the machine; what overrides them is said beside them, and no secret is."""
    monkeypatch.setattr(core, "info", lambda: dict(FACTS), raising=False)
    monkeypatch.setenv("FLUXMLX_API_KEY", "secret")
    for name in ("FLUXMLX_THREADS", "FLUXMLX_FORCE_ISA", "FLUXMLX_CPU_OPS", "FLUXMLX_FORCE_LAYOUT"):
        monkeypatch.delenv(name, raising=False)
    assert json.loads(invoke("info", "--json").stdout)["environment"] == []
    monkeypatch.setenv("FLUXMLX_THREADS", "1")
    monkeypatch.setenv("FLUXMLX_FORCE_ISA", "avx2")
    lines = dict(line.split("  ", 1) for line in invoke("info").stdout.splitlines())
    assert lines["environment"].strip() == "FLUXMLX_THREADS=1, FLUXMLX_FORCE_ISA=avx2"


def test_version_is_one_line(invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """--version prints name and version, and stops there."""
    monkeypatch.setattr(core, "info", lambda: dict(FACTS), raising=False)
    result = invoke("--version")
    assert result.exit_code == 0 and result.stdout.startswith("fluxmlx ") and result.stdout.count("\n") == 1
