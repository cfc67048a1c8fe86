"""What /show tells of a model: from our own store, or from a server's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fluxmlx.cli import sections
from fluxmlx.cli.answering import Description

if TYPE_CHECKING:
    from fluxmlx.hub import ModelInfo

__all__ = ["of_info", "of_reply"]


def of_info(info: ModelInfo) -> Description:
    """A model of this machine."""
    return Description(
        info=_overview(
            info.details.family,
            info.details.parameter_size,
            info.details.quantization_level,
            info.metadata,
            info.capabilities,
        ),
        licence="\n".join(sections.licences(info)),
        modelfile=sections.clean(info.modelfile.rstrip("\n")),
        parameters=sections.clean(info.parameters),
        system=sections.clean(info.files.system or ""),
        template=sections.clean(sections.template_text(info) or ""),
    )


def of_reply(reply: Mapping[str, Any]) -> Description:
    """A model of a server, from its answer to /api/show."""

    def text(name: str) -> str:
        return sections.clean(str(reply.get(name) or "").rstrip("\n"))

    details = reply.get("details") or {}
    return Description(
        info=_overview(
            details.get("family", ""),
            details.get("parameter_size", ""),
            details.get("quantization_level", ""),
            reply.get("model_info") or {},
            reply.get("capabilities") or (),
        ),
        licence=text("license"),
        modelfile=text("modelfile"),
        parameters=text("parameters"),
        system=text("system"),
        template=text("template"),
    )


def _overview(
    family: str, size: str, quantization: str, metadata: Mapping[str, Any], capabilities: Sequence[str]
) -> str:
    architecture = str(metadata.get("general.architecture") or family)
    rows = [
        ("architecture", architecture),
        ("parameters", size),
        ("context length", metadata.get(f"{architecture}.context_length")),
        ("embedding length", metadata.get(f"{architecture}.embedding_length")),
        ("quantization", quantization),
        ("capabilities", ", ".join(capabilities)),
    ]
    return sections.columns([(label, sections.clean(str(value))) for label, value in rows if value])
