"""The methods of an engine that asyncio awaits."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from fluxmlx.embeddings import Pooling, embedding_requests, to_embeddings
from fluxmlx.facts import Capabilities
from fluxmlx.progress import Report, reporter
from fluxmlx.requests import Conversation, Params, Prompt, Prompts, Request, Requests, Tools
from fluxmlx.text import ChatForm, TextMethods

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.aio import AsyncStream
    from fluxmlx.inbox import Inboxes, Slot
    from fluxmlx.results import Completion, Embedding
    from fluxmlx.sampling import SamplingParams
    from fluxmlx.tokenizer import Tokenizer

__all__ = ["AsyncMethods"]


class AsyncMethods(TextMethods):
    """The awaitable twins of an engine's methods. The engine wakes the loop; nothing polls, and no thread waits.

    A request whose task is cancelled, or whose stream is dropped, leaves the engine before its next step.
    """

    def __init__(
        self, core: _core.Engine, requests: Requests, tokenizer: Tokenizer, form: ChatForm, pooling: Pooling
    ) -> None:
        super().__init__(tokenizer, form)
        self._core = core
        self._requests = requests
        self._pooling: Pooling = pooling
        self._inboxes: Inboxes | None = None
        self._lock = threading.Lock()
        self.info: dict[str, Any] = dict(core.info)
        self.capabilities = Capabilities(**self.info["capabilities"])

    @overload
    async def agenerate(self, prompt: Prompt, params: SamplingParams | None = ..., *, parse_special: bool = ...,
                        progress: bool | Report = ..., **options: Any) -> Completion: ...  # fmt: skip

    @overload
    async def agenerate(self, prompt: Prompts, params: Params | None = ..., *, parse_special: bool = ...,
                        progress: bool | Report = ..., **options: Any) -> list[Completion]: ...  # fmt: skip

    async def agenerate(
        self,
        prompt: Prompt | Prompts,
        params: Params | None = None,
        *,
        parse_special: bool = False,
        progress: bool | Report = False,
        **options: Any,
    ) -> Completion | list[Completion]:
        """What `generate()` does, awaited."""
        made = self._requests.make(prompt, params, options, parse_special=parse_special)
        return await self._await(made, progress)

    def astream(
        self,
        prompt: Prompt,
        params: SamplingParams | None = None,
        *,
        parse_special: bool = False,
        max_unread: int = 0,
        **options: Any,
    ) -> AsyncStream:
        """What `stream()` does, for `async for event in engine.astream(...)`; call it where a loop runs.

        Args:
            max_unread: bytes of events that may wait for the caller; where more do, the request ends with a
                CancelledError. 0 for no limit.
        """
        made = self._requests.one(prompt, params, options, parse_special=parse_special)
        return self._astart(made, max_unread=max_unread)

    @overload
    async def achat(self, messages: Conversation, params: SamplingParams | None = ..., *, tools: Tools | None = ...,
                    template_options: Mapping[str, Any] | None = ..., progress: bool | Report = ...,
                    **options: Any) -> Completion: ...  # fmt: skip

    @overload
    async def achat(self, messages: Sequence[Conversation], params: Params | None = ..., *,
                    tools: Tools | None = ..., template_options: Mapping[str, Any] | None = ...,
                    progress: bool | Report = ..., **options: Any) -> list[Completion]: ...  # fmt: skip

    async def achat(
        self,
        messages: Conversation | Sequence[Conversation],
        params: Params | None = None,
        *,
        tools: Tools | None = None,
        template_options: Mapping[str, Any] | None = None,
        progress: bool | Report = False,
        **options: Any,
    ) -> Completion | list[Completion]:
        """What `chat()` does, awaited. For its events: `engine.astream(engine.chat_ids(messages))`."""
        made = self._requests.make(
            messages, params, options, to_ids=lambda one: self.chat_ids(one, tools, template_options)
        )
        return await self._await(made, progress)

    @overload
    async def aembed(self, prompt: Prompt, *, pooling: Pooling | None = ..., normalize: bool = ...,
                     parse_special: bool = ..., progress: bool | Report = ...) -> Embedding: ...  # fmt: skip

    @overload
    async def aembed(self, prompt: Prompts, *, pooling: Pooling | None = ..., normalize: bool = ...,
                     parse_special: bool = ..., progress: bool | Report = ...) -> list[Embedding]: ...  # fmt: skip

    async def aembed(
        self,
        prompt: Prompt | Prompts,
        *,
        pooling: Pooling | None = None,
        normalize: bool = True,
        parse_special: bool = False,
        progress: bool | Report = False,
    ) -> Embedding | list[Embedding]:
        """What `embed()` does, awaited."""
        made = embedding_requests(
            self._requests, prompt, pooling or self._pooling, parse_special=parse_special
        )
        return to_embeddings(await self._await(made, progress), normalize=normalize)

    async def _await(
        self, made: Request | list[Request], progress: bool | Report
    ) -> Completion | list[Completion]:
        from fluxmlx.aio import complete

        if isinstance(made, Request) and not progress:
            return await self._astart(made, whole=True).result()
        requests = [made] if isinstance(made, Request) else made
        with reporter(progress) as report:
            answers = await complete(
                requests, lambda one: self._astart(one, whole=True), width=self._width, report=report
            )
        return answers[0] if isinstance(made, Request) else answers

    def _astart(self, request: Request, *, whole: bool = False, max_unread: int = 0) -> AsyncStream:
        from fluxmlx.aio import AsyncStream

        slot = self._open_slot()
        try:
            handle = self._core.submit(
                request.prompt, request.native, slot.mailbox, slot.key, whole, max_unread
            )
        except BaseException:
            slot.close()
            raise
        return AsyncStream(handle, request, engine=self, load_s=self.info["load_s"], slot=slot)

    def _open_slot(self) -> Slot:
        from fluxmlx.inbox import Inboxes

        with self._lock:
            if self._inboxes is None:
                self._inboxes = Inboxes()
        return self._inboxes.open()

    @property
    def _width(self) -> int:
        """How many requests of a list are with the engine at once: enough that a place is never free for long."""
        return 2 * self.capabilities.max_sequences
