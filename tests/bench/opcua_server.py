"""asyncua's server with so many nodes that all change once a second; prints its port.

Run as `python -m tests.bench.opcua_server NODES`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

from asyncua import Server, ua

URI = "urn:bench:cell"


async def serve(nodes: int) -> None:
    """Serve until the process ends."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index: Any = await server.register_namespace(URI)
    names: list[Any] = [f"n{number:04}" for number in range(nodes)]
    ids = [ua.NodeId(name, index) for name in names]
    for name, held in zip(names, ids, strict=True):
        await server.nodes.objects.add_variable(held, f"{index}:{name}", 0.5)
    await server.start()
    print(server.bserver._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[union-attr]
    loop = asyncio.get_running_loop()
    due, turn = loop.time(), 0
    while True:
        turn += 1
        for number, held in enumerate(ids):
            value = ua.DataValue(ua.Variant(turn * 0.5 + number))
            await server.write_attribute_value(held, value)
        due = max(due + 1, loop.time())
        await asyncio.sleep(due - loop.time())


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
