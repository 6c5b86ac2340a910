"""The questions at a terminal: each answer is judged at once, and kept for after a Ctrl-C."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import yaml

from gateway.durable import write_whole
from gateway.errors import GatewayError
from gateway.initial.answers import SITE_KEYS, read
from gateway.initial.draft import judge, lines
from gateway.initial.search import can_search, search
from gateway.resolution.library import PROFILES, TEMPLATES
from gateway.sitefile.yaml12 import parse
from gateway.words import _, chosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import Fault
    from gateway.initial.answers import Answers
    from gateway.initial.draft import KeyPath

SHARED = ("common", "machinery")
"""Profiles that only others are laid over."""
NO = "-"
"""What leaves a question out."""
PASSWORD = Path("secrets/mqtt.password")
SERIAL = (Path("/dev/serial/by-id"), Path("/dev/nxgate"))


class Interview:
    """Asks what is not answered yet.

    Args:
        target: the site file to be.
        kept: where answers are kept meanwhile.
    """

    def __init__(self, target: Path, kept: Path) -> None:
        self._target = target
        self._kept = kept
        self._data: dict[str, Any] = {"site": {}}

    def run(self) -> Answers:
        """Ask everything, and give all answers.

        Raises:
            ConfigError: what was kept can't be read any more, or can't be kept.
            click.Abort: Ctrl-C, or the input ended.
        """
        if self._kept.exists():
            read(self._kept)
            self._data = _data(self._kept.read_text("utf-8"))
            click.echo(_("Going on with the answers kept in {path}.").format(path=self._kept))
        click.echo(_("Enter takes what stands in brackets; Ctrl-C stops, and keeps the answers."))
        self._names()
        if "broker" not in self._data:
            self._devices()
            self._broker()
        self._store()
        return read(self._kept)[1]

    def _names(self) -> None:
        texts = {
            "cluster": (_("Cluster, the first level of every topic"), "my-cluster"),
            "enterprise": (_("Enterprise"), "my-enterprise"),
            "site": (_("Site"), "plant-1"),
            "gateway": (_("Name of this gateway, no other's"), _box()),
            "timezone": (_("Time zone of shifts and days"), _zone()),
        }
        for key in SITE_KEYS:
            if key in self._data["site"]:
                continue
            if key in texts:
                self._ask(("site", key), *texts[key])
                continue
            for name in _industries():
                click.echo(f"  {name}")
            text = _("Industry of the list, or {no} for none").format(no=NO)
            self._ask(("site", key), text, NO, lambda word: None if word == NO else word)

    def _devices(self) -> None:
        """One link after the other, searched or typed."""
        devices = self._data.setdefault("devices", {})
        for name, device in devices.items():
            click.echo(f"  {name}: {device.get('link')}")
        for port in _ports():
            click.echo(_("  a serial line: {link}").format(link=f"modbus+rtu://{port}?baud=9600"))
        click.echo(
            _("Links look like modbus+tcp://10.0.0.5 or modbus+rtu:///dev/ttyUSB0?baud=9600")
        )
        while True:
            text = _("Link of a device, or {no} when there are no more").format(no=NO)
            link = click.prompt(text, default=NO)
            if link == NO:
                self._keep()
                return
            try:
                searched = can_search(link) and click.confirm(_("Search it?"), default=True)
                if searched:
                    self._search(link)
                else:
                    self._type(link)
            except GatewayError as error:
                click.echo(str(error), err=True)

    def _search(self, link: str) -> None:
        units = None
        if not link.startswith("dlt645"):
            units = click.prompt(_("Units to ask, e.g. 1-20"), default="1-32")
        devices = self._data["devices"]
        found = search(link, units, devices)
        if not found:
            click.echo(_("nobody answers there"), err=True)
            return
        click.echo(found, nl=False)
        devices.update(_data(f"devices:\n{found}")["devices"])
        self._keep()

    def _type(self, link: str) -> None:
        devices = self._data["devices"]
        name = click.prompt(_("Name of the device"), default=f"device-{len(devices) + 1}")
        devices[name] = {"link": link}
        path = ("devices", name)
        self._keep()
        if self._complain(path):
            del devices[name]
            self._keep()
            return
        if link.startswith("modbus"):
            self._ask((*path, "unit"), _("Unit id"), "1", _number)
        for template in TEMPLATES.names():
            click.echo(f"  {template}")
        text = _("Template of the list, or {no} for none").format(no=NO)
        self._ask((*path, "template"), text, NO, lambda word: None if word == NO else word)

    def _broker(self) -> None:
        text = _("Broker to publish to, or {no} for none as yet").format(no=NO)
        self._ask(("broker",), text, "mqtt://127.0.0.1:1883", _broker)
        broker = self._data["broker"]
        if broker is None:
            return
        if broker["url"].startswith("mqtts"):
            text = _("File with the authority that signed its certificate, or {no}: the system's")
            ca = ("broker", "tls")
            self._ask(ca, text.format(no=NO), NO, lambda word: None if word == NO else {"ca": word})
        text = _("User name at the broker, or {no} for none").format(no=NO)
        self._ask(("broker", "username"), text, NO, lambda word: None if word == NO else word)
        if broker["username"] is not None:
            self._password()

    def _password(self) -> None:
        """Into a file of its own; it stands neither in the answers nor in the site file."""
        word = click.prompt(_("Password (it is not shown)"), hide_input=True, default="")
        if not word:
            return
        file = self._target.parent / PASSWORD
        try:
            file.parent.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                file.chmod(0o600)
                stream.write(word)
        except OSError as error:
            text = _("{path} can't be written: {reason}")
            raise GatewayError(text.format(path=file, reason=error.strerror or error)) from error
        self._data["broker"]["password"] = {"file": PASSWORD.as_posix()}
        self._keep()

    def _store(self) -> None:
        if "store" not in self._data:
            self._ask(("store",), _("Folder of the store"), _store(self._target))

    def _ask(
        self,
        path: KeyPath,
        text: str,
        default: str,
        meaning: Callable[[str], object] = lambda word: word,
    ) -> None:
        """Ask until the answer holds, and keep it."""
        holder = cast("dict[str | int, Any]", self._data)
        for key in path[:-1]:
            holder = holder[key]
        while True:
            holder[path[-1]] = meaning(click.prompt(text, default=default))
            self._keep()
            if not self._complain(path):
                return
            del holder[path[-1]]
            self._keep()

    def _complain(self, path: KeyPath) -> bool:
        """Say what `check` has against an answer; what isn't asked yet is no fault of it."""
        _document, answers = read(self._kept)
        defaults = {"cluster": "c", "enterprise": "e", "site": "s", "gateway": "g"}
        site = defaults | {"timezone": "Asia/Shanghai"} | answers.site
        whole = answers.model_copy(update={"site": site})
        _notices, faults = judge(lines(whole), self._target, lambda _path: ("", 0, 0))
        mine = [fault for at, fault in faults if at[: len(path)] == path]
        for fault in mine:
            click.echo(_told(fault), err=True)
        return bool(mine)

    def _keep(self) -> None:
        text = yaml.safe_dump(self._data, allow_unicode=True, sort_keys=False)
        try:
            write_whole(self._kept, text.encode())
        except OSError as error:
            text = _("{path} can't be written: {reason}")
            reason = error.strerror or error
            raise GatewayError(text.format(path=self._kept, reason=reason)) from error


def _data(text: str) -> dict[str, Any]:
    """What YAML says to a site file: an address of only digits is no octal number there."""
    tree, _faults = parse(text, "")
    return cast("dict[str, Any]", tree.data if tree is not None else {})


def _told(fault: Fault) -> str:
    return _("{what}: {next}").format(what=fault.what, next=fault.next)


def _number(word: str) -> object:
    return int(word) if re.fullmatch(r"\d+", word) else word


def _broker(word: str) -> object:
    return None if word == NO else {"url": word}


def _industries() -> list[str]:
    """Each with its name in the language of the user."""
    found = []
    for name in PROFILES.names():
        if name not in SHARED:
            document, _path, _faults = PROFILES.open(name, Path())
            texts = document.data.get("name") if document is not None else None
            text = texts.get(chosen(), "") if isinstance(texts, dict) else ""
            found.append(f"{name}: {text}")
    return found


def _ports() -> list[str]:
    """Serial adapters by the names that stay."""
    return [str(port) for folder in SERIAL if folder.is_dir() for port in sorted(folder.iterdir())]


def _box() -> str:
    """The machine's own name, as a topic takes it."""
    name = re.sub(r"[^a-z0-9]+", "-", socket.gethostname().lower()).strip("-")
    return name or "gw-01"


def _zone() -> str:
    """The system's time zone, where it is known by name."""
    target = os.path.realpath("/etc/localtime")
    _before, found, name = target.partition("zoneinfo/")
    return name if found and "/" in name else "Asia/Shanghai"


def _store(target: Path) -> str:
    """Beside the site file; that of a service where services have theirs."""
    folder = target.absolute().parent
    if folder == Path("/etc/nxgate"):
        return "/var/lib/nxgate"
    if folder.parent == Path("/etc/nxgate"):
        return f"/var/lib/nxgate/{folder.name}"
    return "store"
