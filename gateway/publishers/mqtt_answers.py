"""What the reason codes of PUBACK mean for a record (MQTT 5, 3.4.2.1)."""

from __future__ import annotations

from gateway.publishers.refusals import Verdict

VERDICTS = {
    0x00: (Verdict.DELIVERED, ""),
    0x10: (Verdict.UNHEARD, "No matching subscribers"),
    0x80: (Verdict.HOLD_TOPIC, "Unspecified error"),
    0x83: (Verdict.HOLD_TOPIC, "Implementation specific error"),
    0x87: (Verdict.HOLD_TOPIC, "Not authorized"),
    0x90: (Verdict.SET_ASIDE, "Topic name invalid"),
    0x91: (Verdict.LATER, "Packet identifier in use"),
    0x95: (Verdict.TOO_LARGE, "Packet too large"),
    0x97: (Verdict.LATER, "Quota exceeded"),
    0x99: (Verdict.SET_ASIDE, "Payload format invalid"),
}
"""With the standard's own names; 0x95 isn't in its table, mosquitto sends it all the same."""


def verdict(code: int) -> tuple[Verdict, str]:
    """Tell what a code means, and spell it for people."""
    found, name = VERDICTS.get(code, (Verdict.HOLD_TOPIC, ""))
    return found, f"{name} (0x{code:02X})"
