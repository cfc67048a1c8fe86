"""The bodies that Ollama's clients send. As in Go, keys may have any case, and null is nothing."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = [
    "ChatRequest",
    "CopyRequest",
    "CreateRequest",
    "EmbedRequest",
    "EmbeddingsRequest",
    "GenerateRequest",
    "Message",
    "ModelRequest",
    "PullRequest",
    "ShowRequest",
]

_MAX_MESSAGES = 10_000

Name = Annotated[str, StringConstraints(max_length=10_000)]


class Body(BaseModel):
    """Any body; fields that nobody knows are passed over, as Ollama does."""

    model_config = ConfigDict(
        extra="ignore", populate_by_name=True, protected_namespaces=(), allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {str(key).lower(): field for key, field in value.items() if field is not None}


class ModelRequest(Body):
    """A body that names a model; older clients call it `name`."""

    model: Name = Field("", validation_alias=AliasChoices("model", "name"))


class StreamRequest(ModelRequest):
    """One whose answer is a stream unless it says otherwise."""

    stream: bool = True


class AnswerRequest(StreamRequest):
    """What /api/generate and /api/chat have in common."""

    format: str | dict[str, Any] = ""
    keep_alive: float | str | None = None
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
    think: bool | str | None = None
    truncate: bool = True
    shift: bool = True
    logprobs: bool = False
    top_logprobs: int = 0
    debug_render_only: bool = Field(False, validation_alias="_debug_render_only")


class GenerateRequest(AnswerRequest):
    """POST /api/generate."""

    prompt: str = ""
    suffix: str = ""
    system: str = ""
    template: str = ""
    context: list[int] = Field(default_factory=list[int])
    raw: bool = False
    images: list[str] = Field(default_factory=list[str])


class Message(Body):
    """One message of a chat."""

    role: str
    content: str = ""
    thinking: str = ""
    images: list[str] = Field(default_factory=list[str])
    tool_calls: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    tool_name: str = ""
    tool_call_id: str = ""


class ChatRequest(AnswerRequest):
    """POST /api/chat."""

    messages: list[Message] = Field(default_factory=list[Message], max_length=_MAX_MESSAGES)
    tools: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


class EmbedRequest(ModelRequest):
    """POST /api/embed; `input` is checked by the route, whose error text clients know."""

    input: Any = None
    truncate: bool = True
    dimensions: int = Field(0, ge=0)
    keep_alive: float | str | None = None
    options: dict[str, Any] = Field(default_factory=dict[str, Any])


class EmbeddingsRequest(ModelRequest):
    """POST /api/embeddings, the older form."""

    prompt: str = ""
    keep_alive: float | str | None = None
    options: dict[str, Any] = Field(default_factory=dict[str, Any])


class ShowRequest(ModelRequest):
    """POST /api/show."""

    verbose: bool = False
    system: str = ""
    template: str = ""


class PullRequest(StreamRequest):
    """POST /api/pull and /api/push."""

    insecure: bool = False


class CreateRequest(StreamRequest):
    """POST /api/create."""

    from_: str = Field("", validation_alias=AliasChoices("from", "from_"))
    files: dict[str, str] = Field(default_factory=dict[str, str])
    adapters: dict[str, str] = Field(default_factory=dict[str, str])
    template: str | None = None
    system: str | None = None
    license: str | list[str] = Field(default_factory=list[str])
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])
    messages: list[Message] = Field(default_factory=list[Message], max_length=_MAX_MESSAGES)
    quantize: str = Field("", validation_alias=AliasChoices("quantize", "quantization"))
    draft_files: dict[str, str] = Field(default_factory=dict[str, str])
    draft_quantize: str = ""
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    info: dict[str, Any] = Field(default_factory=dict[str, Any])
    modelfile: str = ""
    path: str = ""


class CopyRequest(Body):
    """POST /api/copy."""

    source: Name = ""
    destination: Name = ""
