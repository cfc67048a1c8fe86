"""Words that people bring from Ollama and from other programs."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("verb", "text"), [([], "serve"), (["run"], "--keepalive"), (["convert"], "--quantize")]
)
def test_help_is_a_verb_too(invoke: Any, verb: list[str], text: str) -> None:
    """`help` and `help VERB` print what --help prints."""
    asked = invoke("help", *verb)
    assert asked.exit_code == 0 and text in asked.stdout
    assert asked.stdout == invoke(*verb, "--help").stdout


def test_help_of_nothing(invoke: Any) -> None:
    """A verb that is not there is wrong usage."""
    result = invoke("help", "fly")
    assert result.exit_code == 2 and "there is no verb 'fly'" in result.stderr


def test_a_push_is_refused_by_name(invoke: Any) -> None:
    """Not as an unknown verb."""
    result = invoke("push", "user/mine", "--insecure")
    assert result.exit_code == 1 and "push is not supported" in result.stderr


def test_the_version_by_one_letter(invoke: Any) -> None:
    """-v is --version."""
    assert invoke("-v").stdout == invoke("--version").stdout
