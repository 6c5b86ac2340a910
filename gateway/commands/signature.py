r"""Who sent a command: a key that only the platform and this gateway have.

The signature is over the topic, a line feed, and the bytes of the body as they were before the
signature was put in, and it is put in as the last member:

    text     {"v":"1.0","cid":…,"args":…}                  any JSON object, spelled anyhow
    sig      lower-case hex of HMAC-SHA256(key, topic + "\n" + text)
    payload  {"v":"1.0","cid":…,"args":…,"sig":"<sig>"}    text but for its last brace, and this

So both sides sign bytes that they have at hand, and nobody has to spell JSON canonically: whether
1.0 is 1, how keys are sorted and signs escaped can't come between a platform and its gateway. A
canonical form (RFC 8785) was rejected for that; so was a signature in an MQTT property, which
version 3.1.1 lacks and bridges drop. The topic is signed too: a command for one machine is none for
another.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import ConfigError
from gateway.secret import read_keys
from gateway.words import _

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.secret import Secret

log = logging.getLogger("nxgate.commands")

_SIGNED = re.compile(rb',"sig":"([0-9a-f]{64})"\}\Z')
_TAIL = len(b',"sig":""}') + 64
LOOK_NS = 1_000_000_000
"""How often the key file is looked at, so that a new key needs no restart."""


class Cut(NamedTuple):
    """A payload taken apart: what was signed, and the signature; None where there is none."""

    text: bytes
    sig: bytes | None


def cut(payload: bytes) -> Cut:
    """Take the signature off a payload."""
    found = _SIGNED.search(payload, max(0, len(payload) - _TAIL))
    return Cut(payload, None) if found is None else Cut(payload[: found.start()] + b"}", found[1])


def sign(key: bytes, topic: str, text: bytes) -> bytes:
    """The signature of a body for a topic, as lower-case hex."""
    return hmac.new(key, topic.encode() + b"\n" + text, hashlib.sha256).hexdigest().encode()


class Keys:
    """The keys of one destination, as their file has them now.

    Args:
        secret: the file; None: there is no key, and no signature is right.
        where: what names it, for messages.
        clock: for how often to look.
    """

    def __init__(self, secret: Secret | None, where: str, clock: Clock) -> None:
        self._secret = secret
        self._where = where
        self._clock = clock
        self._keys: tuple[bytes, ...] = ()
        self._stamp: tuple[int, ...] | None = None
        self._due_ns = 0
        self._error = ""

    def match(self, topic: str, body: Cut) -> bool:
        """Whether one of the keys made the signature; takes as long whichever did."""
        right = False
        for key in self._current():
            right |= hmac.compare_digest(sign(key, topic, body.text), body.sig or b"")
        return right

    def _current(self) -> tuple[bytes, ...]:
        """The keys; none while their file can't be read or may be read by others."""
        now_ns = self._clock.mono_ns()
        if self._secret is None or now_ns < self._due_ns:
            return self._keys
        self._due_ns = now_ns + LOOK_NS
        stamp = _stamp(self._secret)
        if stamp == self._stamp:
            return self._keys
        try:
            self._keys, error = read_keys(self._secret.file), ""
        except ConfigError as problem:
            self._keys, error = (), str(problem)
        self._stamp = stamp
        if error and error != self._error:
            text = _("no command is taken until its key can be read. Set in {where}. {error}")
            log.warning(text.format(where=self._where, error=error))
        self._error = error
        return self._keys


def _stamp(secret: Secret) -> tuple[int, ...]:
    """What changes when a file is written, replaced or opened to others."""
    try:
        state = secret.file.stat()
    except OSError as error:
        return (error.errno or 0,)
    return (state.st_mtime_ns, state.st_ctime_ns, state.st_ino, state.st_size, state.st_mode)
