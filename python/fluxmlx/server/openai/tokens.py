"""/tokenize, /detokenize and /tokenizer_info, in vLLM's shapes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from fluxmlx.chat.messages import check_variables
from fluxmlx.server.context import ServerContext
from fluxmlx.server.generation import in_thread_if_long
from fluxmlx.server.openai.chat_request import MAX_MESSAGES, ChatMessage, conversation_of
from fluxmlx.server.openai.errors import about, refused
from fluxmlx.server.openai.fields import Body, TokenIds
from fluxmlx.server.openai.serving import Server, leased

__all__ = ["router"]

router = APIRouter(tags=["tokens"])


class TokenizeRequest(Body):
    """A text, or a conversation, to be turned to token ids."""

    model: str | None = Field(None, description="may be left out where one model is loaded")
    prompt: str | None = None
    messages: list[ChatMessage] | None = Field(None, max_length=MAX_MESSAGES)
    add_special_tokens: bool | None = Field(
        None, description="of a prompt; those of messages are the template's"
    )
    add_generation_prompt: bool = True
    chat_template_kwargs: dict[str, Any] | None = Field(
        None, description="further variables for the template"
    )
    return_token_strs: bool | None = None


class DetokenizeRequest(Body):
    """Token ids to be turned to text."""

    model: str | None = Field(None, description="may be left out where one model is loaded")
    tokens: TokenIds


@router.post("/tokenize")
async def tokenize(body: TokenizeRequest, server: Server) -> dict[str, Any]:
    """Token ids of a text, control tokens that are written out in it included, or of a conversation."""
    if (body.prompt is None) == (body.messages is None):
        raise refused("give either prompt or messages", param="prompt")
    if body.add_special_tokens and body.messages is not None:
        raise refused("the template writes the special tokens of messages", param="add_special_tokens")
    variables = about("chat_template_kwargs", lambda: check_variables(body.chat_template_kwargs or {}))
    async with leased(server, model_of(server, body.model), {}) as engine:
        prompt, messages = body.prompt, body.messages
        if prompt is not None:
            ids = await in_thread_if_long(
                len(prompt),
                lambda: engine.tokenize(
                    prompt, add_special=body.add_special_tokens is not False, parse_special=True
                ),
            )
        else:
            ids = engine.chat_ids(
                conversation_of(messages or []), None, variables,
                add_generation_prompt=body.add_generation_prompt,
            )  # fmt: skip
        found: dict[str, Any] = {"count": len(ids), "max_model_len": engine.capabilities.n_ctx, "tokens": ids}
        strings = [engine.tokenizer.token_text(token) for token in ids] if body.return_token_strs else None
        return found | {"token_strs": strings}


@router.post("/detokenize")
async def detokenize(body: DetokenizeRequest, server: Server) -> dict[str, str]:
    """The text of token ids, control tokens written out."""
    async with leased(server, model_of(server, body.model), {}) as engine:
        return {"prompt": about("tokens", lambda: engine.detokenize(body.tokens, skip_special=False))}


@router.get("/tokenizer_info")
async def tokenizer_info(server: Server, model: str | None = None) -> dict[str, Any]:
    """What a client needs to know of the tokenizer: its class, marks, context and chat template."""
    async with leased(server, model_of(server, model), {}) as engine:
        tokenizer = engine.tokenizer

        def text(token: int | None) -> str | None:
            return None if token is None else tokenizer.token_text(token)

        return {
            "tokenizer_class": type(tokenizer).__name__,
            "vocab_size": tokenizer.n_vocab,
            "model_max_length": engine.capabilities.n_ctx,
            "add_bos_token": tokenizer.add_bos,
            "add_eos_token": tokenizer.add_eos,
            "bos_token": text(tokenizer.bos_id),
            "eos_token": text(tokenizer.eos_id),
            "chat_template": engine.chat_template.source if engine.has_chat_template else None,
        }


def model_of(server: ServerContext, name: str | None) -> str:
    """The model's name; without one, the only model that is loaded, or that the server was started with."""
    if name is not None:
        return name
    loaded = {model.source for model in server.pool.loaded()} or set(server.pool.sources.values())
    if len(loaded) != 1:
        raise refused(f"{len(loaded)} models are loaded; give the model's name", param="model")
    return loaded.pop()
