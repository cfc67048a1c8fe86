"""The commands of the chat: a line that begins with a slash."""

from __future__ import annotations

from collections.abc import Callable

import typer

from fluxmlx.cli.session import Session
from fluxmlx.cli.settings import Settings
from fluxmlx.errors import InvalidArgumentError

__all__ = ["Commands"]

_HELP = '''\
  /set            how answers are made and shown
  /show           what is known about the model
  /load MODEL     go on with another model, in a new conversation
  /save NAME      make a model of this one, with the settings and what was said
  /clear          forget what was said so far
  /bye            leave (also Ctrl-D)
  /?, /help       this help; /? COMMAND tells more, /? shortcuts lists keys
  """             begin and end a message of several lines
  Ctrl-C          stop the answer'''
_SHORTCUTS = """\
  Ctrl-A, Ctrl-E  to the beginning, to the end of the line
  Alt-B, Alt-F    back, forward one word
  Ctrl-K, Ctrl-U  delete to the end, to the beginning of the line
  Ctrl-W          delete the word before the cursor
  Ctrl-L          clear the screen
  Ctrl-R          search in earlier lines
  Up, Down        earlier, later lines
  Ctrl-C          stop the answer
  Ctrl-D          leave"""
_SHOW = """\
  /show info        architecture, size, context length
  /show license     the licence
  /show modelfile   the Modelfile that makes it
  /show parameters  its parameters, and those set here
  /show system      the system message
  /show template    the chat template"""
_NAMES = {
    "license": "licence",
    "system": "system message; /set system TEXT gives it one",
    "template": "chat template",
}


class Commands:
    """What the commands do to a session.

    Args:
        remember: is told whether lines are to be kept for the next time.
    """

    def __init__(self, session: Session, remember: Callable[[bool], None]) -> None:
        self._session = session
        self._settings = Settings(session, remember)

    def know(self, text: str) -> bool:
        """Whether a message is meant as a command: a path, as in `/etc/hosts is what?`, is not."""
        word = text.strip().split(maxsplit=1)[0]
        return word.startswith("/") and "/" not in word[1:]

    def run(self, text: str) -> bool:
        """Does what a command says. True: it said to leave."""
        command, _, rest = text.strip().partition(" ")
        rest = rest.strip()
        match command:
            case "/bye" | "/exit":
                return True
            case "/clear":
                self._session.talk.messages.clear()
                typer.echo("Cleared: the next message starts a new conversation.")
            case "/set":
                self._settings.apply(rest)
            case "/show":
                self._show(rest)
            case "/load":
                self._session.load(_one(rest, "/load MODEL"))
                typer.echo(f"Loaded '{rest}'.")
            case "/save":
                self._session.answering.save(_one(rest, "/save NAME"), self._session.talk)
                typer.echo(f"Created model '{rest}'.")
            case "/?" | "/help":
                self._help(rest)
            case _:
                typer.echo(f"There is no command {command}; /? lists them.")
        return False

    def _help(self, about: str) -> None:
        texts = {"": _HELP, "shortcut": _SHORTCUTS, "set": self._settings.help, "show": _SHOW}
        typer.echo(texts.get(about.strip("/").removesuffix("s").strip(), _HELP))

    def _show(self, what: str) -> None:
        found, talk = self._session.answering.describe(), self._session.talk
        parts = {
            "info": found.info,
            "license": found.licence,
            "modelfile": found.modelfile,
            "parameters": self._parameters(found.parameters),
            "system": talk.system or found.system,
            "template": found.template,
        }
        if what not in parts:
            typer.echo(_SHOW)
        elif parts[what]:
            typer.echo(parts[what])
        else:
            typer.echo(f"The model has no {_NAMES.get(what, what)}.")

    def _parameters(self, of_the_model: str) -> str:
        from fluxmlx.hub.modelfile import parameter_lines

        set_here = "\n".join(parameter_lines(self._session.talk.options, width=30))
        parts = [("Of the model:", of_the_model), ("Set here:", set_here)]
        return "\n".join(f"{title}\n{rows}" for title, rows in parts if rows)


def _one(rest: str, usage: str) -> str:
    if not rest or " " in rest:
        raise InvalidArgumentError(f"expected one name: {usage}")
    return rest
