"""An industry as one site knows it: the profile, its extensions, and the version of both."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Fault
from gateway.resolution.extension import lay
from gateway.resolution.inheritance import ancestry, inherit, over
from gateway.resolution.layers import Layered, layered
from gateway.resolution.profile import Profile
from gateway.resolution.profile_check import check, check_added
from gateway.sitefile.document import Document, examine, validate

HASH_DIGITS = 4
COMMON, UNTYPED = "common", "machine"
"""What all industries share, and its type for a machine of which nothing more is known."""


@dataclass(frozen=True, slots=True)
class Industry:
    """A profile with what the site lays over it.

    Attributes:
        profile: N and X, merged.
        version: as figures name it, `shoes@1.0.0+9f3c`; the last part is a hash of the content,
            so that a figure tells whether an extension took part in it.
        document: for the places of its values.
        files: what was read.
    """

    profile: Profile
    version: str
    document: Document
    files: tuple[Path, ...]


def load_profile(
    name: str, folder: Path, extensions: Sequence[Path] = ()
) -> tuple[Industry | None, list[Fault]]:
    """Read a profile and lay extensions over it.

    Args:
        name: of a shipped profile, or a path that begins with `./`.
        folder: of the site file.
        extensions: the site's own files, in their order; missing ones are faults.

    Returns:
        The industry and no faults, or None and what is wrong; None and nothing where there is no
        profile of that name.
    """
    line, faults = ancestry(name, folder)
    if not line or faults:
        return None, faults
    profile, base, faults = _build([document for document, _path in line])
    if profile is None:
        return None, faults
    laid: list[Document] = []
    for extension in extensions:
        found, more = examine(extension)
        faults += more
        if found is not None:
            laid.append(found)
    whole, more = lay(base, laid, profile.profile)
    faults += more
    merged, more = _read(whole) if laid else (profile, [])
    faults += more
    if merged is not None:
        faults += check_added(merged, profile, whole)
    if merged is None or faults:
        return None, faults
    content = json.dumps(whole.data, sort_keys=True, ensure_ascii=False).encode()
    digest = hashlib.sha256(content).hexdigest()[:HASH_DIGITS]
    version = f"{merged.profile}@{merged.version}+{digest}"
    files = (*(path for _document, path in line), *extensions)
    return Industry(_told(merged), version, whole, files), []


def _told(profile: Profile) -> Profile:
    """Add to each type's figures those that say themselves that it tells them."""
    types = {}
    for name, machine in profile.types.items():
        told = [kpi for kpi, spec in profile.kpis.items() if name in spec.types]
        kpis = tuple(dict.fromkeys((*machine.kpis, *told)))
        types[name] = machine.model_copy(update={"kpis": kpis})
    return profile.model_copy(update={"types": types})


def _build(line: Sequence[Document]) -> tuple[Profile | None, Layered, list[Fault]]:
    """Lay a profile over those that it extends; each must be sound before the next.

    Args:
        line: the profile, the one that it extends, and so on.
    """
    profile: Profile | None = None
    faults: list[Fault] = []
    own = whole = layered({}, line[0].file)
    for document in reversed(line):
        own = over(own.data, document)
        whole, faults = inherit(own)
        profile, faults = (None, faults) if faults else _read(whole)
        if profile is None:
            break
    return profile, whole, faults


def _read(document: Layered) -> tuple[Profile | None, list[Fault]]:
    """Hold what files say together against the language."""
    profile, faults = validate(document, (), Profile)
    if profile is not None:
        faults = list(check(profile, document))
    return (None if faults else profile), sorted(set(faults))
