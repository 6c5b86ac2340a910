"""The exceptions that a device answers with, in plain words.

Source: Modbus Application Protocol V1.1b3, 7.
"""

from __future__ import annotations

from gateway.words import _

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3


def exception(code: int) -> str:
    """A Modbus exception in plain words (Modbus Application Protocol V1.1b3, 7)."""
    known = {
        ILLEGAL_FUNCTION: _("illegal function"),
        ILLEGAL_ADDRESS: _("illegal data address"),
        ILLEGAL_VALUE: _("illegal data value"),
        4: _("device failure"),
        5: _("accepted, but it takes long"),
        6: _("device busy"),
        8: _("memory parity error"),
        0x0A: _("a Modbus gateway on the way has no path to this unit id"),
        0x0B: _("a Modbus gateway on the way got no answer from this unit id"),
    }
    return known.get(code) or _("exception {code}").format(code=code)
