"""asyncua's own server in a thread, a relay before it that spoils answers, and tags made for it."""

from __future__ import annotations

import asyncio
import logging
import struct
import threading
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from asyncua import Server, ua

from drivers.opcua import plugin
from gateway.model import Kind, Tag, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

URI = "urn:maker:cell"
PLAIN = "policy=None&mode=None"
_FAULT = b"\x01\x00\x8d\x01"
"""ServiceFault, i=397."""


def make(
    name: str,
    at: str = "",
    kind: Kind | None = None,
    *,
    device: str = "machine",
    scale: float = 1,
    offset: float = 0,
    missing: tuple[float, ...] = (),
    bits: tuple[int, int] | None = None,
    deadband: float = 0,
    write: Write | None = None,
) -> Tag:
    """A tag as a site file makes it; without an address, the node of its name."""
    at = at or f"nsu={URI};s={name}"
    address = plugin.address(at, ())
    tag = Tag(
        device,
        name,
        kind or address.kind or Kind.F64,
        at,
        address.register,
        scale=scale,
        offset=offset,
        missing=missing,
        bits=bits,
        deadband=deadband,
        write=write,
        file="site.yaml",
        line=7,
    )
    plugin.check_tag(tag, {})
    return tag


def node_id(name: Any, index: Any = 0) -> ua.NodeId:  # noqa: ANN401 - numbers of its own types
    """A node's id."""
    return ua.NodeId(name, index)


def stamped(variant: ua.Variant, code: Any = 0) -> ua.DataValue:  # noqa: ANN401 - of its own type
    """A value of now."""
    now: Any = datetime.now(UTC)
    return ua.DataValue(variant, ua.StatusCode(code), now, now)


class Foreign:
    """A server that nobody here wrote, in a loop of its own.

    Attributes:
        port: where it listens.
        index: of the namespace `URI`.
        served: the server itself; touch it by `do` alone.
    """

    def __init__(self, before: tuple[str, ...] = (), port: int = 0) -> None:
        self.port = port
        self.index = 0
        self._before = before
        self.served = Server()
        self._loop = asyncio.new_event_loop()
        logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.do(self._start())

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/?{PLAIN}"

    def do(self, what: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        """Have something done in the server's loop."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    def add(self, values: Mapping[str, tuple[object, ua.VariantType]], uri: str = "") -> None:
        """Add writable variables under `Objects/Cell`, each with its name as its id.

        Those of another namespace come under `Objects`.
        """
        self.do(self._add(values, uri))

    def put(self, name: str, value: object, kind: ua.VariantType = ua.VariantType.Null) -> None:
        """Give a variable a value, or a whole DataValue."""
        held = value if isinstance(value, ua.DataValue) else stamped(ua.Variant(value, kind))
        self.do(self.served.write_attribute_value(node_id(name, self.index), held))

    def get(self, name: str) -> Any:  # noqa: ANN401
        return self.do(self.served.get_node(node_id(name, self.index)).read_value())

    async def namespace(self, uri: str) -> None:
        """Have one namespace more."""
        await self.served.register_namespace(uri)

    @property
    def subscriptions(self) -> int:
        """How many there are."""
        return len(self.served.iserver.subscription_service.subscriptions)

    async def end_subscriptions(self) -> None:
        """End all of them, as a server does that is short of memory."""
        service = self.served.iserver.subscription_service
        await service.delete_subscriptions(list(service.subscriptions))

    def set_limit(self, node: int, most: int) -> None:
        """State one of the server's operation limits."""
        self.do(
            self.served.get_node(node_id(node)).write_value(ua.Variant(most, ua.VariantType.UInt32))
        )

    def stop(self) -> None:
        self.do(self.served.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        server = self.served
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        for uri in self._before:
            await server.register_namespace(uri)
        self.index = await server.register_namespace(URI)
        await server.nodes.objects.add_object(node_id("Cell", self.index), f"{self.index}:Cell")
        await server.start()
        sockets = server.bserver._server.sockets  # type: ignore[union-attr]
        self.port = sockets[0].getsockname()[1]

    async def _add(self, values: Mapping[str, tuple[object, ua.VariantType]], uri: str) -> None:
        index = await self.served.get_namespace_index(uri) if uri else self.index
        parent = self.served.nodes.objects if uri else self.served.get_node(node_id("Cell", index))
        for name, (value, kind) in values.items():
            node = await parent.add_variable(
                node_id(name, index), f"{index}:{name}", ua.Variant(value, kind)
            )
            await node.set_writable()


@cache
def foreign() -> Foreign:
    """One server for all tests of this process: it takes a second to start."""
    return Foreign()


class Relay:
    """Passes on what a client asks, and what a server answers as long as nobody spoils it.

    Attributes:
        spoil: what becomes of a whole answer, header and all; set it to `bytes` to be right.
        hear: what becomes of a whole question.
        lost: answers that were kept back: those behind them count on from there, as if they had
            never been given.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.spoil: Callable[[bytes], bytes] = bytes
        self.hear: Callable[[bytes], bytes] = bytes
        self.lost = 0
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.hang_up()
            await self._server.wait_closed()
            self._server = None

    def hang_up(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, back}
        there = asyncio.create_task(self._pump(reader, back))
        self.lost = 0
        try:
            await self._answers(to, writer)
        except (OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            there.cancel()
            await asyncio.wait([there])
            for one in (writer, back):
                self._writers.discard(one)
                one.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                chunk = await _chunk(reader)
                writer.write(self.hear(chunk) if chunk[:3] == b"MSG" else chunk)
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.transport.abort()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            chunk = await _chunk(reader)
            if chunk[:3] == b"MSG":
                chunk = self.spoil(counted(chunk, -self.lost))
                self.lost += not chunk
            writer.write(chunk)


async def _chunk(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(8)
    return head + await reader.readexactly(int.from_bytes(head[4:], "little") - 8)


def counted(chunk: bytes, more: int) -> bytes:
    """A chunk with another sequence number."""
    number = int.from_bytes(chunk[16:20], "little") + more
    return chunk[:16] + struct.pack("<I", number) + chunk[20:]


def service(chunk: bytes) -> int:
    """The id of an answer's encoding."""
    return int.from_bytes(chunk[26:28], "little")


def sized(chunk: bytes) -> bytes:
    """A chunk whose length was changed, with the right length in its head."""
    return chunk[:4] + struct.pack("<I", len(chunk)) + chunk[8:]


def fault(chunk: bytes, code: int) -> bytes:
    """The same answer as a ServiceFault."""
    times_and_handle = chunk[28:40]
    tail = struct.pack("<I", code) + b"\0" + struct.pack("<i", -1) + b"\0\0\0"
    return sized(chunk[:24] + _FAULT + times_and_handle + tail)
