"""Every code of a fault: what it means, and what to do. docs/faults.md shows all of them.

A code is never given another meaning. What a driver raises carries its own (`DriverError.fault`),
a publisher's is `broker-` and its cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping


class Entry(NamedTuple):
    """What a code means and what to do, in the language of the messages."""

    means: str
    remedy: str


def catalogue() -> Mapping[str, Entry]:
    """All codes, in the order in which docs/faults.md has them."""
    return {
        name: Entry(*texts)
        for part in (_of_links(), _of_devices(), _of_brokers(), _of_the_box())
        for name, texts in part.items()
    }


def remedy(code: str) -> str:
    """What to do about a fault; in general terms where another package brought its code."""
    entry = catalogue().get(code)
    return _("read the message, and the gateway's log") if entry is None else entry.remedy


def _of_links() -> dict[str, tuple[str, str]]:
    return {
        "link-refused": (
            _("nothing listens at the device's address and port"),
            _("check the port in link, and that the device's Modbus or OPC UA server is on"),
        ),
        "link-unreachable": (
            _("no way to the device's address, or no answer from it"),
            _("check power, cable, address and netmask; ping it from this machine"),
        ),
        "link-name": (
            _("the name in the link is not known"),
            _("write the address instead, or check this machine's name server"),
        ),
        "link-tls": (
            _("the certificates of a connection don't do"),
            _("check tls.ca, tls.cert and tls.key, the name in the link, and the dates"),
        ),
        "link-lost": (
            _("the connection broke"),
            _("it is opened again by itself; where it recurs check cable, switch and the device"),
        ),
        "port-missing": (
            _("there is no such serial port"),
            _("check the adapter's plug; write its name under /dev/serial/by-id, which stays"),
        ),
        "port-busy": (
            _("another program holds the serial port"),
            _("stop it: a line has one master; fuser names it"),
        ),
        "port-fails": (
            _("the serial port can't be opened"),
            _("put the gateway's user into the group dialout; check the port's settings"),
        ),
        "second-master": (
            _("another master asks on the line, and nothing is written meanwhile"),
            _("find the panel or program that polls the same line, and stop one of the two"),
        ),
        "answers-late": (
            _("answers come after their time-out; they are never anybody's value"),
            _("raise timeout above what the device takes, or poll it more slowly"),
        ),
        "answers-rejected": (
            _("answers fit no question: noise, two devices of one address, another master"),
            _("check the unit ids, the line's termination and shield, and its speed"),
        ),
    }


def _of_devices() -> dict[str, tuple[str, str]]:
    return {
        "no-answer": (
            _("the device doesn't answer in time"),
            _("check its power, unit id, speed and parity; nxgate scan finds who answers"),
        ),
        "device-refuses": (
            _("the device answers with an exception"),
            _("it is busy, or its gateway finds nobody; what it says stands in the message"),
        ),
        "device-nonsense": (
            _("the device's answer makes no sense"),
            _("check its protocol and speed; nxgate read shows what it sends"),
        ),
        "device-stranger": (
            _("another device answers than the one that is meant, or its registers moved"),
            _("compare nameplate and template, then correct link, unit, template or expect"),
        ),
        "device-fails": (
            _("a driver stumbled over this device; the others go on"),
            _("send the output of nxgate diag with your report"),
        ),
        "tags-refused": (
            _("the device refuses some tags; they are bad, the others are read"),
            _("check address and template of the tags named; they are tried again each minute"),
        ),
        "polls-missed": (
            _("polls fell due while the one before was under way"),
            _("nxgate plan says what the link can carry; poll more slowly or fewer tags"),
        ),
    }


def _of_brokers() -> dict[str, tuple[str, str]]:
    reach = _("check that the broker runs and can be reached from here; nothing is lost meanwhile")
    return {
        "broker-network": (_("no way to the broker"), reach),
        "broker-name": (
            _("the broker's name is not known"),
            _("check the name in the url and this machine's name server"),
        ),
        "broker-tls": (
            _("the certificates of the connection to the broker don't do"),
            _("check the host name in the url, tls.ca, tls.cert, tls.key and their dates"),
        ),
        "broker-credentials": (
            _("the broker doesn't let the gateway in"),
            _("check username, password and client_id, and what the broker allows them"),
        ),
        "broker-version": (
            _("the broker doesn't speak this version of MQTT"),
            _("write version: 3.1.1 or version: auto"),
        ),
        "broker-dropped": (_("the broker hung up without an answer"), reach),
        "broker-silent": (_("the broker doesn't answer"), reach),
        "broker-taken-over": (
            _("another client uses the client id"),
            _("give each gateway a name or a client_id of its own"),
        ),
        "broker-contested": (
            _("one connection after another breaks soon"),
            _("check the line, and whether another client uses the client id"),
        ),
        "broker-unsuitable": (
            _("the broker lacks something that is needed"),
            _("the broker must allow retained messages and QoS 1"),
        ),
        "broker-too-large": (
            _("the broker refuses messages of this size"),
            _("raise its limit; telemetry is sent in smaller parts by itself"),
        ),
        "broker-unanswered": (
            _("the broker acknowledges nothing"),
            _("check the broker: its log, its disk, its load"),
        ),
        "broker-offence": (
            _("the broker sent what it must not"),
            _("check what is sent to the gateway's own topics, and the broker"),
        ),
        "broker-host": (
            _("the application that the records are for isn't at this broker"),
            _("check the host application, and primary_host"),
        ),
        "broker-birth": (
            _("the broker won't have what a session begins with: it is too large"),
            _("allow larger messages at the broker, or bind fewer signals to one asset"),
        ),
        "broker-renewed": (
            _("the connection is made anew with other settings"),
            _("wait a second"),
        ),
        "broker-note": (
            _("the connection is not as good as it could be"),
            _("read the note; over MQTT 3.1.1 a refused topic can't be seen"),
        ),
        "topic-refused": (
            _("the broker refuses some topics; their records wait, the others flow"),
            _("allow the topics named in the broker's access list"),
        ),
        "record-aside": (
            _("records are set aside, and declared as gaps"),
            _("raise the broker's limit of a message's size"),
        ),
    }


def _of_the_box() -> dict[str, tuple[str, str]]:
    return {
        "not-running": (
            _("no gateway runs on this site's store"),
            _("start it with nxgate run SITE, or its service; its log says why it ended"),
        ),
        "part-stuck": (
            _("a part of the gateway does nothing although something is due"),
            _("run nxgate diag, then restart the gateway; as a service it is restarted by itself"),
        ),
        "site-faults": (
            _("the site file has faults; what ran before goes on running"),
            _("nxgate check names each with its line"),
        ),
        "disk-refuses": (
            _("the disk takes nothing; memory stands in for it as far as it reaches"),
            _("check that the disk is there, writable and not full"),
        ),
        "disk-scarce": (
            _("the disk has less room than the store may still take"),
            _("make room, or lower store.size"),
        ),
        "records-dropped": (
            _("memory had no room while the disk took nothing; what is lost is declared"),
            _("mend the disk; the gaps are told to the platform by themselves"),
        ),
        "records-unreadable": (
            _("stored records are damaged; what is lost is declared"),
            _("look at the disk's health; nxgate store verify says which"),
        ),
        "clock-untrusted": (
            _("the clock isn't synchronised; times are marked, and corrected later"),
            _("set up NTP, or let the box reach a time server"),
        ),
        "certificate-expiring": (
            _("a certificate expires within thirty days"),
            _("renew it, and put it in the place of the old one; no restart is needed"),
        ),
        "certificate-expired": (
            _("a certificate has expired"),
            _("renew it, and put it in the place of the old one; no restart is needed"),
        ),
        "secret-unreadable": (
            _("a file with a secret can't be read, or others may read it too"),
            _("chown it to the gateway's user and chmod 600"),
        ),
    }
