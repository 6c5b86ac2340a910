"""Status codes: what they make of a value's quality, and what they are called.

Source: OPC 10000-4, 7.39 (severity in the two highest bits); OPC 10000-6, A.2 (names).
"""

from __future__ import annotations

from gateway.model import Quality

BAD = 0x80000000
"""The bit that all bad ones have."""
BAD_NO_MATCH = 0x806F0000
BAD_WAITING_FOR_INITIAL_DATA = 0x80320000
GONE = {0x80330000, 0x80340000, 0x80350000}
"""BadNodeIdInvalid, BadNodeIdUnknown, BadAttributeIdInvalid: the same question gets them again."""
TOO_MANY = {0x80100000, 0x80B90000, 0x80B80000, 0x80080000}
"""BadTooManyOperations, BadResponseTooLarge, BadRequestTooLarge, BadEncodingLimitsExceeded."""
OF_A_NODE = {*GONE, 0x80010000, 0x80020000, 0x80060000, 0x80070000}
"""Refusals of a whole request that may be about one node of it: those above, BadUnexpectedError,
BadInternalError, BadEncodingError, BadDecodingError."""

_SEVERITIES = (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)


def quality(code: int) -> Quality:
    """How far a value with this status can be trusted."""
    return _SEVERITIES[code >> 30 & 3]


def name(code: int) -> str:
    """What the standard calls it: `BadNodeIdUnknown (0x80340000)`."""
    from drivers.opcua.client import status_name  # noqa: PLC0415 - only where a text is wanted

    return f"{status_name(code)} (0x{code:08X})"
