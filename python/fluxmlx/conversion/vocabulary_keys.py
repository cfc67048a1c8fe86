"""tokenizer.json -> the vocabulary of a GGUF file."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fluxmlx.conversion.gguf_header import Key
from fluxmlx.conversion.piece_keys import unigram_keys, word_piece_keys, words_as_spelled
from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import from_folder, from_gguf, pretokenizers
from fluxmlx.tokenizer.fields import PREFIX
from fluxmlx.tokenizer.json_fields import JsonFields, read_fields
from fluxmlx.tokenizer.vocabulary import TokenType, read_vocabulary

if TYPE_CHECKING:
    from tokenizers import pre_tokenizers

    from fluxmlx.tokenizer import Tokenizer

__all__ = ["PROBES", "find_pre", "vocabulary_keys"]

# Texts that every pair of known ways to cut a text cuts differently.
PROBES = (
    "I'm sure they'Ll say WE'VE done 3, 33, 333, 3333 and 123456789 things; isn't it 'twas o'clock, can'table   123?",
    "  two\n\n three   \t tabs\r\n\r\n    end   \n \n  ",
    "CamelCaseWords HTTPServer iPhone éÉa\u0301b ñandú Straße ДОМ дом ΑΒΓ αβγ",
    "x=1+2*3; /* a */ // b\n#include <c.h>\n\n\treturn (a->b[0] != c::d) && !e || f^g ~h `i` $j @k %l {m}\\n/p/\n",
    "北京2008年 日本語のテキスト、カタカナ。 한국어 문장 12개 ภาษาไทย १२३ ١٢٣ Ⅷ ½ ㄅㄆ …“”\uff01\uff1f",
    "🙂🙂🏽 👩‍👩‍👧 → ∑∞ ≠≤ €£¥ ©® ° \u200b\u00a0\u3000x _under_score__ --- ... ,,, !!!\n!!!\n/ a.b,c:d;e",
    "                 seventeen" + " " * 70 + "\n" + "\n" * 5 + "a  b c\u0300\u0301 d",
)


def vocabulary_keys(folder: Path, n_vocab: int) -> list[Key]:
    """The keys `tokenizer.ggml.*` that mean the tokenizer of a folder, of so many tokens.

    Raises:
        TokenizerError: it is none that a GGUF file can name.
    """
    fields = read_fields(folder, n_vocab)
    tokenizer = from_folder(folder, n_vocab=n_vocab)
    odd: str | None = None
    for own in _own(fields):
        keys = [*own, *_common(fields)]
        keys += _special_ids(fields, keys)
        if (odd := _first_difference(keys, tokenizer)) is None:
            return keys
    raise TokenizerError(
        f"the tokenizer cannot be written to a GGUF file: {str(odd)[:40]!r} would give other tokens"
    )


def _own(fields: JsonFields) -> Iterator[list[Key]]:
    """The keys of the model's kind, or of each way in which it may be meant."""
    if fields.inside_of_words is not None:
        yield word_piece_keys(fields)
    elif fields.definition["model"].get("type") == "Unigram":
        yield from unigram_keys(fields)
    else:
        yield _byte_level(fields) if fields.is_byte_level else _sentence_pieces(fields)


def find_pre(definition: dict[str, Any]) -> str:
    """The value of `tokenizer.ggml.pre` by which texts are cut as a tokenizer.json says.

    Raises:
        TokenizerError: there is none.
    """
    from tokenizers import Tokenizer as Backend

    from fluxmlx.tokenizer.bpe import pre_tokenizer_of

    theirs = Backend.from_str(json.dumps(definition)).pre_tokenizer
    ignores = bool(definition["model"].get("ignore_merges"))
    expected = [_cut(theirs, text) for text in PROBES]
    for row in pretokenizers.TABLE:
        ours = pre_tokenizer_of(row)
        if row.ignore_merges == ignores and all(
            _cut(ours, text) == cut for text, cut in zip(PROBES, expected, strict=True)
        ):
            return row.names[0]
    shown = json.dumps(definition.get("pre_tokenizer"))[:300]
    raise TokenizerError(
        f"tokenizer.json cuts texts in a way that has no name in GGUF files: {shown}; "
        f"known are {', '.join(pretokenizers.known_names())}"
    )


def _cut(pre_tokenizer: pre_tokenizers.PreTokenizer | None, text: str) -> list[str]:
    return [piece for piece, _ in pre_tokenizer.pre_tokenize_str(text)] if pre_tokenizer else [text]


def _byte_level(fields: JsonFields) -> list[Key]:
    return [
        Key(f"{PREFIX}model", "STRING", "gpt2"),
        Key(f"{PREFIX}pre", "STRING", find_pre(fields.definition)),
        Key(f"{PREFIX}merges", "ARRAY[STRING]", _merges(fields.definition)),
    ]


def _sentence_pieces(fields: JsonFields) -> list[Key]:
    """Merges by rank become scores: of two pairs, the one whose token was merged earlier goes first."""
    merges = _merges(fields.definition)
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(merges):
        ranks.setdefault(merge.replace(" ", "", 1), rank)
    scores = [float(-ranks.get(token, len(merges))) for token in fields.vocabulary.tokens]
    return [
        Key(f"{PREFIX}model", "STRING", "llama"),
        Key(f"{PREFIX}pre", "STRING", "default"),
        Key(f"{PREFIX}scores", "ARRAY[FLOAT32]", scores),
        Key(f"{PREFIX}add_space_prefix", "BOOL", fields.strips_first_space),
    ]


def _common(fields: JsonFields) -> list[Key]:
    vocabulary = fields.vocabulary
    named = [text or f"[PAD{index}]" for index, text in enumerate(vocabulary.tokens)]
    tokens = words_as_spelled(fields, named)
    types = [int(kind) for kind in vocabulary.types]
    if vocabulary.unk_id is not None and not fields.is_byte_level:
        types[vocabulary.unk_id] = int(TokenType.UNKNOWN)
    return [
        Key(f"{PREFIX}tokens", "ARRAY[STRING]", tokens),
        Key(f"{PREFIX}token_type", "ARRAY[INT32]", types),
        Key(f"{PREFIX}add_bos_token", "BOOL", fields.adds_bos),
        Key(f"{PREFIX}add_eos_token", "BOOL", bool(vocabulary.add_eos)),
    ]


def _merges(definition: dict[str, Any]) -> list[str]:
    """Two pieces with a space between, whichever of the two ways the file writes them."""
    rows = cast("list[Any]", definition["model"].get("merges") or [])
    return [row if isinstance(row, str) else " ".join(row) for row in rows]


def _special_ids(fields: JsonFields, keys: list[Key]) -> list[Key]:
    """Who begins and ends a text; what ends an answer and is not found by its text gets a key of its own."""
    vocabulary = fields.vocabulary
    ids = {"bos": vocabulary.bos_id, "eos": vocabulary.eos_id, "unknown": vocabulary.unk_id}
    if ids["eos"] is None and vocabulary.eog_ids:
        ids["eos"] = min(vocabulary.eog_ids)
    found = [
        Key(f"{PREFIX}{name}_token_id", "UINT32", index) for name, index in ids.items() if index is not None
    ]
    known = read_vocabulary({key.name: key.value for key in [*keys, *found]}).eog_ids
    missing = sorted(vocabulary.eog_ids - known)
    return found + [
        Key(f"{PREFIX}{name}_token_id", "UINT32", index)
        for name, index in zip(("eot", "eom"), missing, strict=False)
    ]


def _first_difference(keys: list[Key], tokenizer: Tokenizer) -> str | None:
    """A text to which the keys give other tokens than the checkpoint's own tokenizer; None where there is none.

    Texts are composed first: GGUF files have no word for normalizers that do that.
    """
    made = from_gguf({key.name: key.value for key in keys})
    texts = (unicodedata.normalize("NFC", probe) for probe in PROBES)
    return next((text for text in texts if made.encode(text) != tokenizer.encode(text)), None)
