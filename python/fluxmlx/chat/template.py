"""A model's chat template: from messages to the text that the model was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Any

from fluxmlx.chat.messages import check_messages, check_tools, check_variables
from fluxmlx.errors import ChatTemplateError


class ChatTemplate:
    """A Jinja chat template. Nothing of it runs, and no error in it shows, before the first `render`.

    Attributes:
        source: the template's text.
        bos_token, eos_token: the texts that the template gets under these names; "" where the model has none.
    """

    def __init__(self, source: str, *, bos_token: str, eos_token: str) -> None:
        self.source = source
        self.bos_token = bos_token
        self.eos_token = eos_token
        self._code: CodeType | None = None

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool = True,
        tools: Sequence[Mapping[str, Any]] | None = None,
        **variables: Any,
    ) -> str:
        """Writes messages as one text.

        Args:
            messages: `{"role": ..., "content": ...}` and whatever else the template reads.
            add_generation_prompt: end with the opening of the assistant's turn.
            tools: JSON schemas of functions, for templates that know them.
            variables: further names for the template, such as `enable_thinking`; `documents` is None without one.

        Raises:
            InvalidArgumentError: messages, tools or variables are not what they should be.
            ChatTemplateError: the template is not valid, refused the messages, or reached a limit.
        """
        values = {
            "documents": None,
            **check_variables(variables),
            "messages": check_messages(messages),
            "tools": check_tools(tools),
            "add_generation_prompt": bool(add_generation_prompt),
            "bos_token": self.bos_token,
            "eos_token": self.eos_token,
        }
        return self._guard(lambda: self._run(values))

    def _run(self, values: dict[str, Any]) -> str:
        from fluxmlx.chat import limits, sandbox

        if self._code is None:
            if len(self.source) > limits.MAX_SOURCE_BYTES:
                raise limits.TemplateLimit(f"its source has more than {limits.MAX_SOURCE_BYTES} bytes")
            self._code = sandbox.compile_template(self.source)
        environment = sandbox.SandboxedTemplates(limits.Budget())
        template = sandbox.template_from(self._code, environment)
        return environment.concat(template.root_render_func(template.new_context(values)))

    @staticmethod
    def _guard(run: Any) -> str:
        """Turns whatever a template can raise into ChatTemplateError."""
        from jinja2 import TemplateSyntaxError

        from fluxmlx.chat.limits import TemplateLimit

        try:
            return run()
        except ChatTemplateError:
            raise
        except TemplateLimit as error:
            raise ChatTemplateError(f"chat template limit: {error}") from None
        except (RecursionError, MemoryError, OverflowError) as error:
            raise ChatTemplateError(f"chat template limit: {error or type(error).__name__}") from None
        except TemplateSyntaxError as error:
            raise ChatTemplateError(
                f"the chat template has an error in line {error.lineno}: {error.message}"
            ) from None
        except Exception as error:
            raise ChatTemplateError(f"the chat template failed: {type(error).__name__}: {error}") from error
