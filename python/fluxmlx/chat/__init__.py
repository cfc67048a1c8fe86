"""Chat templates: from messages to token ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluxmlx.chat.messages import check_messages, check_tools, check_variables
from fluxmlx.chat.template import ChatTemplate
from fluxmlx.errors import CapabilityError, ModelFileError
from fluxmlx.tokenizer.base import Tokenizer

__all__ = ["ChatTemplate", "apply", "from_gguf", "with_preface"]

_KEY = "tokenizer.chat_template"


def from_gguf(metadata: Mapping[str, Any], tokenizer: Tokenizer, *, name: str | None = None) -> ChatTemplate:
    """The chat template of a GGUF file. It is not compiled here: a broken template never keeps a model from
    loading.

    Args:
        metadata: the file's key/value pairs.
        name: a variant, kept under `tokenizer.chat_template.<name>`; None for the default one.

    Raises:
        CapabilityError: the file has no such template.
    """
    key = _KEY if name is None else f"{_KEY}.{name}"
    source = metadata.get(key)
    if source is None:
        variants = sorted(
            other.removeprefix(_KEY + ".") for other in metadata if other.startswith(_KEY + ".")
        )
        has = f"; it has the variants {', '.join(variants)}" if variants else "; use generate()"
        raise CapabilityError(f"this model has no chat template{'' if name is None else f' {name!r}'}{has}")
    if not isinstance(source, str):
        raise ModelFileError(f"{key} must be a string, not {type(source).__name__}")
    bos, eos = (
        "" if token_id is None else tokenizer.token_text(token_id)
        for token_id in (tokenizer.bos_id, tokenizer.eos_id)
    )
    return ChatTemplate(source, bos_token=bos, eos_token=eos)


def apply(
    tokenizer: Tokenizer,
    template: ChatTemplate,
    messages: Sequence[Mapping[str, Any]],
    *,
    add_generation_prompt: bool = True,
    tools: Sequence[Mapping[str, Any]] | None = None,
    **variables: Any,
) -> list[int]:
    """Token ids of a conversation.

    Only the template's own text can become special tokens: `<|im_start|>system` in a message stays text.
    Where the vocabulary asks for a begin token and the template wrote none, it is put first (never twice).

    Raises:
        InvalidArgumentError: messages, tools or variables are not what they should be.
        ChatTemplateError: the template is not valid, refused the messages, or reached a limit.
    """
    from fluxmlx.chat.shield import Shield

    inputs = (check_messages(messages), check_tools(tools), check_variables(variables))
    shield = Shield(tokenizer.special_texts, tokenizer.special_matcher, inputs=(*inputs, template.source))
    safe_messages, safe_tools, safe_variables = map(shield.value, inputs)
    text = template.render(
        safe_messages, add_generation_prompt=add_generation_prompt, tools=safe_tools, **safe_variables
    )
    text = shield.unescape(text)
    ids = tokenizer.encode(text, add_special=False, parse_special=True, literals=shield.literals)
    if tokenizer.add_bos and tokenizer.bos_id is not None and ids[:1] != [tokenizer.bos_id]:
        return [tokenizer.bos_id, *ids]
    return ids


def with_preface(
    messages: Sequence[Mapping[str, Any]], system: str | None, preface: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """A conversation as the model's author wants it to begin: the system message, unless the caller has one, then
    the messages that come before all others.
    """
    if (
        (not system and not preface)
        or isinstance(messages, (str, Mapping))
        or not isinstance(messages, Sequence)
    ):
        return messages
    first = messages[0] if messages else {}
    if isinstance(first, Mapping) and first.get("role") == "system":
        return [first, *preface, *messages[1:]]
    return [*([{"role": "system", "content": system}] if system else []), *preface, *messages]
