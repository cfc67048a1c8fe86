"""Which chat template a model runs with."""

from __future__ import annotations

import pytest

from fluxmlx.chat import ChatTemplate
from fluxmlx.hub import templates

KEY = "tokenizer.chat_template"
TALK = [
    {"role": "system", "content": "S"},
    {"role": "user", "content": "U"},
    {"role": "assistant", "content": "A"},
    {"role": "user", "content": "V"},
]
GO = "{{ if .System }}%s{{ .System }}{{ end }}{{ .Prompt }}%s{{ .Response }}"


def rendered(marker: str, end: str) -> str:
    """A conversation in the form of the family that these markers tell."""
    found, problem = templates.choose({}, GO % (marker, end))
    assert problem == ""
    return ChatTemplate(found[KEY], bos_token="<s>", eos_token="</s>").render(TALK)


@pytest.mark.parametrize(
    ("marker", "end", "text"),
    [
        ("<|im_start|>", "<|im_end|>", ("<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n"
         "<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n")),
        ("<|start_header_id|>", "<|eot_id|>", ("<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
         "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
         "A<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|>"
         "<|start_header_id|>assistant<|end_header_id|>\n\n")),
        ("<start_of_turn>", "<end_of_turn>", ("<s><start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\n"
         "A<end_of_turn>\n<start_of_turn>user\nV<end_of_turn>\n<start_of_turn>model\n")),
        ("<<SYS>>", "[INST]", "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A</s>[INST] V [/INST]"),
        ("[INST]", "[/INST]", "<s>[INST] S\n\nU [/INST] A</s>[INST] V [/INST]"),
        ("<|user|>", "<|end|>", ("<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\nA<|end|>\n<|user|>\n"
         "V<|end|>\n<|assistant|>\n")),
        ("<|user|>", "<|assistant|>", ("<|system|>\nS</s>\n<|user|>\nU</s>\n<|assistant|>\nA</s>\n<|user|>\nV</s>\n"
         "<|assistant|>\n")),
        ("### Instruction:", "### Response:", ("S\n\n### Instruction:\nU\n\n### Response:\nA\n\n### Instruction:\nV\n\n"
         "### Response:\n")),
    ],
    ids=["chatml", "llama3", "gemma", "llama2", "mistral", "phi3", "zephyr", "alpaca"],
)  # fmt: skip
def test_a_known_family_is_told_by_its_markers(marker: str, end: str, text: str) -> None:
    """Each family's Go template becomes the conversation that the family was trained on."""
    assert rendered(marker, end) == text


def test_the_files_own_template_wins_over_go() -> None:
    """Where the GGUF file has a Jinja template, a Go template is not looked at; a Jinja layer replaces it."""
    own = {KEY: "{{ messages }}", f"{KEY}.tool_use": "x"}
    assert templates.choose(own, GO % ("a", "b")) == (own, "")
    assert templates.choose(own, None) == (own, "")
    assert templates.choose(own, "{% for m in messages %}{% endfor %}")[0][KEY].startswith("{% for")


def test_an_unknown_go_template_is_a_reason_and_not_a_guess() -> None:
    """A Go template of no known family gives no template, and a text that says what to do."""
    found, problem = templates.choose({}, GO % ("<x>", "</x>"))
    assert KEY not in found and "TEMPLATE in a Modelfile" in problem
