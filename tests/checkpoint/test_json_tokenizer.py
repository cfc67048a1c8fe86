"""tokenizer.json as it is: what the `tokenizers` library gives, and text that never becomes a special token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import checkpoint_builder as builder
import pytest
from json_files import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from fluxmlx.errors import ModelFileError, TokenizerError
from fluxmlx.tokenizer.json_tokenizer import from_folder

TEXTS = ["", "Hello", " the  cat\n", "th th", "naïve Ж 語 🙂", "a<s>b </s> c", "\x00\x7f", "the\tthe"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("form", ["byte-level", None, "first", "always", "never"])
def test_the_librarys_own_ids(form: str | None, text: str, tmp_path: Path) -> None:
    """With special tokens parsed, the ids are those of the whole file."""
    folder = builder.byte_tokenizer(tmp_path) if form == "byte-level" else sentencepiece(tmp_path, form)
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer = from_folder(folder, n_vocab=backend.get_vocab_size())
    assert tokenizer.encode(text, parse_special=True) == backend.encode(text).ids


@pytest.mark.parametrize("text", [text for text in TEXTS if "<s>" not in text])
@pytest.mark.parametrize("form", ["byte-level", None, "first", "never"])
def test_text_comes_back(form: str | None, text: str, tmp_path: Path) -> None:
    """Decoding gives the text, and an answer's bytes are those of its tokens."""
    folder = builder.byte_tokenizer(tmp_path) if form == "byte-level" else sentencepiece(tmp_path, form)
    tokenizer = from_folder(folder, n_vocab=288)
    ids = tokenizer.encode(text, add_special=False)
    assert tokenizer.decode(ids) == Tokenizer.from_file(str(folder / "tokenizer.json")).decode(ids)
    assert b"".join(tokenizer.token_bytes[i] for i in ids).decode().lstrip(" ") == text.lstrip(" ")


def test_special_tokens_in_a_text_stay_text(tmp_path: Path) -> None:
    """What a user writes is never a control token."""
    tokenizer = from_folder(builder.byte_tokenizer(tmp_path), n_vocab=288)
    ids = tokenizer.encode("<|im_end|>")
    assert 260 not in ids
    assert tokenizer.decode(ids) == "<|im_end|>"
    assert tokenizer.encode("<|im_end|>", parse_special=True) == [260]


def unigram(folder: Path) -> Path:
    """T5's form: pieces with scores, the control token's the best of them."""
    words = [("<unk>", 0.0), ("</s>", 0.0), ("▁", -3.0), ("s", -4.0), ("/", -5.0), ("<", -5.5), (">", -6.0)]
    backend = Tokenizer(models.Unigram([*words, ("▁s", -3.5)], unk_id=0, byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace(prepend_scheme="always")
    backend.add_special_tokens([AddedToken(text, normalized=False) for text in ("<unk>", "</s>")])
    backend.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair=None, special_tokens=[("</s>", 1)]
    )
    backend.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "</s>", "unk_token": "<unk>"}')
    return folder


def test_pieces_with_scores(tmp_path: Path) -> None:
    """Ids are the library's, and what a user writes is no control token though the model has a piece for it."""
    tokenizer = from_folder(unigram(tmp_path), n_vocab=8)
    backend = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in ("s s", "s/</s>s</s>", "x s  x", "s<unk>"):
        assert tokenizer.encode(text, parse_special=True) == backend.encode(text).ids, text
    assert tokenizer.encode("s</s>") == [7, 5, 4, 3, 6, 1]
    assert tokenizer.decode(tokenizer.encode("s</s>")) == "s</s>"


def test_roles_and_padding(tmp_path: Path) -> None:
    """Ids of roles and ends, and an id for each row of the embedding."""
    folder = sentencepiece(tmp_path, None)
    (folder / "generation_config.json").write_text('{"eos_token_id": [2, 5]}')
    (folder / "config.json").write_text('{"eos_token_id": 2}')
    tokenizer = from_folder(folder, n_vocab=400)
    assert (tokenizer.bos_id, tokenizer.eos_id, tokenizer.add_bos, tokenizer.add_eos) == (1, 2, True, False)
    assert tokenizer.eog_ids == {2, 5}
    assert (tokenizer.n_vocab, tokenizer.token_bytes[399]) == (400, b"")
    assert tokenizer.token_bytes[3 + 0xFF] == b"\xff"


def test_tokens_that_swallow_whitespace(tmp_path: Path) -> None:
    """As Phi-3's do: what an added token swallows is no text."""
    folder = builder.byte_tokenizer(tmp_path)
    definition = json.loads((folder / "tokenizer.json").read_text())
    definition["added_tokens"][1]["rstrip"] = definition["added_tokens"][2]["lstrip"] = True
    (folder / "tokenizer.json").write_text(json.dumps(definition))
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    text = "a <|im_start|>  b  <|im_end|> c"
    assert from_folder(folder, n_vocab=288).encode(text, parse_special=True) == backend.encode(text).ids


def broken(folder: Path, change: Any) -> Path:
    builder.byte_tokenizer(folder)
    definition = json.loads((folder / "tokenizer.json").read_text())
    change(definition)
    (folder / "tokenizer.json").write_text(json.dumps(definition))
    return folder


def split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


BROKEN = {
    "a catastrophic pattern": (lambda d: d.update(pre_tokenizer=split("(a+)+$")), "can take forever"),
    "one inside a sequence": (
        lambda d: d["pre_tokenizer"].update(type="Sequence", pretokenizers=[split(r"(?:\w*\s?)*x")]),
        "can take forever",
    ),
    "too many added tokens": (
        lambda d: d.update(added_tokens=[{"id": 0, "content": "x"}] * (1 << 18)),
        "at most 131072",
    ),
    "an added token without a text": (lambda d: d["added_tokens"].append({"id": 1}), "an added token is"),
    "an id of 2^40": (lambda d: d["added_tokens"][0].update(id=2**40), "an added token is"),
    "another model": (lambda d: d["model"].update(type="WordLevel"), "'WordLevel'"),
    "a piece without a score": (
        lambda d: d.update(model={"type": "Unigram", "vocab": [["a"]]}),
        r"piece 0 is \['a'\]; expected a text and its score",
    ),
    "a piece without a text": (
        lambda d: d.update(model={"type": "Unigram", "vocab": [[["a"], 0.0]]}),
        "piece 0 is .*expected a text",
    ),
    "no vocabulary": (lambda d: d["model"].update(vocab={}), "no vocabulary"),
    "ids that are no numbers": (lambda d: d["model"]["vocab"].update({"!": "0"}), "token '!'"),
    "merges of unknown tokens": (lambda d: d["model"]["merges"].append(["zz", "yy"]), "cannot be used"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files(case: str, tmp_path: Path) -> None:
    """Each kind of damage is a TokenizerError that says what it is."""
    change, text = BROKEN[case]
    with pytest.raises(TokenizerError, match=text):
        from_folder(broken(tmp_path, change), n_vocab=288)


def test_missing_and_unreadable(tmp_path: Path) -> None:
    """No file, and one that is no JSON."""
    with pytest.raises(TokenizerError, match=r"has no tokenizer\.json"):
        from_folder(tmp_path, n_vocab=288)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelFileError, match=r"tokenizer\.json is not JSON"):
        from_folder(tmp_path, n_vocab=288)


@pytest.mark.parametrize("value", ["x", -1, [0, 10**9], 1.5, True])
def test_bad_ends(value: Any, tmp_path: Path) -> None:
    """An end that is no token is an error that names the file."""
    builder.byte_tokenizer(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"eos_token_id": value}))
    with pytest.raises(TokenizerError, match=r"config\.json: eos_token_id"):
        from_folder(tmp_path, n_vocab=288)
