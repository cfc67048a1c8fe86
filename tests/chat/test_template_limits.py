"""Hostile chat templates end in a ChatTemplateError, quickly and in little memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from fluxmlx.chat import ChatTemplate
from fluxmlx.errors import ChatTemplateError

HI = [{"role": "user", "content": "hi"}]
SANDBOX = {
    "subclasses": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "subscript": "{{ ''['__class__']['__mro__'] }}",
    "attr-filter": "{{ (''|attr('__class__')).mro() }}",
    "globals": "{{ raise_exception.__globals__['__builtins__'] }}",
    "macro-internals": "{% macro m() %}{% endmacro %}{{ m._func.__globals__['x'] }}",
    "format-string": "{{ '{0.__class__.__mro__[1]}'.format('') }}",
    "mutation": "{{ messages.append(1) }}",
    "self-internals": "{{ self._TemplateReference__context.environment.call_binop() }}",
}
SIXTY = "{% for i in range(60) %}"
LIMITS = {
    "range": "{% for i in range(10**9) %}x{% endfor %}",
    "nested-loops": "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}"
    "{% for d in range(1000) %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
    "self-calling-macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "self-calling-caller": "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
    "parentheses": "{{ " + "(" * 150 + "1" + ")" * 150 + " }}",
    "nested-ifs": "{% if true %}" * 10_000 + "{% endif %}" * 10_000,
    "nested-loops-100": "{% for i in [1] %}" * 100 + "{% endfor %}" * 100,
    "many-nots": "{{ " + "not " * 20_000 + "1 }}",
    "many-sums": "{{ " + "1+" * 20_000 + "1 }}",
    "many-filters": "{{ 'x'" + "|trim" * 20_000 + " }}",
    "repetition": "{{ 'x' * 10**9 }}",
    "repetition-left": "{{ 10**9 * 'x' }}",
    "list-repetition": "{{ ([0] * 10**9)|length }}",
    "doubling": "{% set n = namespace(x='x') %}" + SIXTY + "{% set n.x = n.x ~ n.x %}{% endfor %}",
    "doubling-plus": "{% set n = namespace(x='x') %}" + SIXTY + "{% set n.x = n.x + n.x %}{% endfor %}",
    "doubling-lists": "{% set n = namespace(x=[]) %}"
    + SIXTY
    + "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
    "doubling-dicts": "{% set n = namespace(x=1) %}"
    + SIXTY
    + "{% set n.x = {'a': n.x, 'b': n.x} %}{% endfor %}"
    "{{ n.x|tojson }}",
    "hidden-nesting": "{% set n = namespace(l=[]) %}{% for i in range(40) %}{% set m = namespace() %}"
    "{% set k = [m, m] %}{% set m.x = n.l %}{% set n.l = k %}{% endfor %}{{ n.l }}",
    "power": "{{ 10**(10**10) }}",
    "product": "{% set n = namespace(x=3) %}{% for i in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}",
    "center": "{{ 'x'|center(10**9) }}",
    "center-method": "{{ 'x'.center(10**9) }}",
    "zfill": "{{ 'x'.zfill(10**9) }}",
    "indent": "{{ 'x\n\ny'|indent(1000000000) }}",
    "percent-width": "{{ '%1000000000d' % 1 }}",
    "percent-star": "{{ '%*d' % (1000000000, 1) }}",
    "format-width": "{{ '{:1000000000}'.format(1) }}",
    "format-nested-width": "{{ '{:{}}'.format(1, 1000000000) }}",
    "format-filter": "{{ '%1000000000s'|format(1) }}",
    "replace": "{% set x = 'x' * 10000 %}{{ x.replace('x', x) }}",
    "replace-filter": "{% set x = 'x' * 10000 %}{{ x|replace('x', x) }}",
    "join": "{% set x = 'x' * 1000000 %}{{ ([x] * 1000)|join }}",
    "join-method": "{% set x = 'x' * 1000000 %}{{ ''.join([x] * 1000) }}",
    "many-texts": "{% set n = namespace(x=[]) %}{% for i in range(10000) %}"
    "{% set n.x = n.x + ['x' * 4000000 ~ i] %}{% endfor %}",
    "block-output": "{% set b %}{% for i in range(100000) %}" + "x" * 1000 + "{% endfor %}{% endset %}",
    "output": "{% for i in range(100000) %}" + "x" * 1000 + "{% endfor %}",
    "wide-list-sums": "{% for i in range(100000) %}{{ range(100000)|sum }}{% endfor %}",
    "tojson-indent": "{{ [1]|tojson(indent=100000000) }}",
    "source": "x" * 300_000,
}
UNSUPPORTED = {
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import '/etc/passwd' as x %}",
    "from": "{% from '/etc/passwd' import x %}",
    "extends": "{% extends '/etc/passwd' %}",
    "recursive": "{% for m in messages recursive %}{{ loop([m]) }}{% endfor %}",
}


def render(source: str) -> str:
    return ChatTemplate(source, bos_token="<s>", eos_token="</s>").render(HI)


@pytest.mark.parametrize("source", SANDBOX.values(), ids=SANDBOX.keys())
def test_nothing_gets_out_of_the_sandbox(source: str) -> None:
    """Internals are out of reach and the messages cannot be changed."""
    with pytest.raises(ChatTemplateError):
        render(source)


@pytest.mark.parametrize("source", LIMITS.values(), ids=LIMITS.keys())
def test_limits_hold(source: str) -> None:
    """Steps, output, nesting, widths and values on the way are limited, before time or memory run out."""
    start = time.thread_time()
    with pytest.raises(ChatTemplateError, match="chat template limit"):
        render(source)
    assert time.thread_time() - start < 15


@pytest.mark.parametrize("name", ["doubling", "many-texts", "join", "repetition", "replace", "block-output"])
def test_memory_stays_small(name: str) -> None:
    """A template that builds texts without end is stopped below 400 MB."""
    tracemalloc.start()
    try:
        with pytest.raises(ChatTemplateError):
            render(LIMITS[name])
        assert tracemalloc.get_traced_memory()[1] < 400e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("source", UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_other_files_are_out_of_reach(source: str) -> None:
    """Loading other templates, and recursive loops, are refused by name and line."""
    with pytest.raises(ChatTemplateError, match=r"line 1.*unsupported"):
        render(source)


def test_a_template_within_the_limits_is_not_touched() -> None:
    """A thousand long messages go through."""
    source = "{% for m in messages %}{{ '<' + m.role + '>' + m.content|trim + '\n' }}{% endfor %}"
    messages = [{"role": "user", "content": "x" * 2000}] * 1000
    text = ChatTemplate(source, bos_token="", eos_token="").render(messages)
    assert text == ("<user>" + "x" * 2000 + "\n") * 1000
