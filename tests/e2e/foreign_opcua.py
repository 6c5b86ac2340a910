"""node-opcua's server as a subprocess: `node_opcua.js` says what it has, and what it does on order.

It needs node and the package, which `make foreign` puts into .foreign; without it tests skip.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.mosquitto import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("node_opcua.js")
MODULES = ROOT / ".foreign/node-opcua-server/node_modules"
needs_node_opcua = pytest.mark.skipif(
    not (MODULES / "node-opcua-server").exists(), reason="no node-opcua: make foreign (needs npm)"
)
CELL, OTHER = "urn:foreign:cell", "urn:foreign:other"
PLAIN = "policy=None&mode=None"


class NodeOpcua:
    """One server; every order comes back when it is done.

    Attributes:
        port: where it listens.
        folder: with its certificates: `pki/` of clients and of its own, `users/` of users.
        namespaces: URIs by their index of now.
    """

    def __init__(self, process: subprocess.Popen[str], port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder
        self.process = process
        self.namespaces: list[str] = []

    @property
    def url(self) -> str:
        """As a link of ours, without security."""
        return f"{self.server}?{PLAIN}"

    @property
    def server(self) -> str:
        """As it calls itself."""
        return f"opc.tcp://127.0.0.1:{self.port}/"

    def restart(self, namespaces: list[str], pause_ms: int = 0) -> None:
        """Stop and start with its namespaces in this order."""
        self.do({"do": "restart", "namespaces": namespaces, "pause_ms": pause_ms})

    def put(
        self, name: str, value: object, kind: str = "Double", uri: str = CELL, status: str = "Good"
    ) -> None:
        """Give a node a value."""
        order = {"do": "set", "uri": uri, "id": name, "type": kind, "value": value}
        self.do({**order, "status": status})

    def drop(self, name: str, uri: str = CELL) -> None:
        """Take a node away."""
        self.do({"do": "drop", "uri": uri, "id": name})

    def do(self, order: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline() or '{"error": "it ended"}')
        assert "error" not in said, said
        self.namespaces = said["namespaces"]


def _give_key(path: Path) -> None:
    """A key where node-opcua looks for its own: it takes seconds to make one."""
    if not path.exists():
        path.parent.mkdir(parents=True)
        path.write_bytes(
            rsa.generate_private_key(65537, 2048).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


@contextmanager
def node_opcua(**wanted: Any) -> Iterator[NodeOpcua]:  # noqa: ANN401 - JSON
    """Serve until the end of the block; takes two to five seconds.

    Args:
        wanted: any of
            namespaces: URIs in their order; each holds the same nodes with its URI in `Namespace`.
            nodes: how many `Many0`, `Many1`, … each has: Doubles of number + 0.5.
            nodesets: companion specifications, e.g. ["di", "ia", "machinery", "machineTool"].
            optionals: paths of members that machines of them have beside the mandatory ones.
            policies, modes: names as node-opcua has them; all of them without.
            users: name → password; anonymous: False refuses who names no user.
            certificate, key: PEM files; without, it makes its own.
            accept_all: False: only certificates in `pki/trusted/certs` (and `users/…`).
            limits, capabilities: e.g. {"maxNodesPerRead": 100}.
            slow_ms: how long a read of `Slow` takes.
            port: to serve on; folder: for its files.
    """
    with tempfile.TemporaryDirectory(prefix="node-opcua-") as made:
        folder = Path(wanted.pop("folder", made))
        port = wanted.pop("port", None) or free_ports(1)
        for store in ("pki", "users"):
            _give_key(folder / store / "own/private/private_key.pem")
        with subprocess.Popen(
            ["node", "--no-warnings", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"NODE_PATH": str(MODULES), "HOME": str(folder)},
        ) as process:
            server = NodeOpcua(process, port, folder)
            try:
                server.do({"port": port, "folder": str(folder), **wanted})
                yield server
            finally:
                process.kill()
