"""Unigram and WordPiece vocabularies in GGUF files: the same tokens, in ours and by the libraries that made them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from json_files import WORD_PIECES
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")

from fluxmlx.conversion.vocabulary_keys import PROBES, vocabulary_keys
from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import from_folder, from_gguf

PIECES = "theory of unable water s \u2581 a b , ! \u65e5 3 the un able".split()
SPECIAL = ["<pad>", "</s>", "<unk>"]


def charsmap() -> bytes:
    """SentencePiece's own table for NFKC."""
    import io

    sentencepiece = importlib.import_module("sentencepiece")
    pb = importlib.import_module("sentencepiece.sentencepiece_model_pb2")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the theory of water"] * 20), model_writer=model, vocab_size=24,
        hard_vocab_limit=False, model_type="unigram", minloglevel=2,
    )  # fmt: skip
    proto = pb.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def unigram(folder: Path, *, squeezes: bool = True, scheme: str = "always", changes: str = "table") -> Path:
    """T5's form; `squeezes`: runs of spaces are one; `changes`: what is done to texts first."""
    folder.mkdir()
    texts = dict.fromkeys(
        [*SPECIAL, *PIECES, *(f"\u2581{piece}" for piece in PIECES if piece != "\u2581"), *"theoryfunablwrs"]
    )
    vocabulary = [(text, 0.0 if text in SPECIAL else -1.0 - i / 8) for i, text in enumerate(texts)]
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=2, byte_fallback=False))
    steps: dict[str, list[Any]] = {"table": [normalizers.Precompiled(charsmap())], "nothing": []}
    backend.normalizer = normalizers.Sequence(steps.get(changes, [normalizers.Lowercase()]))
    mark = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    cut = [pre_tokenizers.WhitespaceSplit(), mark] if squeezes else [mark]
    backend.pre_tokenizer = pre_tokenizers.Sequence(cut)
    backend.decoder = decoders.Metaspace(prepend_scheme=scheme)
    backend.add_special_tokens(SPECIAL)
    backend.post_processor = processors.TemplateProcessing("$A </s>", None, [("</s>", 1)])
    backend.save(str(folder / "tokenizer.json"))
    names = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    return folder


def metadata(folder: Path) -> dict[str, Any]:
    """What a file of the folder says; as many tokens as tokenizer.json has, and two more rows of the embedding."""
    n_vocab = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size() + 2
    return {key.name: key.value for key in vocabulary_keys(folder, n_vocab)}


def test_unigram(tmp_path: Path) -> None:
    """Pieces, scores and the table of characters are there, and every text gives the tokens of tokenizer.json."""
    folder = unigram(tmp_path / "m")
    found = metadata(folder)
    assert found["tokenizer.ggml.model"] == "t5" and found["tokenizer.ggml.remove_extra_whitespaces"] is True
    assert bytes(found["tokenizer.ggml.precompiled_charsmap"]) == charsmap()
    made, own = from_gguf(found), from_folder(folder, n_vocab=len(found["tokenizer.ggml.tokens"]))
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in (*PROBES[:3], "the theory  of \uff54he water</s>", " unable", "3 \u65e5"):
        assert made.encode(text) == own.encode(text), text
        if "</s>" not in text:
            assert made.encode(text) == backend.encode(text).ids, text
    assert made.eog_ids == own.eog_ids == {1} and (made.add_bos, made.add_eos) == (False, True)


def test_without_a_mark_before(tmp_path: Path) -> None:
    """A text that begins without a space, and runs of spaces that stay, are found among the ways, too."""
    found = metadata(unigram(tmp_path / "m", squeezes=False, scheme="never", changes="nothing"))
    assert found["tokenizer.ggml.add_space_prefix"] is False
    assert found["tokenizer.ggml.remove_extra_whitespaces"] is False


@pytest.mark.parametrize("options", [{"changes": "lower"}, {"squeezes": False}])
def test_unigram_that_has_no_keys(options: dict[str, Any], tmp_path: Path) -> None:
    """Texts in lower case, and a mark that goes only before texts that have none, are refused."""
    with pytest.raises(TokenizerError, match=r"cannot be written to a GGUF file: .* would give other tokens"):
        metadata(unigram(tmp_path / "m", **options))


@pytest.mark.parametrize(
    ("table", "text"),
    [("((((", "is not base64"), ("", "of 0 bytes is damaged"), ("/" * 3000, "of 2250 bytes is damaged")],
)
def test_a_damaged_table(table: str, text: str, tmp_path: Path) -> None:
    """It is refused before the library sees it, which would not come back."""
    folder = unigram(tmp_path / "m")
    definition = json.loads((folder / "tokenizer.json").read_text())
    definition["normalizer"]["normalizers"][0]["precompiled_charsmap"] = table
    (folder / "tokenizer.json").write_text(json.dumps(definition))
    with pytest.raises(TokenizerError, match=f"precompiled_charsmap {text}"):
        from_folder(folder, n_vocab=64)


def words(folder: Path, **changes: Any) -> Path:
    """BERT's form; `changes` go over the whole file."""
    from tokenizers import BertWordPieceTokenizer

    folder.mkdir(exist_ok=True)
    cased = changes.pop("cased", False)
    vocabulary = {token: i for i, token in enumerate(WORD_PIECES)}
    made = BertWordPieceTokenizer(vocabulary, lowercase=not cased)
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(made.to_str()) | changes))
    names = {"unk_token": "[UNK]", "sep_token": "[SEP]", "cls_token": "[CLS]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    return folder


@pytest.fixture(scope="module", params=[False, True], ids=["uncased", "cased"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Tokenizer]:
    """The tokenizer of the keys, and the library's own."""
    folder = words(tmp_path_factory.mktemp("words") / "m", cased=request.param)
    found = metadata(folder)
    assert found["tokenizer.ggml.normalizer.lowercase"] is not request.param
    return from_gguf(found), Tokenizer.from_file(str(folder / "tokenizer.json"))


@given(
    text=st.lists(st.sampled_from([*WORD_PIECES[5:], " ", "  ", "\n", "s", "unables", "\u00e9", "The"])).map(
        "".join
    )
)
@example(text="The unable waters, 33!")
def test_word_piece(pair: tuple[Any, Tokenizer], text: str) -> None:
    """Every text gives the tokens of tokenizer.json."""
    made, backend = pair
    assert made.encode(text) == backend.encode(text).ids


def test_word_piece_that_has_no_keys(tmp_path: Path) -> None:
    """Texts that are changed or cut in another way than BERT's are refused with what they are."""
    with pytest.raises(TokenizerError, match="cuts them with Whitespace and"):
        metadata(words(tmp_path, pre_tokenizer={"type": "Whitespace"}))
    with pytest.raises(TokenizerError, match="changes texts with None"):
        metadata(words(tmp_path, normalizer=None))
