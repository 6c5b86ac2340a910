"""Files that a site file names: paths from its own folder, and secrets kept out of it.

A secret never stands in the YAML, which is copied, mailed and put under version control. It has a
file of its own that nobody but the gateway's user can read, or is a systemd credential.
"""

import os
import ssl
import stat
from pathlib import Path
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from gateway.errors import ConfigError, Fault
from gateway.explain import Wrong, describe
from gateway.words import _

MAX_SECRET = 64 << 10
"""Bytes; the longest secret is a token or a key file."""


def _in_folder(value: object, info: ValidationInfo) -> Path:
    """Read a path, relative ones from the folder of the file that names it."""
    if isinstance(value, Path):
        return value
    if isinstance(value, str) and "-----BEGIN" in value:
        raise in_clear()
    if not isinstance(value, str) or not value or "\0" in value:
        raise Wrong(
            "wrong-type",
            _("must be the path of a file, not {value}").format(value=describe(value)),
            _("write a path, relative to this file's folder or from /"),
        )
    folder: Path = info.context["document"].folder if info.context else Path()
    return folder / value


def in_clear() -> Wrong:
    """Refuse a secret typed where its file belongs; it is never repeated."""
    return Wrong(
        "secret-in-clear",
        _("the secret itself stands in the file, where everyone who gets a copy reads it"),
        _("put it into a file of its own (chmod 600) and write {{file: path}}").format(),
    )


def in_url() -> Wrong:
    """Refuse a URL with a password in it; it is never repeated."""
    return Wrong(
        "secret-in-clear",
        _("the URL holds a password, where everyone who gets a copy of the file reads it"),
        _("take it out of the URL and put it into a file of its own (chmod 600)"),
    )


FilePath = Annotated[
    Path, BeforeValidator(_in_folder), WithJsonSchema({"type": "string", "minLength": 1})
]


class SecretFile(BaseModel):
    """Where a secret is kept: `{file: /etc/nxgate/mqtt.password}`, mode 0600."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: FilePath = Field(
        description="A file that only the gateway's user can read.",
        examples=["/etc/nxgate/mqtt.password"],
    )

    @model_validator(mode="before")
    @classmethod
    def _not_in_clear(cls, value: object) -> object:
        if isinstance(value, (str, int, float)):
            raise in_clear()
        return value

    def read(self) -> str:
        """Return the secret, without the line end that editors add.

        Raises:
            ConfigError: missing, unreadable, empty, or open to other users.
        """
        try:
            return read_secret(self.file)
        except Wrong as error:
            fault = Fault(str(self.file), 0, 0, error.code, error.what, error.next)
            raise ConfigError([fault]) from error


def read_secret(path: Path) -> str:
    """Read a file that only its owner may read.

    Raises:
        Wrong: `no-such-file`, `unreadable-file`, `open-secret`, `empty-secret`, `bad-secret`.
    """
    mode, data = _read(path)
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and not _guarded(path):
        what = _("other users can read {path} (mode {mode:03o})").format(
            path=path, mode=stat.S_IMODE(mode)
        )
        raise Wrong("open-secret", what, _("chmod 600 {path}").format(path=path))
    return _decoded(data, path)


def check_authority(path: Path) -> None:
    """Check that a file holds certificates to trust.

    Raises:
        Wrong: `no-such-file`, `unreadable-file`, `bad-certificate`.
    """
    _read(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, ValueError) as error:
        what = _("{path} holds no certificate").format(path=path)
        next_ = _("it must be PEM text that begins with -----BEGIN CERTIFICATE-----")
        raise Wrong("bad-certificate", what, next_) from error


def check_pair(cert: Path, key: Path) -> None:
    """Check that a certificate and a key belong together; the key's own state is not judged.

    Raises:
        Wrong: `no-such-file`, `unreadable-file`, `bad-certificate`.
    """
    _read(cert)
    if not os.access(key, os.R_OK):
        return
    try:
        # An encrypted key asks at the terminal unless something answers.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password="")
    except (ssl.SSLError, ValueError) as error:
        what = _("{cert} and {key} don't make a pair").format(cert=cert, key=key)
        next_ = _("both must be PEM, the key without a pass phrase and the one of the certificate")
        raise Wrong("bad-certificate", what, next_) from error


def _read(path: Path) -> tuple[int, bytes]:
    """Return mode and content; a pipe, which could block for ever, is not opened to wait."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            mode = os.fstat(handle).st_mode
            data = os.read(handle, MAX_SECRET + 1) if stat.S_ISREG(mode) else b""
        finally:
            os.close(handle)
    except FileNotFoundError as error:
        what = _("there is no file {path}").format(path=path)
        raise Wrong("no-such-file", what, _("create it, or correct the path")) from error
    except OSError as error:
        what = _("{path} can't be read: {reason}").format(path=path, reason=error.strerror)
        next_ = _("make it a file that belongs to the gateway's user, e.g. chown nxgate")
        raise Wrong("unreadable-file", what, next_) from error
    if not stat.S_ISREG(mode):
        what = _("{path} is not a file").format(path=path)
        raise Wrong("unreadable-file", what, _("create it, or correct the path"))
    return mode, data


def _decoded(data: bytes, path: Path) -> str:
    try:
        secret = data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        what = _("{path} is not text").format(path=path)
        raise Wrong("bad-secret", what, _("keep the secret alone in it, as UTF-8 text")) from error
    if not secret:
        what = _("{path} is empty").format(path=path)
        raise Wrong("empty-secret", what, _("write the secret into it, alone on its first line"))
    if len(data) > MAX_SECRET:
        what = _("{path} is larger than {n} KiB").format(path=path, n=MAX_SECRET >> 10)
        raise Wrong("bad-secret", what, _("keep the secret alone in it, as UTF-8 text"))
    return secret


def _guarded(path: Path) -> bool:
    """Say whether modes don't tell who may read: Windows, and systemd's credentials.

    systemd lends a credential to the service's user by an access list, which shows as a group's
    mode bits; the folder itself is closed to everyone else.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return os.name != "posix" or (folder is not None and path.parent == Path(folder))
