"""Which chat template a stored model runs with.

Ollama keeps templates in the language of Go's text/template, which is not run here. A model's file nearly always has
its own Jinja template beside it, written by the model's author: that one is used. Where it has none, the marker that
its Go template writes for a turn tells the family, and the family's form is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["choose", "is_go"]

_KEY = "tokenizer.chat_template"
_GO = re.compile(r"\{\{-?\s*(?:\.|\$|(?:if|range|with|else|end|and|or|not|eq|json|template|define|block)\b)")
_GENERATE = "{% if add_generation_prompt %}"

# A turn that looks the same whoever speaks: begin, role, content, end.
_CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    + _GENERATE + "{{ '<|im_start|>assistant\n' }}{% endif %}"
)  # fmt: skip
_LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n'"
    " + m.content | trim + '<|eot_id|>' }}{% endfor %}"
    + _GENERATE + "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)  # fmt: skip
_PHI3 = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    + _GENERATE + "{{ '<|assistant|>\n' }}{% endif %}"
)  # fmt: skip
_ZEPHYR = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}{% endfor %}"
    + _GENERATE + "{{ '<|assistant|>\n' }}{% endif %}"
)  # fmt: skip
# The assistant is called model, and the system message opens the first turn of the user.
_GEMMA = (
    "{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set ns.system = m.content + '\n\n' %}{% else %}"
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + ns.system + m.content | trim"
    " + '<end_of_turn>\n' }}{% set ns.system = '' %}{% endif %}{% endfor %}"
    + _GENERATE + "{{ '<start_of_turn>model\n' }}{% endif %}"
)  # fmt: skip
_INSTRUCT = (  # Llama 2 and Mistral: they differ in where the system message goes
    "{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set ns.system = BEGIN + m.content + END %}"
    "{% elif m.role == 'user' %}{{ '[INST] ' + ns.system + m.content + ' [/INST]' }}{% set ns.system = '' %}"
    "{% else %}{{ ' ' + m.content | trim + eos_token }}{% endif %}{% endfor %}"
)
_LLAMA2 = _INSTRUCT.replace("BEGIN", "'<<SYS>>\n'").replace("END", "'\n<</SYS>>\n\n'")
_MISTRAL = _INSTRUCT.replace("BEGIN + ", "").replace("END", "'\n\n'")
_ALPACA = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ m.content + '\n\n' }}"
    "{% elif m.role == 'user' %}{{ '### Instruction:\n' + m.content + '\n\n' }}"
    "{% else %}{{ '### Response:\n' + m.content + '\n\n' }}{% endif %}{% endfor %}"
    + _GENERATE + "{{ '### Response:\n' }}{% endif %}"
)  # fmt: skip

# Markers that a Go template must all have, the most telling first.
_FAMILIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("<|im_start|>", "<|im_end|>"), _CHATML),
    (("<|start_header_id|>", "<|eot_id|>"), _LLAMA3),
    (("<start_of_turn>", "<end_of_turn>"), _GEMMA),
    (("<<SYS>>", "[INST]"), _LLAMA2),
    (("[INST]", "[/INST]"), _MISTRAL),
    (("<|user|>", "<|end|>"), _PHI3),
    (("<|user|>", "<|assistant|>"), _ZEPHYR),
    (("### Instruction:", "### Response:"), _ALPACA),
)


def is_go(template: str) -> bool:
    """Whether a template is written in Go's language; Jinja's statements, `{% %}`, tell the other."""
    return "{%" not in template and bool(_GO.search(template))


def choose(metadata: Mapping[str, Any], template: str | None) -> tuple[dict[str, Any], str]:
    """The templates of an engine by their GGUF keys, and why there is no default one where a person would expect it.

    Args:
        metadata: of the GGUF file.
        template: the model's template layer, if it has one.
    """
    own = {key: value for key, value in metadata.items() if key.startswith(_KEY)}
    if template is None or (is_go(template) and _KEY in own):
        return own, ""
    if not is_go(template):
        return own | {_KEY: template}, ""
    for markers, jinja in _FAMILIES:
        if all(marker in template for marker in markers):
            return own | {_KEY: jinja}, ""
    return own, (
        "this model's chat template is written in Go's template language and is of no family that is known here, and "
        "its GGUF file has no template; give it a Jinja template with TEMPLATE in a Modelfile, or use generate()"
    )
