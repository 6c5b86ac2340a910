"""asyncua's own server with policies, users and a certificate of its own, in a thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.user_managers import UserManager

from tests.opcua_certificates import URI

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from tests.opcua_certificates import Issued

ALL = tuple(
    getattr(ua.SecurityPolicyType, f"{policy}_{mode}")
    for policy in ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
    for mode in ("Sign", "SignAndEncrypt")
)


PASSWORD = "pass-2b"  # noqa: S105 - of this server alone


class _Users(UserManager):
    """Knows one user by password, and all by certificate who are not called stranger."""

    def get_user(
        self,
        iserver: object,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,  # noqa: ANN401 - of asyncua
    ) -> User | None:
        del iserver
        if username == "nxgate":
            return User(role=UserRole.User, name=username) if password == PASSWORD else None
        shown = bytes(certificate or b"")  # the gateway's own where the user is anonymous
        return None if b"stranger" in shown else User(role=UserRole.User)


class Secured:
    """A server; `trusts` is the folder of the clients that it trusts, None: all.

    Attributes:
        port: where it listens.
    """

    def __init__(
        self,
        issued: Issued,
        folder: Path,
        *,
        policies: tuple[ua.SecurityPolicyType, ...] = ALL,
        trusts: Path | None = None,
        tokens: tuple[type, ...] | None = None,
        port: int = 0,
    ) -> None:
        self.port = port
        self.server = Server(user_manager=_Users())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.do(self._start(issued, folder, policies, trusts, tokens))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.do(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, what: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        """Have something done in the server's loop."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    async def _start(
        self,
        issued: Issued,
        folder: Path,
        policies: tuple[ua.SecurityPolicyType, ...],
        trusts: Path | None,
        tokens: tuple[type, ...] | None,
    ) -> None:
        server = self.server
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/")
        await server.set_application_uri(URI)
        cert, key = issued.save(folder)
        await server.load_certificate(str(cert))
        await server.load_private_key(str(key))
        server.set_security_policy(list(policies))
        if tokens is not None:
            server.set_identity_tokens(list(tokens))
        options = CertificateValidatorOptions.EXT_VALIDATION
        store = None
        if trusts is not None:
            store = TrustStore([trusts], [])
            await store.load()
            options = CertificateValidatorOptions.TRUSTED_VALIDATION
        options |= CertificateValidatorOptions.PEER_CLIENT
        server.set_certificate_validator(CertificateValidator(options, store))
        await server.start()
        self.port = server.bserver._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
