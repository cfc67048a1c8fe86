"""Prompts and options, in every form that a caller may give them, as requests that the core takes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from fluxmlx._checks import show
from fluxmlx.errors import FluxmlxError, InvalidArgumentError
from fluxmlx.sampling import SamplingParams

if TYPE_CHECKING:
    from fluxmlx.tokenizer import Tokenizer

__all__ = ["Conversation", "Defaults", "Params", "Prompt", "Prompts", "Request", "Requests", "Tools"]

Prompt = str | Sequence[int]
Prompts = list[str] | list[list[int]] | list[str | Sequence[int]] | tuple[str | Sequence[int], ...]
Conversation = Sequence[Mapping[str, Any]]
Params = SamplingParams | Sequence[SamplingParams]
Tools = Sequence[Mapping[str, Any]]
# A surface's defaults -> those with what the model brings over them.
Defaults = Callable[[SamplingParams], SamplingParams]


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt and what is wanted of it.

    Attributes:
        prompt: token ids.
        native: the options, as the core takes them, with a seed.
    """

    prompt: tuple[int, ...]
    native: dict[str, Any]


class Requests:
    """Makes the requests of one engine.

    Args:
        tokenizer: of its model.
        defaults: options where a caller gives none.
        check: raises where the engine would refuse these token ids and native options.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        defaults: SamplingParams,
        check: Callable[[Sequence[int], dict[str, Any]], None],
    ) -> None:
        self._tokenizer = tokenizer
        self._defaults = defaults
        self._check = check

    def one(
        self, prompt: Prompt, params: Any, options: Mapping[str, Any], *, parse_special: bool = False
    ) -> Request:
        """A request of one prompt; `params` is None or SamplingParams, over which the options go."""
        return self._request(self.ids(prompt, parse_special), params, options)

    def make(
        self,
        prompt: Any,
        params: Any,
        options: Mapping[str, Any],
        *,
        parse_special: bool = False,
        to_ids: Callable[[Any], Sequence[int]] | None = None,
    ) -> Request | list[Request]:
        """A request of a prompt; of a list of prompts a request of each, all of them checked.

        Args:
            params: options, or with a list of prompts a list of them, one for each.
            to_ids: what turns a prompt to token ids, where it is neither text nor token ids.

        Raises:
            FluxmlxError: of the kind that the prompt alone would raise, with its index in front.
        """
        to_ids = to_ids or (lambda one: self.ids(one, parse_special))
        if not _is_many(prompt):
            return self._request(to_ids(prompt), params, options)
        each = list(params) if isinstance(params, (list, tuple)) else [params] * len(prompt)
        if len(each) != len(prompt):
            raise InvalidArgumentError(
                f"params has {len(each)} entries for {len(prompt)} prompts; give one for each, or one for all"
            )
        return [
            self._numbered(index, to_ids, prompt[index], each[index], options) for index in range(len(prompt))
        ]

    def _numbered(
        self,
        index: int,
        to_ids: Callable[[Any], Sequence[int]],
        prompt: Any,
        params: Any,
        options: Mapping[str, Any],
    ) -> Request:
        try:
            request = self._request(to_ids(prompt), params, options)
            self._check(request.prompt, request.native)
        except FluxmlxError as error:
            raise type(error)(f"prompt {index}: {error}") from error
        return request

    def _request(self, ids: Sequence[int], params: Any, options: Mapping[str, Any]) -> Request:
        if params is not None and not isinstance(params, SamplingParams):
            raise InvalidArgumentError(
                f"params is {show(params)}; expected SamplingParams, or options by name: temperature=0"
            )
        whole = SamplingParams.from_options(options, base=params or self._defaults)
        return Request(tuple(ids), whole.to_native())

    def ids(self, prompt: Prompt, parse_special: bool) -> list[int]:
        """The token ids of a text; or token ids as they are, checked."""
        if isinstance(prompt, str):
            return self._tokenizer.encode(prompt, add_special=True, parse_special=parse_special)
        if not isinstance(prompt, Iterable) or isinstance(prompt, (bytes, bytearray, Mapping)):
            raise InvalidArgumentError(f"prompt is {show(prompt)}; expected a text, or a list of token ids")
        return [self._token_id(index, token) for index, token in enumerate(prompt)]

    def _token_id(self, index: int, token: Any) -> int:
        try:
            value = -1 if isinstance(token, bool) else operator.index(token)  # NumPy's integers too
        except TypeError:
            value = -1
        if not 0 <= value < self._tokenizer.n_vocab:
            raise InvalidArgumentError(
                f"prompt[{index}] is {show(token)}; expected a text, or token ids from 0 to "
                f"{self._tokenizer.n_vocab - 1}"
            )
        return value


def _is_many(prompt: Any) -> bool:
    """Whether it is a list of prompts: its first item is neither a token id nor a message."""
    if not isinstance(prompt, (list, tuple)) or not prompt:
        return False
    first: Any = cast("Sequence[Any]", prompt)[0]
    return isinstance(first, Iterable) and not isinstance(first, (bytes, bytearray, Mapping))
