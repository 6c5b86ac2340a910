"""A machine's OPC UA server: asyncua's, behind a tunnel of its own, with faults.

Two namespaces, the maker's and another one with the same names, so that a client that goes by
index reads the wrong one after a restart in another order. Values are written when they change.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import logging
from random import Random
from typing import TYPE_CHECKING

from asyncua import Server, ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulators.faults import FaultKind
from simulators.tunnel import Tunnel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncua.common.node import Node

    from simulators.faults import Fault
    from simulators.nodes import ServerMachine, Shown
    from simulators.place import Place

OTHER = "urn:nxgate:simulators:other"
"""The second namespace; its variables have the same ids and hold nothing."""
LOOK_S = 0.1
_UNITS = {"kWh": "KWH", "kW": "KWT", "bar": "BAR", "%": "P1", "1/min": "RPM", "ml/min": "41"}
"""UNECE codes (Recommendation 20), of which the unit's number is made (OPC 10000-8, 5.6.4.3)."""
_CEFACT = "http://www.opcfoundation.org/UA/units/un/cefact"
_APPLICATION = "urn:nxgate:simulators:server"
_DAYS = 365

logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)  # clients that go are no news


class ServedMachine:
    """The server of one machine; in a simulation what a port with units is for registers."""

    def __init__(
        self,
        place: Place,
        machine: ServerMachine,  # type: ignore[type-arg]
        before: Callable[[], None],
        folder: Path,
        seed: int,
    ) -> None:
        """Make it; nothing listens yet.

        Args:
            place: where it answers.
            machine: what it shows.
            before: called ahead of each look, to bring the machine up to the moment.
            folder: for its certificate and key.
            seed: for which nodes are bad.
        """
        self._place = place
        self._machine = machine
        self._before = before
        self._folder = folder
        self._random = Random(f"{seed}:{place.port}")
        self._tunnel = Tunnel(place.host, place.port)
        self._faults: list[Fault] = []
        self._server: Server | None = None
        self._nodes: list[Node] = []
        self._written: list[object] = []
        self._looking: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def place(self) -> Place:
        """Where it really is, a free port filled in."""
        return self._place.at_port(self._tunnel.port)

    @property
    def is_open(self) -> bool:
        """True while it can be reached."""
        return self._tunnel.is_open

    async def open(self) -> None:
        """Be there; raises `OSError` when the port is taken."""
        await self._tunnel.open()
        _certify(self._folder)
        await self._start()
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def close(self) -> None:
        """Be there no more; safe to call twice."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
            self._looking = None
        async with self._lock:
            await self._stop()
        await self._tunnel.close()

    async def begin(self, unit: int | str, fault: Fault) -> None:
        """Have a fault until `end`."""
        del unit
        self._faults.append(fault)
        match fault.kind:
            case FaultKind.REFUSED:
                await self._tunnel.close()
            case FaultKind.HALF_OPEN:
                self._tunnel.fall_silent()
            case FaultKind.CERTIFICATE:
                for file in self._folder.iterdir():
                    file.unlink()
                _certify(self._folder)
                await self._restart()
            case FaultKind.RESTARTED | FaultKind.REORDERED:
                await self._restart()
        self._settle()

    async def end(self, unit: int | str, fault: Fault) -> None:
        """Have it no more; raises `OSError` where the port is taken meanwhile."""
        del unit
        self._faults.remove(fault)
        if fault.kind is FaultKind.REFUSED:
            await self._tunnel.open()
        elif fault.kind is FaultKind.REORDERED:
            await self._restart()
        self._settle()

    def _settle(self) -> None:
        """What late answers, bad nodes and a clock come to now."""
        self._tunnel.delay_s = self._most(FaultKind.LATE)
        self._written = []

    def _most(self, kind: FaultKind) -> float:
        return max((one.by_s for one in self._faults if one.kind is kind), default=0.0)

    async def _restart(self) -> None:
        async with self._lock:
            await self._stop()
            self._tunnel.hang_up()
            await self._start()

    async def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def _start(self) -> None:
        server = Server()
        await server.init()
        await server.set_application_uri(_APPLICATION)
        server.set_endpoint("opc.tcp://127.0.0.1:0/")
        server.set_server_name(self._machine.name)
        server.set_security_policy(
            [ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
        )
        await server.load_certificate(str(self._folder / "server.der"))
        await server.load_private_key(str(self._folder / "server.pem"))
        spaces = [self._machine.uri, OTHER]
        if any(one.kind is FaultKind.REORDERED for one in self._faults):
            spaces.reverse()
        for uri in spaces:
            index = await server.register_namespace(uri)
            nodes = await self._fill(server, index, is_own=uri == self._machine.uri)
            if uri == self._machine.uri:
                self._nodes = nodes
        self._written = []
        self._server = server
        await self._write()
        await server.start()
        listening = server.bserver._server.sockets  # type: ignore[union-attr] # noqa: SLF001 - its port
        self._tunnel.to = listening[0].getsockname()[1]

    async def _fill(self, server: Server, index: int, *, is_own: bool) -> list[Node]:
        """The objects and variables of one namespace."""
        made: dict[tuple[str, ...], Node] = {(): server.nodes.objects}
        found = []
        for shown in self._machine.shown:
            for depth in range(1, len(shown.way)):
                way = shown.way[:depth]
                if way not in made:
                    type_ = await self._type(server, way) if is_own else None
                    made[way] = await made[way[:-1]].add_object(
                        ua.NodeId("/".join(way), index),  # type: ignore[arg-type]
                        f"{index}:{way[-1]}",
                        objecttype=type_,
                    )
            node = await self._variable(made[shown.way[:-1]], shown, index)
            made[shown.way] = node
            found.append(node)
        return found

    async def _type(self, server: Server, way: tuple[str, ...]) -> ua.NodeId | None:
        """The type of an object that is of somebody's."""
        type_ = self._machine.types.get(way)
        if type_ is None:
            return None
        uri, name = type_
        index = await server.register_namespace(uri)
        node = await server.nodes.base_object_type.add_object_type(index, name)
        return node.nodeid

    async def _variable(self, parent: Node, shown: Shown, index: int) -> Node:
        kind = ua.VariantType[shown.kind]
        name = shown.way[-1]
        # A name without a namespace is the standard's own, as of the number of a state.
        space = 0 if name in {"Number", "CurrentState"} else index
        node = await parent.add_variable(
            ua.NodeId("/".join(shown.way), index),  # type: ignore[arg-type]
            f"{space}:{name}",
            ua.Variant(_empty(kind), kind),
        )
        if shown.description:
            text = ua.Variant(ua.LocalizedText(shown.description), ua.VariantType.LocalizedText)
            await node.write_attribute(ua.AttributeIds.Description, ua.DataValue(text))
        if shown.unit:
            code = int.from_bytes(_UNITS[shown.unit].encode(), "big")
            unit = ua.EUInformation(
                _CEFACT,
                code,
                ua.LocalizedText(shown.unit),
                ua.LocalizedText(shown.unit),
            )
            await node.add_property(ua.NodeId(), "0:EngineeringUnits", unit)
        return node

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            async with self._lock:
                await self._write()

    async def _write(self) -> None:
        """Bring what changed into the server."""
        server = self._server
        if server is None:
            return
        self._before()
        values = list(self._machine.values())
        bad = next((one for one in self._faults if one.kind is FaultKind.BAD_NODES), None)
        ahead = dt.timedelta(seconds=self._most(FaultKind.CLOCK))
        then = dt.datetime.now(dt.UTC) + ahead
        now = ua.DateTime.fromtimestamp(then.timestamp(), dt.UTC)
        held = self._written or [None] * len(values)
        is_first = not self._written
        for place, (node, value) in enumerate(zip(self._nodes, values, strict=True)):
            if value == held[place] and not is_first:
                continue
            kind = ua.VariantType[self._machine.shown[place].kind]
            spelled = (
                ua.LocalizedText(str(value)) if kind is ua.VariantType.LocalizedText else value
            )
            is_bad = bad is not None and (bad.share >= 1 or self._random.random() < bad.share)
            code = ua.StatusCodes.BadSensorFailure if is_bad else ua.StatusCodes.Good
            await server.write_attribute_value(
                node.nodeid,
                ua.DataValue(
                    ua.Variant(spelled, kind),
                    ua.StatusCode(code),  # type: ignore[arg-type]
                    SourceTimestamp=now,
                    ServerTimestamp=now,
                ),
            )
        self._written = values


def _empty(kind: ua.VariantType) -> object:
    if kind is ua.VariantType.LocalizedText:
        return ua.LocalizedText("")
    return "" if kind is ua.VariantType.String else 0


def _certify(folder: Path) -> None:
    """A certificate of its own, with its key, where there is none."""
    certificate, key_file = folder / "server.der", folder / "server.pem"
    if certificate.exists():
        return
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nxgate simulator")])
    now = dt.datetime.now(dt.UTC)
    names = [
        x509.UniformResourceIdentifier(_APPLICATION),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=True,
                data_encipherment=True,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.DER))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
