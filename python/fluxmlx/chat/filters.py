"""Filters and functions of chat templates, each accounted for by a Budget."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import Environment
from jinja2.filters import make_attrgetter
from jinja2.utils import Namespace, pass_environment

from fluxmlx.chat.limits import Budget
from fluxmlx.errors import ChatTemplateError

COUNT, TEXT, MADE = "!count", "!text", "!made"  # filters that no template can name
_REMOVED = ("pprint", "striptags", "urlize", "xmlattr")  # unused, and hard to bound
_SIZED = frozenset({"batch", "center", "indent", "round", "slice", "tojson", "truncate", "wordwrap"})


def counted_filters(budget: Budget, filters: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Jinja's filters within limits, Hugging Face's `tojson`, and those that count loops and values."""
    kept = {name: function for name, function in filters.items() if name not in _REMOVED}
    kept |= {"tojson": _tojson, "join": _joiner(budget), "replace": _replacer(budget)}
    return {
        **{name: _counted(budget, name, function) for name, function in kept.items()},
        COUNT: functools.partial(_Counted, budget),
        TEXT: functools.partial(budget.join, ""),
        MADE: budget.value,
    }


def template_globals() -> dict[str, Callable[..., Any]]:
    """The functions that a template can call, besides those of Jinja."""
    functions = {"raise_exception": _raise_exception, "strftime_now": _strftime_now}
    return {**functions, "dict": _make_dict, "namespace": _make_namespace}


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
