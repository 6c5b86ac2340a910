"""Through a device's tree, level by level, with a bound: a server of 100,000 nodes stays usable.

A node that several lead to is looked at once, where it was met first. What is found does not
depend on how fast the server is, only on its tree and on the bounds.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.tree import Branch, Browser, Detail

AT_ONCE = 200
"""Nodes whose children or values are asked for before there is a pause."""
VARIABLE = "variable"


@dataclass(slots=True, eq=False)
class Grown:
    """A node with what is below it.

    Attributes:
        detail: what a variable holds, once it was asked for.
        is_wanted: whether it is part of what was looked for, and not only on the way there.
    """

    branch: Branch
    parent: Grown | None = None
    below: list[Grown] = field(default_factory=list)
    detail: Detail | None = None
    is_wanted: bool = True

    def all(self) -> Iterator[Grown]:
        """This one and all below it, as a tree is printed."""
        yield self
        for one in self.below:
            yield from one.all()

    def find(self, *names: str) -> Grown | None:
        """What a way of names leads to."""
        here = self
        for name in names:
            fitting = [one for one in here.below if one.branch.name == name]
            if not fitting:
                return None
            here = fitting[0]
        return here

    def way(self) -> list[str]:
        """Names from the top to here, the top left out."""
        names: list[str] = []
        here = self
        while here.parent is not None:
            names.append(here.branch.name)
            here = here.parent
        return names[::-1]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far to go.

    Attributes:
        depth: levels below the first node; None: all.
        most: nodes at most.
        pause_s: between two requests for many nodes.
    """

    depth: int | None
    most: int
    pause_s: float


@dataclass(slots=True)
class Walked:
    """What was found.

    Attributes:
        top: the first node.
        count: nodes that were looked at.
        is_whole: nothing was left out because of a bound on how many.
    """

    top: Grown
    count: int
    is_whole: bool


async def walk(browser: Browser, path: str, bounds: Bounds, told: Callable[[int], None]) -> Walked:
    """Go through the tree below a path.

    Args:
        browser: looks.
        path: where to begin; "" is the root.
        bounds: how far.
        told: hears how many nodes are known by now.

    Raises:
        GatewayError: there is no such path, or the device did not answer.
    """
    top = Grown(await browser.begin(path))
    seen = {top.branch.at}
    level, depth = [top], 0
    is_whole = True
    while level and (bounds.depth is None or depth < bounds.depth):
        deeper: list[Grown] = []
        for start in range(0, len(level), AT_ONCE):
            if len(seen) >= bounds.most:
                is_whole = False
                break
            some = level[start : start + AT_ONCE]
            found = await browser.children([one.branch for one in some])
            for above, below in zip(some, found, strict=True):
                for branch in below:
                    if branch.at in seen:
                        continue
                    if len(seen) >= bounds.most:
                        is_whole = False
                        break
                    seen.add(branch.at)
                    above.below.append(Grown(branch, above))
                deeper += above.below
            told(len(seen))
            await asyncio.sleep(bounds.pause_s)
        level, depth = deeper, depth + 1
    return Walked(top, len(seen), is_whole)


def prune(top: Grown, wanted: str) -> int:
    """Leave what a text or a pattern finds, with the way there and all below; how many it finds."""
    pattern = wanted.casefold()
    if not any(sign in pattern for sign in "*?["):
        pattern = f"*{pattern}*"
    return _prune(top, pattern)


def _prune(here: Grown, pattern: str) -> int:
    names = (here.branch.name, here.branch.title)
    if here.parent is not None and any(fnmatchcase(one.casefold(), pattern) for one in names):
        return 1
    counts = [_prune(one, pattern) for one in here.below]
    here.below = [one for one, count in zip(here.below, counts, strict=True) if count]
    here.is_wanted = False
    return sum(counts)


async def look(browser: Browser, top: Grown, pause_s: float) -> None:
    """Ask for what each variable holds.

    Raises:
        GatewayError: the device did not answer.
    """
    variables = [one for one in top.all() if one.branch.sort == VARIABLE]
    for start in range(0, len(variables), AT_ONCE):
        some = variables[start : start + AT_ONCE]
        held = await browser.details([one.branch for one in some])
        for one, detail in zip(some, held, strict=True):
            one.detail = detail
        await asyncio.sleep(pause_s)
