"""Files that a site file names: paths from its own folder, and secrets kept out of it.

A secret never stands in the YAML, which is copied, mailed and put under version control. It has a
file of its own that nobody but the gateway's user can read, or is a systemd credential.
"""

import os
from collections.abc import Callable
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

from gateway.credentials import lent
from gateway.errors import ConfigError
from gateway.secret import read_file, read_keys, read_secret
from gateway.sitefile.explain import Wrong, describe
from gateway.words import _


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
    return lent(folder / value)


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

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

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


def check_secret(path: Path) -> None:
    """Check that a file is a secret that its owner alone can read.

    Raises:
        Wrong: `no-such-file`, `unreadable-file`, `open-secret`, `empty-secret`, `bad-secret`.
    """
    _judged(read_secret, path)


def check_keys(path: Path) -> None:
    """Check that a file holds keys that its owner alone can read.

    Raises:
        Wrong: as `check_secret`, and `weak-key`.
    """
    _judged(read_keys, path)


def check_authority(path: Path) -> None:
    """Check that a file holds certificates to trust.

    Raises:
        Wrong: `no-such-file`, `unreadable-file`, `bad-certificate`.
    """
    import ssl  # noqa: PLC0415 - 3 MB that a start can spare

    _judged(read_file, path)
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
    import ssl  # noqa: PLC0415

    _judged(read_file, cert)
    if not os.access(key, os.R_OK):
        return
    try:
        # An encrypted key asks at the terminal unless something answers.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password="")
    except (ssl.SSLError, ValueError) as error:
        what = _("{cert} and {key} don't make a pair").format(cert=cert, key=key)
        next_ = _("both must be PEM, the key without a pass phrase and the one of the certificate")
        raise Wrong("bad-certificate", what, next_) from error


def _judged(read: Callable[[Path], object], path: Path) -> None:
    """Read a file and put what is wrong with it into words for its place in the site file."""
    try:
        read(path)
    except ConfigError as error:
        fault = error.faults[0]
        raise Wrong(fault.code, fault.what, fault.next) from error
