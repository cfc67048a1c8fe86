"""The Jinja environment that chat templates run in: sandboxed, immutable, and counted by a Budget.

What it offers is what templates written for Hugging Face's `apply_chat_template` expect: trimmed blocks, loop
controls, `raise_exception`, `strftime_now`, `tojson`, `{% generation %}`. Loading other files is not part of
it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from types import CodeType
from typing import Any, NoReturn

from jinja2 import Environment, Template, nodes
from jinja2.ext import Extension
from jinja2.filters import make_attrgetter
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, pass_environment
from jinja2.visitor import NodeTransformer

from fluxmlx.chat.limits import MAX_DEPTH, MAX_OUTPUT_BYTES, Budget, TemplateLimit
from fluxmlx.errors import ChatTemplateError

_UNSUPPORTED = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)
_OPENING = frozenset({"if", "for", "macro", "call", "filter", "with", "generation", "autoescape"})
_CLOSING = frozenset(f"end{name}" for name in _OPENING)
_FORBIDDEN = frozenset(
    {"encode", "expandtabs", "format_map", "maketrans", "to_bytes", "from_bytes", "translate"}
)
_REMOVED = ("pprint", "striptags", "urlize", "xmlattr")  # unused, and hard to bound
_SIZED = frozenset({"batch", "center", "indent", "round", "slice", "tojson", "truncate", "wordwrap"})
_COUNT, _TEXT, _MADE = "!count", "!text", "!made"  # filters that no template can name


class SandboxedTemplates(ImmutableSandboxedEnvironment):
    """One environment for one rendering; compiled code is shared, what a rendering uses is not."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, budget: Budget) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols", _Generation],
            finalize=budget.value,
        )
        self.budget = budget
        self.globals.pop("lipsum", None)
        self.globals |= {"raise_exception": _raise_exception, "strftime_now": _strftime_now}
        self.globals |= {"dict": _make_dict, "namespace": _make_namespace}
        for name in _REMOVED:
            self.filters.pop(name, None)
        self.filters |= {"tojson": _tojson, "join": _joiner(budget), "replace": _replacer(budget)}
        self.filters = {name: _counted(budget, name, f) for name, f in self.filters.items()}
        self.filters |= {
            _COUNT: functools.partial(_Counted, budget),
            _TEXT: functools.partial(budget.join, ""),
            _MADE: budget.value,
        }

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
            self.budget.join(text, [item for item in items if isinstance(item, str)])
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
    return environment.compile(_Counting(environment).visit(tree))


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


class _Generation(Extension):
    """`{% generation %}` marks the model's own words for training; for us it is a scope."""

    tags: set[str] = {"generation"}  # noqa: RUF012  # as jinja2 declares it

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True)).set_lineno(
            line
        )


class _Counting(NodeTransformer):
    """Passes what loops run over, and every text and container that an expression makes, through a filter."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            raise ChatTemplateError(
                f"the chat template has a recursive loop in line {node.lineno}: unsupported"
            )
        self.generic_visit(node)
        node.iter = self._filter(node.iter, _COUNT)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return self._filter(nodes.List(node.nodes).set_lineno(node.lineno), _TEXT)

    def visit_List(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        return node if getattr(node, "ctx", "load") != "load" else self._filter(node, _MADE)

    visit_Dict = visit_Tuple = visit_List

    def _filter(self, node: nodes.Node, name: str) -> nodes.Filter:
        made = nodes.Filter(node, name, [], [], None, None)
        made.set_lineno(node.lineno)
        made.set_environment(self._environment)
        return made


class _Counted:
    """An iterable whose items are steps. Its length, if it has one, is the original's."""

    def __init__(self, budget: Budget, items: Any) -> None:
        self._budget = budget
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self._budget.step()
            yield item


def _counted(budget: Budget, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, with its arguments and its result accounted for."""
    n_passed = 1 + hasattr(function, "jinja_pass_arg")

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        budget.step()
        if name in _SIZED:
            budget.widths((*args[n_passed:], *kwargs.values()))
        if name == "format":
            budget.format(str(args[0]), (*args[1:], *kwargs.values()), str(args[0]).count("%"))
        for value in args[n_passed - 1 :]:
            if not isinstance(value, str):
                budget.value(value)
        return budget.value(function(*args, **kwargs))

    return wrapper


def _joiner(budget: Budget) -> Callable[..., str]:
    @pass_environment
    def join(
        environment: Environment, value: Iterable[Any], d: str = "", attribute: str | None = None
    ) -> str:
        items = map(make_attrgetter(environment, attribute), value) if attribute is not None else value
        return budget.join(str(d), items)

    return join


def _replacer(budget: Budget) -> Callable[..., str]:
    def replace(text: Any, old: Any, new: Any, count: int | None = None) -> str:
        text, old, new = str(text), str(old), str(new)
        budget.replace(text, old, new)
        return text.replace(old, new, -1 if count is None else count)

    return replace


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: Any = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _make_dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    """`dict` without the methods of the class."""
    return dict(*args, **kwargs)


def _make_namespace(*args: Any, **kwargs: Any) -> Namespace:
    return Namespace(*args, **kwargs)


def _raise_exception(message: Any) -> NoReturn:
    raise ChatTemplateError(str(message))


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(str(pattern)[:256])
