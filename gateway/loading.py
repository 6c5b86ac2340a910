"""Load a site file in a process of its own, so that the running gateway never holds a parser.

Reading and checking a site file takes pydantic, a YAML parser, profiles and templates: some 15 MB
of modules, and as much again for a large site's models, all of it used for half a second. A child
does that and hands back the resolved plant as plain data; it works while its parent loads what
polling needs. Reloading later costs the gateway nothing but the difference.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import plain, words
from gateway.errors import ConfigError, Faults
from gateway.plant import Plant

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTY = 2


def begin(path: Path) -> Callable[[], Plant]:
    """Start loading a site file; what is returned waits for the plant.

    Raises (the returned function):
        ConfigError: with all faults of the file, sorted.
    """
    child = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        [sys.executable, "-m", "gateway.loading", str(path), words.chosen()],
        stdout=subprocess.PIPE,
    )

    def wait() -> Plant:
        data, _none = child.communicate()
        if child.returncode == FAULTY:
            raise ConfigError(list(plain.load(Faults, data).faults))
        if child.returncode:
            raise SystemExit(child.returncode)
        return plain.load(Plant, data)

    return wait


def main(path: str, lang: str) -> int:
    """Load and write the plant, or its faults, to standard output."""
    from gateway.templates import load  # noqa: PLC0415 - what the parent must not hold

    words.choose(lang)
    try:
        data, code = plain.dump(load(Path(path))), 0
    except ConfigError as error:
        data, code = plain.dump(Faults(tuple(error.faults))), FAULTY
    sys.stdout.buffer.write(data)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
