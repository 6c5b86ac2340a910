"""Expressions in a profile: a fault in one points at the character.

The language itself is `gateway/deriving/expression.py`.
"""

from collections.abc import Collection, Iterator
from typing import Annotated

from pydantic import AfterValidator

from gateway.deriving.expression import Expression
from gateway.deriving.tokens import Misspelt
from gateway.errors import Fault
from gateway.sitefile.document import Document, Wrong, nearest
from gateway.sitefile.yaml12 import KeyPath
from gateway.words import _


def _formula(value: str) -> str:
    try:
        Expression(value)
    except Misspelt as wrong:
        raise Wrong("bad-expression", wrong.what, wrong.next, offset=wrong.offset) from wrong
    return value


Formula = Annotated[str, AfterValidator(_formula)]
"""The text of an expression that can be read."""


SHOWN = 12
"""Names that a message lists."""


def unknown(
    formula: str,
    known: Collection[str],
    path: KeyPath,
    document: Document,
    elsewhere: Collection[str] = (),
) -> Iterator[Fault]:
    """Give a fault for each name in an expression that stands for nothing.

    Args:
        formula: the expression.
        known: names that it may use.
        path: of the expression in the file.
        document: the file.
        elsewhere: names that are known, though not beside the others of this expression.
    """
    for name, offset in Expression(formula).places.items():
        if name in known:
            continue
        what = _("there is no {name} to compute with").format(name=name)
        listed = [*known][:SHOWN]
        next_ = _("there are: {known}").format(
            known=", ".join([*listed, "…"] if len(known) > SHOWN else listed)
        )
        near = nearest(name, [*known, *elsewhere])
        if name in elsewhere:
            what = _("{name} is not told in one record with the other names").format(name=name)
        elif near:
            next_ = _("did you mean {near}?").format(near=near)
        yield document.fault(path, "unknown-name", what, next_, offset=offset)
