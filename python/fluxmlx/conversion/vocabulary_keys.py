"""tokenizer.json -> the vocabulary of a GGUF file."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fluxmlx.conversion.gguf_header import Key
from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import from_folder, from_gguf, pretokenizers
from fluxmlx.tokenizer.json_fields import JsonFields, read_fields
from fluxmlx.tokenizer.vocabulary import TokenType, read_vocabulary

if TYPE_CHECKING:
    from tokenizers import pre_tokenizers

    from fluxmlx.tokenizer import Tokenizer

__all__ = ["PROBES", "find_pre", "vocabulary_keys"]

_PREFIX = "tokenizer.ggml."
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
    kind = str(fields.definition["model"].get("type", "BPE"))
    if kind != "BPE":
        raise TokenizerError(
            f"the model of tokenizer.json is {kind[:40]!r}; GGUF files are written with BPE only"
        )
    own = _byte_level(fields) if fields.is_byte_level else _sentence_pieces(fields)
    keys = [*own, *_common(fields)]
    keys += _special_ids(fields, keys)
    _compare(keys, from_folder(folder, n_vocab=n_vocab))
    return keys


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
        Key(f"{_PREFIX}model", "STRING", "gpt2"),
        Key(f"{_PREFIX}pre", "STRING", find_pre(fields.definition)),
        Key(f"{_PREFIX}merges", "ARRAY[STRING]", _merges(fields.definition)),
    ]


def _sentence_pieces(fields: JsonFields) -> list[Key]:
    """Merges by rank become scores: of two pairs, the one whose token was merged earlier goes first."""
    merges = _merges(fields.definition)
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(merges):
        ranks.setdefault(merge.replace(" ", "", 1), rank)
    scores = [float(-ranks.get(token, len(merges))) for token in fields.vocabulary.tokens]
    return [
        Key(f"{_PREFIX}model", "STRING", "llama"),
        Key(f"{_PREFIX}pre", "STRING", "default"),
        Key(f"{_PREFIX}scores", "ARRAY[FLOAT32]", scores),
        Key(f"{_PREFIX}add_space_prefix", "BOOL", fields.strips_first_space),
    ]


def _common(fields: JsonFields) -> list[Key]:
    vocabulary = fields.vocabulary
    tokens = [text or f"[PAD{index}]" for index, text in enumerate(vocabulary.tokens)]
    types = [int(kind) for kind in vocabulary.types]
    if vocabulary.unk_id is not None and not fields.is_byte_level:
        types[vocabulary.unk_id] = int(TokenType.UNKNOWN)
    return [
        Key(f"{_PREFIX}tokens", "ARRAY[STRING]", tokens),
        Key(f"{_PREFIX}token_type", "ARRAY[INT32]", types),
        Key(f"{_PREFIX}add_bos_token", "BOOL", fields.adds_bos),
        Key(f"{_PREFIX}add_eos_token", "BOOL", bool(vocabulary.add_eos)),
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
        Key(f"{_PREFIX}{name}_token_id", "UINT32", index) for name, index in ids.items() if index is not None
    ]
    known = read_vocabulary({key.name: key.value for key in [*keys, *found]}).eog_ids
    missing = sorted(vocabulary.eog_ids - known)
    return found + [
        Key(f"{_PREFIX}{name}_token_id", "UINT32", index)
        for name, index in zip(("eot", "eom"), missing, strict=False)
    ]


def _compare(keys: list[Key], tokenizer: Tokenizer) -> None:
    """Raises where the keys give other tokens than the checkpoint's own tokenizer.

    Texts are composed first: GGUF files have no word for normalizers that do that.
    """
    made = from_gguf({key.name: key.value for key in keys})
    for text in (unicodedata.normalize("NFC", probe) for probe in PROBES):
        if made.encode(text) != tokenizer.encode(text):
            raise TokenizerError(
                f"the tokenizer cannot be written to a GGUF file: {text[:40]!r} would give other tokens"
            )
