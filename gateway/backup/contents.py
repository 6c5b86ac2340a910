"""What an archive holds: `manifest.json`, `site/…` and `store/…`.

Never in it: secrets (only the names of their files), keys, the epoch. A store without its epoch
starts above whatever the box that is gone has used since (`storage/epoch.py`), so no id is given
twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from gateway.errors import GatewayError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = 1
MANIFEST = "manifest.json"
SITE, STORE = "site", "store"
DATABASES = (".seg", ".db")
"""SQLite files, which are copied as they stand between two commits."""
LEFT = frozenset({"lock", "ballast", "epoch", "probe"})
"""Files of a store that only its own process needs, and the epoch."""
LEFT_SUFFIXES = (".sock", "-wal", "-shm", ".new", ".part", ".key", ".pem")
LEFT_FOLDERS = frozenset({"quarantine"})


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself.

    Attributes:
        gateway: whose store it is.
        made_ms: UTC ms.
        site: name of the site file in `site/`.
        secrets: files that the site file names, to be put in place by hand.
        sums: file → SHA-256 in hex.
    """

    gateway: str
    version: str
    made_ms: int
    site: str
    secrets: tuple[str, ...]
    sums: dict[str, str]

    def dump(self) -> bytes:
        """As it stands in the archive."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return orjson.dumps({"format": FORMAT, **fields}, option=orjson.OPT_INDENT_2)

    @classmethod
    def load(cls, data: bytes) -> Manifest:
        """Read one.

        Raises:
            GatewayError: it is none, or a newer version's.
        """
        try:
            found: dict[str, Any] = orjson.loads(data)
            form = int(found.pop("format"))
            made = cls(**{**found, "secrets": tuple(found["secrets"])})
        except (ValueError, TypeError, KeyError) as error:
            raise GatewayError(_("this is no backup of nxgate")) from error
        if form > FORMAT:
            text = _("this backup was made by a newer version of nxgate ({version})")
            raise GatewayError(text.format(version=made.version))
        return made


def of_store(folder: Path) -> Iterator[Path]:
    """Files of a store that belong into an archive: positions first, then records.

    Positions that are older than the records have something sent twice; the other way round it
    would never be sent.
    """
    found = [path for path in sorted(folder.rglob("*")) if _belongs(path, folder)]
    yield from sorted(found, key=lambda path: path.suffix == ".seg")


def _belongs(path: Path, folder: Path) -> bool:
    inner = path.relative_to(folder)
    return (
        path.is_file()
        and not path.is_symlink()
        and path.name not in LEFT
        and not path.name.endswith(LEFT_SUFFIXES)
        and not LEFT_FOLDERS.intersection(inner.parts)
    )
