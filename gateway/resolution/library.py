"""Where shipped templates and profiles are found, and a site's own beside its site file.

`inovance/h5u` and `shoes` name files of the package; `./press.yaml` a file next to the site file.
What stands in either is named in both languages.
"""

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from gateway.errors import Fault
from gateway.sitefile.document import Document, Wrong, examine, instead
from gateway.sitefile.units import Text
from gateway.words import _


@dataclass(frozen=True, slots=True)
class Library:
    """One kind of file that ships with the gateway.

    Attributes:
        folder: below the package `profiles`.
        depth: parts of a name, e.g. 2 for `vendor/model`.
    """

    folder: str
    depth: int

    def names(self) -> list[str]:
        """All names in this library, sorted."""
        root = self.root()
        files = root.glob("/".join(["*"] * self.depth) + ".yaml")
        return sorted(file.relative_to(root).with_suffix("").as_posix() for file in files)

    def open(self, name: str, folder: Path) -> tuple[Document | None, Path, list[Fault]]:
        """Read a file by its name.

        Args:
            name: `vendor/model`, or a path that begins with `./`.
            folder: of the file that names it.

        Returns:
            The document, where it lies on disk, and what is wrong with the file as such. No
            document and no fault: there is nothing of that name.
        """
        if name.startswith("./"):
            path = folder / name
            if not path.exists():
                return None, path, []
            document, faults = examine(path)
            return document, path, faults
        path = self.root() / f"{name}.yaml"
        if name not in self.names():
            return None, path, []
        # People know the file by its place in the package, not by where that is installed.
        shipped, wrong = _shipped(path, f"profiles/{self.folder}/{name}.yaml")
        return shipped, path, list(wrong)

    def suggest(self, name: str) -> str:
        """What to do about a name that isn't in this library."""
        if name.startswith("./"):
            return _("check the path; it is read from the folder of the file that names it")
        known = self.names()
        text = _("there are: {known}; or write a path that begins with ./")
        return instead(name, known, text.format(known=", ".join(known)))

    def root(self) -> Path:
        """The folder that the files lie in."""
        return Path(str(resources.files("profiles"))) / self.folder


@cache
def _shipped(path: Path, file: str) -> tuple[Document | None, tuple[Fault, ...]]:
    """Read a file that ships with the gateway; it is read once, and known as `file`."""
    document, faults = examine(path)
    return (None if document is None else replace(document, file=file)), tuple(faults)


TEMPLATES = Library("devices", 2)
PROFILES = Library("industries", 1)


def both(value: dict[str, str]) -> dict[str, str]:
    """Check that what ships with the gateway is named in both languages.

    Raises:
        Wrong: `bad-text`.
    """
    if set(value) != {"zh", "en"}:
        what = _("must be given in Chinese and in English")
        raise Wrong("bad-text", what, _("write {{zh: …, en: …}}").format())
    return value


Names = Annotated[Text, AfterValidator(both)]
