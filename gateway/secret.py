"""Secrets: files that only the gateway's user can read, read when they are needed."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigError, Fault
from gateway.words import _

MAX_SECRET = 64 << 10
"""Bytes; the longest secret is a token or a key file."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept: never the secret itself."""

    file: Path

    def read(self) -> str:
        """Return the secret, without the line end that editors add.

        Raises:
            ConfigError: missing, unreadable, empty, or open to other users.
        """
        return read_secret(self.file)


def read_secret(path: Path) -> str:
    """Read a file that only its owner may read.

    Raises:
        ConfigError: `no-such-file`, `unreadable-file`, `open-secret`, `empty-secret`,
            `bad-secret`.
    """
    mode, data = read_file(path)
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and not _guarded(path):
        what = _("other users can read {path} (mode {mode:03o})").format(
            path=path, mode=stat.S_IMODE(mode)
        )
        raise _fault(path, "open-secret", what, _("chmod 600 {path}").format(path=path))
    return _decoded(data, path)


MOST_KEYS = 4
LEAST_KEY = 32
"""Characters: 128 bits as hexadecimal digits, which `openssl rand -hex 16` gives."""


def read_keys(path: Path) -> tuple[bytes, ...]:
    """Read a file of keys, one a line, the one in use first and then older ones.

    A key is the text of its line, as bytes. Two stand in the file while a platform changes over.

    Raises:
        ConfigError: as `read_secret`, and `weak-key`.
    """
    lines = read_secret(path).splitlines()
    keys = [line.strip() for line in lines if line.strip()]
    if not keys or len(keys) > MOST_KEYS or any(len(key) < LEAST_KEY for key in keys):
        what = _("{path} holds no key of {least} characters or more a line").format(
            path=path, least=LEAST_KEY
        )
        next_ = _("make one: openssl rand -hex 32; at most {most} lines, the newest first")
        raise _fault(path, "weak-key", what, next_.format(most=MOST_KEYS))
    return tuple(key.encode() for key in keys)


def read_file(path: Path) -> tuple[int, bytes]:
    """Return mode and content; a pipe, which could block for ever, is not opened to wait.

    Raises:
        ConfigError: `no-such-file`, `unreadable-file`.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            mode = os.fstat(handle).st_mode
            data = os.read(handle, MAX_SECRET + 1) if stat.S_ISREG(mode) else b""
        finally:
            os.close(handle)
    except FileNotFoundError as error:
        what = _("there is no file {path}").format(path=path)
        next_ = _("create it, or correct the path")
        raise _fault(path, "no-such-file", what, next_) from error
    except OSError as error:
        what = _("{path} can't be read: {reason}").format(path=path, reason=error.strerror)
        next_ = _("make it a file that belongs to the gateway's user, e.g. chown nxgate")
        raise _fault(path, "unreadable-file", what, next_) from error
    if not stat.S_ISREG(mode):
        what = _("{path} is not a file").format(path=path)
        raise _fault(path, "unreadable-file", what, _("create it, or correct the path"))
    return mode, data


def _decoded(data: bytes, path: Path) -> str:
    next_ = _("keep the secret alone in it, as UTF-8 text")
    try:
        secret = data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _fault(
            path, "bad-secret", _("{path} is not text").format(path=path), next_
        ) from error
    if not secret:
        what = _("{path} is empty").format(path=path)
        next_ = _("write the secret into it, alone on its first line")
        raise _fault(path, "empty-secret", what, next_)
    if len(data) > MAX_SECRET:
        what = _("{path} is larger than {n} KiB").format(path=path, n=MAX_SECRET >> 10)
        raise _fault(path, "bad-secret", what, next_)
    return secret


def _guarded(path: Path) -> bool:
    """Say whether modes don't tell who may read: Windows, and systemd's credentials.

    systemd lends a credential to the service's user by an access list, which shows as a group's
    mode bits; the folder itself is closed to everyone else.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return os.name != "posix" or (folder is not None and path.parent == Path(folder))


def _fault(path: Path, code: str, what: str, next_: str) -> ConfigError:
    return ConfigError([Fault(str(path), 0, 0, code, what, next_)])
