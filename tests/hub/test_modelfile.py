"""Modelfiles and the parameters in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fluxmlx.errors import CapabilityError, InvalidArgumentError
from fluxmlx.hub import Recipe, modelfile, options

TEXT = '''
# a comment
from smollm2
PARAMETER temperature 0.5
PARAMETER num_ctx 2048
parameter stop "<|end|>"
PARAMETER stop AI:
PARAMETER use_mmap false
TEMPLATE """{{ .System }}
  # not a comment: "quoted"
"""
SYSTEM "You are brief."
MESSAGE user Why is "it" so?
MESSAGE assistant """Because
it is."""
LICENSE MIT
LICENSE Apache-2.0
'''


def test_every_command_is_read() -> None:
    """Case, comments, quotes, triple quotes and repeated commands mean what they mean to Ollama."""
    recipe = modelfile.parse(TEXT)
    assert (recipe.from_, recipe.system, recipe.licences) == (
        "smollm2",
        "You are brief.",
        ["MIT", "Apache-2.0"],
    )
    assert recipe.params == {
        "temperature": 0.5,
        "num_ctx": 2048,
        "stop": ["<|end|>", "AI:"],
        "use_mmap": False,
    }
    assert recipe.template == '{{ .System }}\n  # not a comment: "quoted"\n'
    assert recipe.messages == [
        {"role": "user", "content": 'Why is "it" so?'},
        {"role": "assistant", "content": "Because\nit is."},
    ]


def test_what_is_written_is_read_back() -> None:
    """The Modelfile of a recipe gives the same recipe."""
    recipe = modelfile.parse(TEXT)
    assert modelfile.parse(modelfile.render(recipe)) == recipe


@given(
    st.text(alphabet=st.sampled_from('a b"#\n\t\\\u2028'), min_size=1),
    st.sampled_from(["system", "stop", "user"]),
)
def test_any_text_is_read_back(text: str, place: str) -> None:
    """Quotes, blanks and line breaks come back as they were; only three quotes in a text of several lines cannot."""
    assume(not ('"""' in text and "\n" in text))
    recipe = Recipe(from_="x")
    if place == "system":
        recipe.system = text
    elif place == "stop":
        recipe.params["stop"] = [text]
    else:
        recipe.messages.append({"role": "user", "content": text})
    assert modelfile.parse(modelfile.render(recipe)) == recipe


def test_blanks_are_blanks() -> None:
    """Tabs, line ends of Windows and blanks before a command, and those within quotes."""
    recipe = modelfile.parse('\ufeff  FROM\tx\r\nPARAMETER  top_k\t7\r\nSYSTEM """a  \r\n  b """\r\n')
    assert (recipe.from_, recipe.params, recipe.system) == ("x", {"top_k": 7}, "a  \n  b ")


@pytest.mark.parametrize("line", ["FROM ./mmproj.gguf", "RENDERER qwen3", "PARSER qwen3", "REQUIRES 0.14.0"])
def test_what_only_an_ollama_has_is_refused_by_name(line: str) -> None:
    """A part for images, and parts of Ollama's program, are not dropped in silence."""
    with pytest.raises(CapabilityError, match=r"line 2 of the Modelfile: .*(second FROM|leave the line out)"):
        modelfile.parse(f"FROM a\n{line}\nSYSTEM x")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SYSTEM x", "no FROM"),
        ("FROM", "line 1 of the Modelfile: FROM needs a value"),
        ("FROM a\nRUN x", "line 2 of the Modelfile: 'RUN' is not a command"),
        ('FROM a\nSYSTEM """x\ny', 'line 2 of the Modelfile: """ is opened and not closed'),
        ('FROM a\nSYSTEM """x""" y', "text after the closing quotes"),
        ("FROM a\nMESSAGE robot x", "the role is 'robot'"),
        ("FROM a\nPARAMETER temprature 1", "unknown parameter 'temprature'; did you mean 'temperature'"),
        ("FROM a\nPARAMETER top_k many", "top_k is 'many'; expected a whole number"),
        ("FROM a\nPARAMETER use_mmap maybe", "expected true or false"),
    ],
)
def test_a_bad_line_is_named(text: str, reason: str) -> None:
    """What cannot be used is an error with the line's number."""
    with pytest.raises(InvalidArgumentError, match=reason.replace("(", r"\(")):
        modelfile.parse(text)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [("top_k", 1.5, "integer"), ("top_k", True, "integer"), ("temperature", "hot", "float"), ("stop", [1], "list"),
     ("use_mmap", 1, "boolean")],
)  # fmt: skip
def test_a_parameter_has_its_type(name: str, value: Any, kind: str) -> None:
    """A value of another type is refused in Ollama's words; numbers that are whole are whole numbers."""
    with pytest.raises(InvalidArgumentError, match=f"option '{name}' must be of type {kind}"):
        options.checked({name: value})
    assert options.checked({"top_k": 3.0, "stop": "x"}) == {"top_k": 3, "stop": ["x"]}


def test_parameters_go_where_they_belong() -> None:
    """Options of a request, options of a load, and those without effect are told apart."""
    params = {"temperature": 0.1, "num_ctx": 64, "num_thread": 0, "mirostat": 1}
    assert options.sampling_options(params) == {"temperature": 0.1}
    assert options.load_options(params) == {"ctx": 64}
