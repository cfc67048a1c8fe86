"""The body of POST /v1/chat/completions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import ConfigDict, Field

from fluxmlx.errors import CapabilityError
from fluxmlx.sampling import SamplingParams
from fluxmlx.server.openai.errors import refused
from fluxmlx.server.openai.fields import Body, Generation, refuse

__all__ = ["MAX_MESSAGES", "ChatMessage", "ChatRequest", "conversation_of"]

MAX_TOP_LOGPROBS = 20
MAX_MESSAGES = 10_000
_UNSUPPORTED = ("audio", "functions", "function_call", "web_search_options", "moderation")
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
_WRITERS = {"developer": "system"}  # what templates call it


class ChatMessage(Body):
    """One message; a template may read fields that are not listed here."""

    model_config = ConfigDict(strict=True, extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class ReasoningOptions(Body):
    """The same as `reasoning_effort`, in the form of OpenAI's newer interface."""

    effort: Effort | None = None


class ChatRequest(Generation):
    """A conversation to be answered."""

    messages: list[ChatMessage] = Field(
        max_length=MAX_MESSAGES, description="the conversation so far, at least one message"
    )
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, description=f"0 to {MAX_TOP_LOGPROBS}, with logprobs: true")
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Effort | None = None
    reasoning: ReasoningOptions | None = None
    chat_template_kwargs: dict[str, Any] | None = Field(
        None, description="further variables for the template"
    )

    modalities: list[Literal["text", "audio"]] | None = None
    audio: dict[str, Any] | None = None
    functions: list[dict[str, Any]] | None = None
    function_call: str | dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None
    moderation: dict[str, Any] | None = None

    # Of OpenAI's service; without effect here, as their effect is not on the answer's meaning.
    metadata: dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    verbosity: Literal["low", "medium", "high"] | None = None

    def conversation(self) -> list[dict[str, Any]]:
        """The messages, as chat templates want them."""
        return conversation_of(self.messages)

    def params(self, defaults: SamplingParams) -> SamplingParams:
        """The engine's options.

        Raises:
            RequestError: a field is out of range, or does not go with another.
            CapabilityError: the engine cannot do it.
        """
        self._refuse_unsupported()
        return self.sampling(defaults, max_tokens=self._max_tokens(), logprobs=self._logprobs())

    def _refuse_unsupported(self) -> None:
        for name in _UNSUPPORTED:
            refuse(name, getattr(self, name))
        if self.modalities and "audio" in self.modalities:
            raise CapabilityError("this server answers with text only; leave 'audio' out of modalities")
        self._check_tool_choice()
        if self.tools and self.tool_choice != "none":
            raise CapabilityError(
                "tools are not supported by this server yet; leave them out, or forbid their use"
            )
        kind = "text" if self.response_format is None else self.response_format.get("type")
        if kind not in ("text", "json_object", "json_schema"):
            raise refused(
                "response_format.type must be 'text', 'json_object' or 'json_schema'", param="response_format"
            )
        if kind != "text":
            raise CapabilityError(
                f"response_format {kind!r} is not supported by this server yet; leave it out"
            )

    def _check_tool_choice(self) -> None:
        choice = self.tool_choice
        if isinstance(choice, str) and choice not in ("none", "auto", "required"):
            raise refused("tool_choice must be 'none', 'auto', 'required' or a function", param="tool_choice")
        if choice not in (None, "none", "auto") and not self.tools:
            raise refused(
                "tool_choice wants a tool to be called, and there are no tools", param="tool_choice"
            )

    def effort(self) -> str | None:
        """How much thought is wanted, None where the request does not say.

        Raises:
            RequestError: it says two things.
        """
        inner = None if self.reasoning is None else self.reasoning.effort
        if inner is not None and self.reasoning_effort not in (None, inner):
            raise refused(
                "reasoning.effort and reasoning_effort are the same option", param="reasoning_effort"
            )
        return self.reasoning_effort or inner

    def _max_tokens(self) -> int | None:
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            if self.max_tokens != self.max_completion_tokens:
                raise refused(
                    "max_tokens and max_completion_tokens are the same option; give one of them",
                    param="max_completion_tokens",
                )
        name = "max_tokens" if self.max_completion_tokens is None else "max_completion_tokens"
        value: int | None = getattr(self, name)
        if value is not None and value < 1:
            raise refused(f"{name} is {value}; expected a whole number from 1", param=name)
        return value

    def _logprobs(self) -> int | None:
        if self.top_logprobs is not None and not 0 <= self.top_logprobs <= MAX_TOP_LOGPROBS:
            raise refused(
                f"top_logprobs is {self.top_logprobs}; expected a whole number from 0 to {MAX_TOP_LOGPROBS}",
                param="top_logprobs",
            )
        if self.top_logprobs and not self.logprobs:
            raise refused("top_logprobs needs logprobs: true", param="top_logprobs")
        return (self.top_logprobs or 0) if self.logprobs else None


def conversation_of(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Messages, as chat templates want them.

    Raises:
        RequestError: there is none, or one has nothing that could be said.
        CapabilityError: one has a part that is no text.
    """
    if not messages:
        raise refused("messages is empty; give at least one", param="messages")
    return [_message(message, index) for index, message in enumerate(messages)]


def _message(message: ChatMessage, index: int) -> dict[str, Any]:
    found = message.model_dump(exclude_none=True)
    found["role"] = _WRITERS.get(message.role, message.role)
    if isinstance(message.content, list):
        found["content"] = "".join(_text_of(part, index) for part in message.content)
    elif message.content is None:
        found["content"] = ""
        if message.role != "assistant":
            raise refused(f"messages[{index}] (role {message.role!r}) has no content", param="messages")
    if message.tool_calls:
        found["tool_calls"] = [_call(call, index) for call in message.tool_calls]
    return found


def _text_of(part: dict[str, Any], index: int) -> str:
    kind = part.get("type")
    if kind in ("image_url", "input_audio", "file"):
        raise CapabilityError(f"messages[{index}] has a part of type {kind!r}; this server reads text only")
    text = part.get("refusal" if kind == "refusal" else "text")
    if kind not in ("text", "refusal") or not isinstance(text, str):
        raise refused(f"messages[{index}].content has a part that is no text", param="messages")
    return text


def _call(call: dict[str, Any], index: int) -> dict[str, Any]:
    """A call as templates want it: its arguments as an object, not as the text of one."""
    function = call.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise refused(f"messages[{index}].tool_calls has a call without a function's name", param="messages")
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            raise refused(
                f"messages[{index}].tool_calls has arguments that are not JSON", param="messages"
            ) from None
    return {**call, "function": {**function, "arguments": arguments}}
