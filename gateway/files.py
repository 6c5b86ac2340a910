"""Files that a site file names: paths from its own folder, and secrets kept out of it.

A secret never stands in the YAML, which is copied, mailed and put under version control. It has a
file of its own that nobody but the gateway's user can read, or is a systemd credential.
"""

import os
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
    if not isinstance(value, str) or not value or "\0" in value:
        raise Wrong(
            "wrong-type",
            _("must be the path of a file, not {value}").format(value=describe(value)),
            _("write a path, relative to this file's folder or from /"),
        )
    folder = (info.context or {}).get("folder", Path())
    return Path(folder) / value


FilePath = Annotated[
    Path, BeforeValidator(_in_folder), WithJsonSchema({"type": "string", "minLength": 1})
]


class SecretFile(BaseModel):
    """Where a secret is kept: `{file: /etc/nxgate/mqtt.password}`, mode 0600."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: FilePath = Field(examples=["/etc/nxgate/mqtt.password"])

    @model_validator(mode="before")
    @classmethod
    def _not_in_clear(cls, value: object) -> object:
        """Refuse a secret typed where its file belongs; never repeat it."""
        if isinstance(value, (str, int, float)):
            raise Wrong(
                "secret-in-clear",
                _("the secret itself stands in the file, where everyone who gets a copy reads it"),
                _("put it into a file of its own (chmod 600) and write {{file: path}}").format(),
            )
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
        Wrong: `no-such-file`, `unreadable-file`, `open-secret`, `empty-secret`.
    """
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(MAX_SECRET + 1)
    except FileNotFoundError as error:
        what = _("there is no file {path}").format(path=path)
        next_ = _("create it with the secret in it, then chmod 600")
        raise Wrong("no-such-file", what, next_) from error
    except OSError as error:
        what = _("{path} can't be read: {reason}").format(path=path, reason=error.strerror)
        next_ = _("make it a file that belongs to the gateway's user, e.g. chown nxgate")
        raise Wrong("unreadable-file", what, next_) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and not _guarded(path):
        what = _("other users can read {path} (mode {mode:03o})").format(
            path=path, mode=stat.S_IMODE(mode)
        )
        raise Wrong("open-secret", what, _("chmod 600 {path}").format(path=path))
    return _decoded(data, path)


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
