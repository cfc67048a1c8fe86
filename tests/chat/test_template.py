"""Chat templates render as Hugging Face's `apply_chat_template` does, and fail clearly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxmlx.chat import ChatTemplate
from fluxmlx.errors import ChatTemplateError, InvalidArgumentError

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "  Grüße <b>&amp;</b> \n"},
    {"role": "assistant", "content": "Hello.\n\nHow?"},
    {"role": "user", "content": "Why is the sky blue?"},
]
TOOLS = [
    {"type": "function", "function": {"name": "größe", "parameters": {"type": "object", "properties": {}}}}
]
TEMPLATES = {
    "chatml": "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "blocks": "{%- for message in messages %}\n    {%- if loop.first %}\n        {{- bos_token }}\n"
    "    {%- endif %}"
    "\n    {% if message.role == 'user' %}\n[INST] {{ message.content | trim }} [/INST]\n"
    "    {% elif not loop.last %}\n{{ message.content }}{{ eos_token }}\n    {% endif %}\n{% endfor %}",
    "state": "{% set ns = namespace(system='', n=0) %}{% for m in messages %}{% if m['role'] == 'system' %}"
    "{% set ns.system = m['content'] %}{% continue %}{% endif %}{% set ns.n = ns.n + 1 %}"
    "{{ ns.n ~ ': ' ~ m.content }}{% if ns.n > 1 %}{% break %}{% endif %}{% endfor %}"
    "{{ ns.system|upper }}{{ messages[1:]|length }}",
    "tools": "{% if tools is not none and tools %}{{ tools | tojson(indent=2) }}{% for t in tools %}"
    "{{ t.function | tojson }}{% endfor %}{% endif %}{{ {'a': [1, 2.5, none, true], 'ü': '<'} | tojson }}",
    "macro": "{% macro turn(role, text) -%}\n[{{ role }}]{{ text }}{{ caller() if caller }}\n{%- endmacro %}"
    "{% for m in messages %}{{ turn(m.role, m.content.strip()) }}{% endfor %}"
    "{% call turn('x', 'y') %}!{% endcall %}",
    "generation": "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
    "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}",
    "blocks-of-all-kinds": "{% macro m(a, b=['x', 1], c={'k': (1, 2)}) %}{{ a }}{{ b }}{{ c }}{{ varargs }}"
    "{% endmacro %}"
    "{{ m(1) }}{{ m(1, 2, 3, 4) }}{% filter upper %}abc{{ 'd' }}{% endfilter %}{% set a, b = 1, [2] %}{{ a }}{{ b }}"
    "{% set block %}x{{ a }}{% endset %}{{ block }}{% with z = 5 %}{{ z }}{% endwith %}{% raw %}{{ raw }}{% endraw %}"
    "{% if 'a' in ('a', 'b') and not false %}in{% elif x %}y{% else %}z{% endif %}{{ 'abc'[::-1] }}{{ [1, 2][0] }}"
    "{# note #}{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "filters": "{{ messages|map(attribute='role')|join(', ') }}|"
    "{{ messages|selectattr('role', 'equalto', 'user')"
    "|list|length }}|{{ ('ab' * 3)|replace('a', 'c') }}|{{ '  x'|indent(2) }}|{{ 'Ab'|lower }}|"
    "{{ [3, 1]|sort|first }}|{{ '<'|e }}|{{ ('<'|safe) + '<' }}|{{ nothing|default('d') }}|{{ [1, 2]|sum }}",
    "expressions": "{{ 'a-b'.split('-') }}|{{ '%s=%d' % ('x', 3) }}|{{ '{}"
    "{:>4}'.format('y', 2) }}|{{ 2**10 }}|"
    "{{ [1] + [2] }}|{{ 7 // 2 }}|{{ messages[-1].missing is defined }}|{{ dict(a=1).items()|list }}|"
    "{{ 'x' in ['x'] }}|{{ loop is undefined }}|{{ (1, 2) }}|{{ nothing }}|"
    "{{ messages[1].content.lstrip() }}|"
    "{{ none }}|{{ 'a' if false }}|{{ 'aXb'.replace('X', '-') }}|{{ ', '.join(['a', 'b']) }}|{{ 10 % 4 }}",
    "loops": "{% for k, v in {'a': 1}.items() %}{{ loop.index }}{{ k }}{{ v }}{{ loop.length }}"
    "{{ loop.last }}"
    "{% endfor %}|{% for i in range(3) if i != 1 %}{{ i }}{{ loop.previtem }}{{ loop.nextitem }}"
    "{% else %}none{% endfor %}|{% for i in [] %}{% else %}none{% endfor %}|{% for a, b in [(1, 2)] %}"
    "{{ a + b }}"
    "{% endfor %}|{% for c in 'ab' %}{{ loop.cycle('x', 'y') }}{{ c }}{% endfor %}"
    "{% for u in undefined_thing %}x{% endfor %}",
}


def template(source: str) -> ChatTemplate:
    return ChatTemplate(source, bos_token="<s>", eos_token="</s>")


@pytest.mark.parametrize("add_generation_prompt", [True, False])
@pytest.mark.parametrize("source", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_rendering_equals_transformers(source: str, add_generation_prompt: bool) -> None:
    """The text is, character for character, what transformers renders."""
    utilities = pytest.importorskip("transformers.utils.chat_template_utils", reason="needs transformers")
    options: dict[str, Any] = {"add_generation_prompt": add_generation_prompt, "tools": TOOLS}
    (expected,), _ = utilities.render_jinja_template(
        [TALK], chat_template=source, bos_token="<s>", eos_token="</s>", **options
    )
    assert template(source).render(TALK, **options) == expected


def test_chatml() -> None:
    """ChatML, spelled out."""
    text = template(TEMPLATES["chatml"]).render([{"role": "user", "content": "Hi"}])
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_a_refusal_reaches_the_caller() -> None:
    """The text of a template's raise_exception is the text of the error."""
    source = "{% if messages[0].role != 'user' %}{{ raise_exception('Roles must alternate') }}{% endif %}ok"
    with pytest.raises(ChatTemplateError, match=r"^Roles must alternate$"):
        template(source).render([{"role": "assistant", "content": "x"}])
    assert template(source).render([{"role": "user", "content": "x"}]) == "ok"


def test_a_syntax_error_shows_at_use() -> None:
    """A broken template can be held; only rendering says what is wrong, and where."""
    broken = template("ok\n{% for %}")
    for _ in range(2):
        with pytest.raises(ChatTemplateError, match="error in line 2: "):
            broken.render(TALK)


def test_an_error_inside_names_its_kind() -> None:
    """Whatever goes wrong in a template is a ChatTemplateError."""
    with pytest.raises(ChatTemplateError, match="ZeroDivisionError"):
        template("{{ 1 // 0 }}").render(TALK)
    with pytest.raises(ChatTemplateError, match=r"UndefinedError.*missing"):
        template("{{ missing.x }}").render(TALK)


def test_variables_reach_the_template() -> None:
    """Names beyond the usual ones are passed on, and one rendering leaves nothing for the next."""
    source = template("{% if enable_thinking is defined %}{{ enable_thinking }}{% else %}unset{% endif %}")
    assert source.render(TALK, enable_thinking=False) == "False"
    assert source.render(TALK) == "unset"


def test_strftime_now_is_there() -> None:
    """Templates that write the date can."""
    assert template("{{ strftime_now('%Y') }}").render(TALK).isdigit()


def test_the_messages_are_not_changed() -> None:
    """Rendering works on a copy."""
    before = json.dumps(TALK)
    template("{% for m in messages %}{{ m.pop('role') if false }}{% endfor %}").render(TALK)
    assert json.dumps(TALK) == before


@pytest.mark.parametrize("name", ["bos_token", "tokenize", "raise_exception", "_x", "range", "chat_template"])
def test_reserved_names_are_refused(name: str) -> None:
    """What the template gets anyway cannot be set from outside."""
    with pytest.raises(InvalidArgumentError, match=f"{name!r} is reserved"):
        template("x").render(TALK, **{name: 1})


BAD_MESSAGES = {
    "not-a-list": ("hi", "messages must be a list of dicts, not str"),
    "a-dict": ({"role": "user"}, "messages must be a list of dicts, not dict"),
    "empty": ([], "messages is empty"),
    "not-a-dict": (["hi"], r"messages\[0\] must be a dict with role and content, not str"),
    "no-role": ([{"content": "x"}], r"messages\[0\] needs a role such as 'user'; it has None"),
    "role-type": ([{"role": 7, "content": "x"}], r"messages\[0\] needs a role such as 'user'; it has 7"),
    "no-content": ([{"role": "user"}], r"messages\[0\] \(role 'user'\) has no content"),
    "content-type": (
        [{"role": "user", "content": 7}],
        r"messages\[0\].content must be a text or a list of parts",
    ),
    "bytes": ([{"role": "user", "content": b"x"}], r"messages\[0\].content is a bytes"),
    "object": ([{"role": "user", "content": "x", "extra": object()}], r"messages\[0\].extra is a object"),
    "key": ([{"role": "user", "content": "x", 7: 1}], "has the key 7; keys must be strings"),
    "image": (
        [{"role": "user", "content": [{"type": "image_url"}]}],
        r"content\[0\] has the type 'image_url'",
    ),
    "part": (
        [{"role": "user", "content": [{"type": "text", "text": 1}]}],
        r"content\[0\].text must be a text",
    ),
}


@pytest.mark.parametrize(("messages", "message"), BAD_MESSAGES.values(), ids=BAD_MESSAGES.keys())
def test_bad_messages_are_named(messages: Any, message: str) -> None:
    """What is wrong with messages is said with its place."""
    with pytest.raises(InvalidArgumentError, match=message):
        template("x").render(messages)


def test_nesting_of_messages_is_limited() -> None:
    """A value nested a thousand deep is refused, not recursed into."""
    value: Any = 1
    for _ in range(1000):
        value = [value]
    with pytest.raises(InvalidArgumentError, match="nested deeper than 64"):
        template("x").render([{"role": "user", "content": "x", "extra": value}])


def test_text_parts_become_one_text() -> None:
    """Content given in parts reaches the template as one string."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert template("{{ messages[0].content }}").render([{"role": "user", "content": parts}]) == "ab"


def test_tool_calls_need_no_content() -> None:
    """An assistant's message may consist of calls alone."""
    message = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
    assert template("{{ messages[0].tool_calls[0].function.name }}").render([message]) == "f"
