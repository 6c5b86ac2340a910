"""When what a display shows agrees with what was read."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from gateway.model import Tag, Value

FLOAT32 = 2.0**-23
"""One step of a 32-bit float's mantissa, for a value of 1 (IEEE 754-2019, 3.6)."""
ROUNDING = 1e-9
"""Share of a value that its own arithmetic may cost."""
MOVING = 0.05
"""Share of a value that it may move between two reads; beyond it, agreeing proves nothing."""
TRUE = frozenset(("1", "on", "true", "yes", "开", "是", "合", "亮", "运行"))
FALSE = frozenset(("0", "off", "false", "no", "关", "否", "分", "灭", "停止"))
_NUMBER = re.compile(r"([-+]?)(\d+)(?:\.(\d*))?")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+\.\d+")


class Result(StrEnum):
    """What came of one tag."""

    OK = "ok"
    DIFFERS = "differs"
    MOVING = "moving"
    UNREADABLE = "unreadable"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A shown value beside the two that were read, before and after it was.

    Attributes:
        difference: shown less the middle of the two; None for what is no number.
        tolerance: what it may be: half of what the value moved, and one unit of the display's last
            digit or one step of the register, whichever is coarser: either may cut off where the
            other rounds. A count or a code, whole in both, has to be the same.
    """

    result: Result
    difference: float | None = None
    tolerance: float | None = None


class NotShown(ValueError):  # noqa: N818 - reads as what it is where it is raised
    """What was typed can't be what a display shows, in words."""


def compare(tag: Tag, shown: str, before: Value, after: Value) -> Verdict:
    """Hold what is shown against what was read.

    Args:
        tag: for its kind, unit and scale.
        shown: as somebody typed it.
        before: what was read before that.
        after: what was read after it.

    Raises:
        NotShown: it is no value of the tag's kind.
    """
    if before is None or after is None:
        return Verdict(Result.UNREADABLE)
    if isinstance(before, str) or isinstance(after, str):
        word = " ".join(shown.split())
        return _alike({word}, {str(before).strip(), str(after).strip()})
    if isinstance(before, bool) or isinstance(after, bool):
        return _alike({_truth(shown)}, {bool(before), bool(after)})
    number, digit = read(shown, tag.unit)
    moved = abs(after - before)
    fixed = _coarser(tag, digit, before, after)
    difference = number - (before + after) / 2
    tolerance = moved / 2 + fixed
    if moved > max(2 * fixed, MOVING * max(abs(before), abs(after))):
        return Verdict(Result.MOVING, difference, tolerance)
    agrees = abs(difference) <= tolerance + ROUNDING * max(abs(before), abs(after))
    return Verdict(Result.OK if agrees else Result.DIFFERS, difference, tolerance)


def read(shown: str, unit: str | None) -> tuple[float, float]:
    """Read a number as a display shows it.

    Args:
        shown: e.g. `231.4`, `231,4`, `1,234.5`, `231.4 V`.
        unit: of the tag, which may stand behind it; any other is refused.

    Returns:
        The number, and what one of its last digit is worth.

    Raises:
        NotShown: it is none.
    """
    plain = unicodedata.normalize("NFKC", shown).strip()
    for ending in (unit, unicodedata.normalize("NFKC", unit)) if unit else ():
        plain = plain.removesuffix(ending).strip()
    plain = plain.replace("\u2212", "-")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    if re.fullmatch(r"[-+]?\d+,\d{3}", plain):
        text = _("{shown} can be read in two ways: write {a} or {b}")
        a, b = plain.replace(",", ""), plain.replace(",", ".")
        raise NotShown(text.format(shown=shown, a=a, b=b))
    match = _NUMBER.fullmatch(plain.replace(",", "."))
    if match is None:
        text = _("{shown} is no number in {unit}: write it with all digits that the display shows")
        raise NotShown(text.format(shown=shown, unit=unit or _("no unit")))
    digits = match[3] or ""
    return float(f"{match[1]}{match[2]}.{digits or 0}"), 10.0 ** -len(digits)


def _coarser(tag: Tag, digit: float, before: float, after: float) -> float:
    """What display and register together can't tell apart."""
    if tag.kind is Kind.F64:
        return digit
    if tag.kind is Kind.F32:
        return max(digit, FLOAT32 * max(abs(before), abs(after)))
    is_whole = digit == abs(tag.scale) == 1 and float(tag.offset).is_integer()
    return 0.0 if is_whole else max(digit, abs(tag.scale))


def _truth(shown: str) -> bool:
    word = unicodedata.normalize("NFKC", shown).strip().lower()
    if word not in TRUE | FALSE:
        raise NotShown(_("{shown} is neither on nor off: write 1 or 0").format(shown=shown))
    return word in TRUE


def _alike(shown: set[object], read_: set[object]) -> Verdict:
    """Compare what has no distance."""
    if len(read_) > 1:
        return Verdict(Result.MOVING)
    return Verdict(Result.OK if shown == read_ else Result.DIFFERS)
