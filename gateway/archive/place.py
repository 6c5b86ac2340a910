"""Which folder a store is in, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import StoreError
from gateway.storage.epoch import owner_of, read_epoch
from gateway.storage.facts import parse_name
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.plant import Plant
    from gateway.settings import Identity


@dataclass(frozen=True, slots=True)
class Place:
    """A store's folder.

    Attributes:
        gateway: whose store it is; "?" where the file that says so is missing or damaged.
        epoch: the last one used; 0 where that isn't known.
        identity: topic levels, where a site file tells them.
        zone: the site's time zone, where a site file tells it, else "".
        size_bytes: the bound, where a site file tells it, else 0.
    """

    folder: Path
    gateway: str
    epoch: int
    identity: Identity | None
    zone: str
    size_bytes: int


def find(where: Path) -> Place:
    """Find the store of a site file, or take a folder for one.

    Raises:
        StoreError: there is no store, or it is a newer version's.
        ConfigError: the site file is wrong.
    """
    plant = None if where.is_dir() else _load(where)
    folder = where if plant is None else plant.store.path
    if not folder.is_dir():
        raise StoreError(
            _("{path}: there is no store yet: the gateway makes it when it runs first").format(
                path=folder
            )
        )
    owner = owner_of(folder)
    if not owner and not any(parse_name(path.name) for path in folder.iterdir()):
        raise StoreError(
            _("{path} is no store: give the site file, or the folder that store.path names").format(
                path=folder
            )
        )
    return Place(
        folder=folder,
        gateway=owner or "?",
        epoch=read_epoch(folder, owner) if owner else 0,
        identity=plant.identity if plant is not None else None,
        zone=plant.timezone if plant is not None else "",
        size_bytes=plant.store.size if plant is not None else 0,
    )


def _load(site: Path) -> Plant:
    from gateway.templates import load  # noqa: PLC0415 - a folder needs no parser

    return load(site)
