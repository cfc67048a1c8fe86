"""The Jinja environment that chat templates run in: sandboxed, immutable, and counted by a Budget.

What it offers is what templates written for Hugging Face's `apply_chat_template` expect: trimmed blocks, loop
controls, `raise_exception`, `strftime_now`, `tojson`, `{% generation %}`. Loading other files is not part of
it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

from jinja2 import Environment, Template, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fluxmlx.chat.counting import Counting, Generation
from fluxmlx.chat.filters import counted_filters, template_globals
from fluxmlx.chat.limits import MAX_DEPTH, MAX_OUTPUT_BYTES, Budget, TemplateLimit
from fluxmlx.errors import ChatTemplateError

_UNSUPPORTED = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)
_OPENING = frozenset({"if", "for", "macro", "call", "filter", "with", "generation", "autoescape"})
_CLOSING = frozenset(f"end{name}" for name in _OPENING)
_FORBIDDEN = frozenset(
    {"encode", "expandtabs", "format_map", "maketrans", "to_bytes", "from_bytes", "translate"}
)


class SandboxedTemplates(ImmutableSandboxedEnvironment):
    """One environment for one rendering; compiled code is shared, what a rendering uses is not."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, budget: Budget) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols", Generation],
            finalize=budget.value,
        )
        self.budget = budget
        self.globals.pop("lipsum", None)
        self.globals |= template_globals()
        self.filters = counted_filters(budget, self.filters)

    def concat(self, parts: Iterable[str]) -> str:  # type: ignore[override]
        """Joins what a template, a macro or a block put out, up to the limit."""
        texts: list[str] = []
        n = 0
        for part in parts:
            n += len(part) if part.isascii() else len(part.encode("utf-8", "surrogatepass"))
            if n > MAX_OUTPUT_BYTES:
                raise TemplateLimit(f"more than {MAX_OUTPUT_BYTES} bytes of output")
            texts.append(part)
        self.budget.text(n)
        return "".join(texts)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Every call that a template makes."""
        self.budget.step()
        owner = getattr(obj, "__self__", None) if callable(obj) and hasattr(type(obj), "__self__") else None
        if isinstance(owner, str):
            args = self._check_method(owner, obj.__name__, args, kwargs)
        self.budget.depth += 1
        try:
            if self.budget.depth > MAX_DEPTH:
                raise TemplateLimit(f"calls nested deeper than {MAX_DEPTH}")
            return self.budget.value(super().call(context, obj, *args, **kwargs))
        finally:
            self.budget.depth -= 1

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        self.budget.operator(operator, left, right)
        return self.budget.value(super().call_binop(context, operator, left, right))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, (str, bytes, int)) and attr in _FORBIDDEN:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        inner = super().wrap_str_format(value)
        if inner is None:
            return None

        @functools.wraps(inner)
        def wrapper(*args: Any, **kwargs: Any) -> str:
            self.budget.format(value.__self__, (*args, *kwargs.values()), value.__self__.count("{"))
            return inner(*args, **kwargs)

        return wrapper

    def _check_method(
        self, text: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, ...]:
        if name in ("center", "ljust", "rjust", "zfill"):
            self.budget.widths(args)
        elif name == "replace" and len(args) >= 2 and isinstance(args[0], str) and isinstance(args[1], str):
            self.budget.replace(text, args[0], args[1])
        elif name == "join" and len(args) == 1 and not kwargs:
            items: list[Any] = list(args[0])
            self.budget.join(text, items)
            return (items,)
        return args


def compile_template(source: str) -> CodeType:
    """Compiles a template whose nesting is within the limit, with its loops and values counted."""
    environment = SandboxedTemplates(Budget())
    _check_nesting(environment, source)
    tree = environment.parse(source)
    refused = next(tree.find_all(_UNSUPPORTED), None)
    if refused is not None:
        tag = type(refused).__name__.lower()
        raise ChatTemplateError(
            f"the chat template uses {{% {tag} %}} in line {refused.lineno}, which is unsupported"
        )
    return environment.compile(Counting(environment).visit(tree))


def template_from(code: CodeType, environment: SandboxedTemplates) -> Template:
    """A template over compiled code, to be rendered once."""
    return Template.from_code(environment, code, environment.make_globals(None))


def _check_nesting(environment: Environment, source: str) -> None:
    """Counts open blocks and brackets in the stream of tokens, before anything recursive sees them."""
    blocks = brackets = 0
    opened = False
    for line, kind, value in environment.lex(source):
        if kind == "name" and opened:
            blocks += (value in _OPENING) - (value in _CLOSING)
        elif kind == "operator":
            brackets += (value in "([{") - (value in ")]}")
        opened = kind == "block_begin" or (opened and kind == "whitespace")
        if max(blocks, brackets) > MAX_DEPTH:
            raise TemplateLimit(f"nested deeper than {MAX_DEPTH} in line {line}")
