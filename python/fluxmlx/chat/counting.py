"""What is done to a parsed template before it is compiled."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, nodes
from jinja2.ext import Extension
from jinja2.visitor import NodeTransformer

from fluxmlx.chat.filters import COUNT, MADE, TEXT
from fluxmlx.errors import ChatTemplateError


class Generation(Extension):
    """`{% generation %}` marks the model's own words for training; for us it is a scope."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class Counting(NodeTransformer):
    """Passes what loops run over, and every text and container that an expression makes, through a filter."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            raise ChatTemplateError(
                f"the chat template has a recursive loop in line {node.lineno}: unsupported"
            )
        self.generic_visit(node)
        node.iter = self._filter(node.iter, COUNT)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return self._filter(nodes.List(node.nodes, lineno=node.lineno), TEXT)

    def visit_List(self, node: nodes.Expr) -> nodes.Expr:
        self.generic_visit(node)
        return node if getattr(node, "ctx", "load") != "load" else self._filter(node, MADE)

    visit_Dict = visit_Tuple = visit_List

    def _filter(self, node: nodes.Node, name: str) -> nodes.Filter:
        made = nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
        made.set_environment(self._environment)
        return made
