"""Chooses the language before any text is made, then hands over to the command line."""

from __future__ import annotations

import sys

from gateway import words


def main() -> None:
    """Run `nxgate`."""
    arguments = sys.argv[1:]
    lang: str | None = None
    for index, argument in enumerate(arguments):
        if argument == "--lang" and index + 1 < len(arguments):
            lang = arguments[index + 1]
        elif argument.startswith("--lang="):
            lang = argument.removeprefix("--lang=")
    words.choose(lang if lang in words.LANGUAGES else None)
    from gateway.cli import cli  # noqa: PLC0415 - its help texts are made when it is imported

    cli(prog_name="nxgate")


if __name__ == "__main__":
    main()
