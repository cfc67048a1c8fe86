"""WordPiece in a tokenizer.json: the ids are those of the whole file in the `tokenizers` library."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from json_files import WORD_PIECES
from tokenizers import BertWordPieceTokenizer, Tokenizer, decoders, processors

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import from_folder

_TEXTS = st.lists(
    st.one_of(
        st.text(max_size=5),
        st.text("abe\u00e9E\u0301 \u65e5!,\t\n\ufffd\0[]", max_size=8),
        st.sampled_from(["unable", "Waters", " ", "a" * 100, "a" * 101, "[CLS]", "[unk]", "[MASK]"]),
    )
).map("".join)
TEMPLATE = processors.TemplateProcessing(
    single="[CLS] $A [SEP]", pair=None, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
)
FORMS = {
    "bert": {"lowercase": True},
    "cased": {"lowercase": False, "strip_accents": False},
    "template": {"lowercase": True},
    "untyped": {"lowercase": True},
}


def write(folder: Path, form: str = "bert", **changes: Any) -> Path:
    """As BERT's are published; `changes` go over the model."""
    made = BertWordPieceTokenizer({token: i for i, token in enumerate(WORD_PIECES)}, **FORMS[form])
    backend = Tokenizer.from_str(made.to_str())
    if form == "template":
        backend.post_processor = TEMPLATE
    definition = json.loads(backend.to_str())
    definition["model"] |= changes
    if form == "untyped":
        del definition["model"]["type"]
    (folder / "tokenizer.json").write_text(json.dumps(definition))
    names = {"unk_token": "[UNK]", "sep_token": "[SEP]", "cls_token": "[CLS]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    return folder


@cache
def pair(form: str) -> tuple[Any, Tokenizer]:
    with TemporaryDirectory() as name:
        folder = write(Path(name), form)
        backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return from_folder(folder, n_vocab=len(WORD_PIECES)), backend


@pytest.mark.parametrize("form", FORMS)
@given(text=_TEXTS)
@example(text="Unable waters, \u65e5\u65e5! caf\u00e9")
@example(text=" [CLS] un[SEP]able ")
def test_the_librarys_own_ids(form: str, text: str) -> None:
    """With special tokens parsed, the ids are those of the whole file, what stands around a text included."""
    tokenizer, backend = pair(form)
    assert tokenizer.encode(text, parse_special=True) == backend.encode(text).ids


@given(text=_TEXTS)
@example(text="[CLS] [UNK] [MASK]")
def test_text_of_a_user_stays_text(text: str) -> None:
    """No control token but the two around the text, whatever it spells."""
    tokenizer, _ = pair("bert")
    ids = tokenizer.encode(text)
    assert (ids[0], ids[-1]) == (2, 3) and not {0, 2, 3, 4} & set(ids[1:-1])


@pytest.mark.parametrize("text", ["unable water", "water, waters!", "un\u65e5"])
def test_decoding(text: str) -> None:
    """What the library's decoder gives where it does not clean up, and an answer's bytes are those of its tokens."""
    tokenizer, backend = pair("bert")
    backend.decoder = decoders.WordPiece(cleanup=False)
    ids = backend.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids) == backend.decode(ids)
    assert b"".join(tokenizer.token_bytes[i] for i in ids).decode() == " " + tokenizer.decode(ids)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"continuing_subword_prefix": ""}, "continuing_subword_prefix is ''"),
        ({"continuing_subword_prefix": 5}, "continuing_subword_prefix is '5'"),
        ({"max_input_chars_per_word": 10**6}, "max_input_chars_per_word is 1000000; expected 1 to 1000"),
        ({"max_input_chars_per_word": "x"}, "max_input_chars_per_word is x"),
        ({"vocab": {}}, "no vocabulary"),
    ],
)
def test_broken_models(changes: dict[str, Any], text: str, tmp_path: Path) -> None:
    """Each kind of damage is a TokenizerError that says what it is."""
    with pytest.raises(TokenizerError, match=text):
        from_folder(write(tmp_path, **changes), n_vocab=len(WORD_PIECES))


def test_added_tokens_that_are_found_later(tmp_path: Path) -> None:
    """A token that is looked for in lower case is refused, for others find it elsewhere."""
    file = write(tmp_path) / "tokenizer.json"
    definition = json.loads(file.read_text())
    definition["added_tokens"].append({
        "id": len(WORD_PIECES), "content": "Foo", "special": False, "normalized": True, "single_word": False,
        "lstrip": False, "rstrip": False,
    })  # fmt: skip
    file.write_text(json.dumps(definition))
    with pytest.raises(
        TokenizerError, match="the added token 'Foo' is found in texts after they were changed"
    ):
        from_folder(tmp_path, n_vocab=30)
