"""How a request's wish for more or less thought becomes a variable of the model's template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fluxmlx.chat.messages import check_variables
from fluxmlx.chat.reasoning import can_think, is_open
from fluxmlx.server.openai.errors import about, refused

if TYPE_CHECKING:
    from fluxmlx.server.openai.chat_request import ChatRequest
    from fluxmlx.tokenizer import Tokenizer

__all__ = ["opened_thoughts", "template_variables"]

_TAIL = 16  # tokens; the mark that opens thoughts is among the last of a prompt


def template_variables(request: ChatRequest, template: str) -> dict[str, Any]:
    """The variables of a chat template.

    Args:
        template: its source.

    Raises:
        RequestError: a reserved name, or thought is wanted of a model that does not think.
    """
    given = request.chat_template_kwargs or {}
    found = about("chat_template_kwargs", lambda: check_variables(given))
    effort = request.effort()
    if effort is None:
        return found
    if "enable_thinking" in template:
        found.setdefault("enable_thinking", effort != "none")
    elif "reasoning_effort" in template:
        found.setdefault("reasoning_effort", effort)
    elif effort not in ("none", "minimal") and not can_think(template):
        raise refused(
            f"reasoning_effort is {effort!r}, and this model does not think", param="reasoning_effort"
        )
    return found


def opened_thoughts(template: str, ids: Sequence[int], tokenizer: Tokenizer) -> bool | None:
    """Whether the prompt has opened the model's thoughts; None where the model does not think."""
    if not can_think(template):
        return None
    return is_open(tokenizer.decode(ids[-_TAIL:], skip_special=False, continuation=True))
