"""Chooses the language before any text is made, then runs a site or hands over to click."""

from __future__ import annotations

import signal
import sys

from gateway import running, words
from gateway.exits import in_words

OPTION = "--lang"


def main() -> None:
    """Run `nxgate`; the language may be named before or after the command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a command is there to be interrupted
    arguments, lang = take_lang(sys.argv[1:])
    words.choose(lang)
    wanted = running.understand(arguments)
    if wanted is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with in_words():
            running.run(wanted)
        return
    words.lend()
    from gateway.cli import cli  # noqa: PLC0415 - its help texts are made when it is imported

    signal.signal(signal.SIGINT, signal.default_int_handler)
    cli(arguments, prog_name="nxgate")


def take_lang(arguments: list[str]) -> tuple[list[str], str | None]:
    """Take a known language out of the arguments; anything else is left for click to refuse."""
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name != OPTION:
            continue
        after = index + 1 if equals else index + 2
        value = value if equals else "".join(arguments[index + 1 : after])
        if value in words.LANGUAGES:
            return arguments[:index] + arguments[after:], value
    return arguments, None


if __name__ == "__main__":
    main()
