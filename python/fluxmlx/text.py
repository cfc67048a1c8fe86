"""What a model's file knows of text: its tokenizer and its chat template."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fluxmlx.errors import CapabilityError

if TYPE_CHECKING:
    from fluxmlx.chat import ChatTemplate
    from fluxmlx.requests import Conversation
    from fluxmlx.tokenizer import Tokenizer

__all__ = ["ChatForm", "TextMethods"]


@dataclass(frozen=True, slots=True)
class ChatForm:
    """How the model wants to be talked to."""

    templates: Mapping[str, Any]  # by their keys in a GGUF file
    problem: str = ""  # why there is no template where one would be expected
    system: str | None = None  # unless the caller has one
    preface: Sequence[Mapping[str, str]] = ()  # messages before every conversation


class TextMethods:
    """The methods of an engine that need no computation.

    Attributes:
        tokenizer: text to token ids and back.
    """

    def __init__(self, tokenizer: Tokenizer, form: ChatForm) -> None:
        self._form = form
        self.tokenizer = tokenizer

    @property
    def has_chat_template(self) -> bool:
        """Whether `chat()` works; a base model has no template."""
        return "tokenizer.chat_template" in self._form.templates

    @functools.cached_property
    def chat_template(self) -> ChatTemplate:
        """The template of the model file, compiled when it is first used.

        Raises:
            CapabilityError: the model has none.
            ChatTemplateError: it is not a valid template.
        """
        from fluxmlx import chat

        if self._form.problem:
            raise CapabilityError(self._form.problem)
        return chat.from_gguf(self._form.templates, self.tokenizer)

    def tokenize(self, text: str, *, add_special: bool = True, parse_special: bool = False) -> list[int]:
        """Token ids of a text.

        Args:
            add_special: add the tokens that the model wants around a text (often one at its beginning).
            parse_special: turn control tokens that are written out in the text into their ids.
        """
        return self.tokenizer.encode(text, add_special=add_special, parse_special=parse_special)

    def detokenize(self, tokens: Iterable[int], *, skip_special: bool = True) -> str:
        """Text of token ids; bytes that are no UTF-8 become U+FFFD."""
        return self.tokenizer.decode(list(tokens), skip_special=skip_special)

    def chat_ids(
        self,
        messages: Conversation,
        tools: Sequence[Mapping[str, Any]] | None = None,
        template_options: Mapping[str, Any] | None = None,
        *,
        add_generation_prompt: bool = True,
    ) -> list[int]:
        """The token ids that `chat()` sends for these messages.

        Args:
            add_generation_prompt: end with what makes the model answer.
        """
        from fluxmlx import chat

        whole = chat.with_preface(messages, self._form.system, self._form.preface)
        return chat.apply(
            self.tokenizer, self.chat_template, whole,
            add_generation_prompt=add_generation_prompt, tools=tools, **(template_options or {}),
        )  # fmt: skip
