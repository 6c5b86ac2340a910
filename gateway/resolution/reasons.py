"""Stop reasons as a tree, each with the loss that it belongs to.

A reason passes its loss on to those below it, so that a firm can tell its stops apart as finely
as it likes while the losses stay comparable. What a machine or an operator gives for a reason (its
key, or one of its codes) stands for one reason only.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.errors import Fault
from gateway.resolution.layers import Layered
from gateway.resolution.library import Names
from gateway.sitefile.document import Document, Wrong, instead, spell
from gateway.sitefile.explain import describe
from gateway.sitefile.names import TagName  # noqa: TC001 - pydantic reads it
from gateway.sitefile.part import Part
from gateway.sitefile.units import Maybe
from gateway.sitefile.yaml12 import KeyPath
from gateway.words import _

LONGEST_CODE = 64

Loss = Literal[
    "planned",
    "setup",
    "breakdown",
    "waiting",
    "idle",
    "quality",
    "personnel",
    "utility",
    "minor",
    "unknown",
]


def _code(value: object) -> str:
    """Spell a code as figures spell what they read: 2.0 is 2, true is 1."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str) and 0 < len(value) <= LONGEST_CODE:
        return value
    what = _("{value} is no code").format(value=describe(value))
    raise Wrong("bad-code", what, _("write a number, or a word of at most 64 characters"))


Code = Annotated[
    str,
    BeforeValidator(_code),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": LONGEST_CODE},
                {"type": ["number", "boolean"]},
            ]
        }
    ),
]
"""A word or a number as a machine or an operator gives it, spelled as figures spell it."""


class Reason(Part):
    """Why a machine stands."""

    name: Names = Field(
        description="what people call it", examples=[{"zh": "模具故障", "en": "Mould broken"}]
    )
    loss: Maybe[Loss] = Field(
        default=None,
        description="loss that such a stop belongs to; without it that of the reason above",
        examples=["breakdown"],
    )
    codes: tuple[Code, ...] = Field(
        default=(),
        description="words and numbers that machine or operator give for it, beside its key",
        examples=[["E12", 12]],
    )
    of: "dict[TagName, Reason]" = Field(
        default_factory=dict,
        description="reasons that it is made up of; they have its loss unless they give their own",
        examples=[{"mould": {"name": {"zh": "模具故障", "en": "Mould broken"}}}],
    )


class Results(Part):
    """What a test bench gives for passed and for failed; anything else is no result."""

    passed: tuple[Code, ...] = Field(
        default=(), alias="pass", description="passed", examples=[["ok", "合格", 1]]
    )
    failed: tuple[Code, ...] = Field(
        default=(), alias="fail", description="failed", examples=[["ng", "不合格", 0]]
    )


Found = tuple[KeyPath, str, Reason, Loss | None]
"""Path of a reason in the profile, its key, itself, and its loss, inherited or own."""


def walk(
    reasons: Mapping[str, Reason], path: KeyPath = ("reasons",), loss: Loss | None = None
) -> Iterator[Found]:
    """Give every reason of a tree, each before those below it."""
    for key, reason in reasons.items():
        here = (*path, key)
        own = reason.loss or loss
        yield here, key, reason, own
        yield from walk(reason.of, (*here, "of"), own)


def losses(reasons: Mapping[str, Reason]) -> dict[str, str]:
    """Say which loss each key and each code stands for."""
    return {
        word: str(loss)
        for _path, key, reason, loss in walk(reasons)
        for word in (key, *reason.codes)
    }


def of_asset(
    given: Mapping[str, str], reasons: Mapping[str, Reason], document: Document, path: KeyPath
) -> tuple[dict[str, str], list[Fault]]:
    """Say which loss each word stands for at one machine, whose own codes go before the profile's.

    Args:
        given: the machine's codes → keys of reasons.
        reasons: the profile's.
        document: the site file.
        path: of `given` in it.
    """
    found = losses(reasons)
    keys = [key for _path, key, _reason, _loss in walk(reasons)]
    faults: list[Fault] = []
    own: dict[str, str] = {}
    for code, key in given.items():
        if key in keys:
            own[code] = found[key]
            continue
        what = _("the profile has no reason {key}").format(key=key)
        faults.append(document.fault((*path, code), "unknown-reason", what, instead(key, keys)))
    return {**found, **own}, faults


def verdicts(results: Results) -> dict[str, bool]:
    """Say of each word whether it means that a test was passed."""
    return {**dict.fromkeys(results.passed, True), **dict.fromkeys(results.failed, False)}


def check(reasons: Mapping[str, Reason], results: Results, document: Layered) -> Iterator[Fault]:
    """Each reason has a loss, and each word stands for one reason or result only."""
    taken: dict[str, KeyPath] = {}
    for path, key, reason, loss in walk(reasons):
        if loss is None:
            what = _("this reason belongs to no loss")
            yield document.fault(
                path, "missing-key", what, _("write e.g. loss: breakdown"), key=True
            )
        words = {key: path, **{c: (*path, "codes", n) for n, c in enumerate(reason.codes)}}
        for word, at in words.items():
            if word in taken and taken[word] != at:
                yield _twice(word, taken[word], at, document)
            taken.setdefault(word, at)
    for index, word in enumerate(results.failed):
        if word in results.passed:
            at = ("results", "pass", results.passed.index(word))
            yield _twice(word, at, ("results", "fail", index), document)


def _twice(word: str, first: KeyPath, second: KeyPath, document: Layered) -> Fault:
    """One word with two meanings; told where a file that was laid over the rest says it."""
    at, other = (second, first) if document.says(second) else (first, second)
    what = _("{word} already stands for {other}").format(word=describe(word), other=spell(other))
    return document.fault(at, "duplicate-code", what, _("keep one of the two"))
