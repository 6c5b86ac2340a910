"""How a connection is secured: the endpoint chosen, the server believed, the user named.

1. The server is asked what it offers, and what the site file wants is looked up in it.
2. Its certificate is judged (`judge.py`) before anything is said to it.
3. In the secured session it says again what it offers: somebody on the way who took the better
   endpoints out of the first list can't change the second (OPC 10000-4, 5.6.2).
4. The user's name, password or certificate goes out last, and a password never in clear.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.crypto import security_policies
from asyncua.ua.uaerrors import UaError
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from drivers.opcua import own, trust
from drivers.opcua.discovery import endpoints
from drivers.opcua.judge import Expected, Rejected, chain_of, judge
from drivers.opcua.settings import NONE
from gateway.errors import ConfigError, ConnectionLost
from gateway.secret import read_secret
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncua import Client
    from cryptography.hazmat.primitives.asymmetric import rsa

    from drivers.opcua.settings import Settings

POLICIES: dict[str, type[security_policies.SecurityPolicy]] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
NO_POLICY = security_policies.SecurityPolicyNone.URI
_MODES = {
    "Sign": ua.MessageSecurityMode.Sign,
    "SignAndEncrypt": ua.MessageSecurityMode.SignAndEncrypt,
    NONE: ua.MessageSecurityMode.None_,
}
_SAFE = frozenset(policy.URI for policy in POLICIES.values())
FAILURES = (OSError, TimeoutError, UaError, struct.error, ValueError)
"""What asyncua raises where a connection doesn't come about."""

_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises of a certificate that it can't make out."""


@dataclass(slots=True)
class Secured:
    """What a connection is opened with.

    Attributes:
        ends: UTC ms at which the own and the server's certificate end.
    """

    settings: Settings
    own: own.Own | None = None
    server: x509.Certificate | None = None
    offered: Sequence[ua.EndpointDescription] = ()
    ends: dict[str, int] = field(default_factory=dict)

    @property
    def certificates(self) -> tuple[x509.Certificate | None, ...]:
        """Own certificates in the order in which to show them; one None: none is shown."""
        return (None,) if self.own is None else self.own.choices

    def dress(self, client: Client, certificate: x509.Certificate | None) -> None:
        """Set policy, mode and own certificate of a client that is not connected yet."""
        client.name = client.description = "nxgate"
        client.product_uri = "urn:nxgate"
        if self.own is None or certificate is None:
            return
        client.application_uri = self.own.uri
        policy = POLICIES[self.settings.policy](
            self.server, certificate, self.own.key, _MODES[self.settings.mode]
        )
        client.security_policy = policy  # type: ignore[assignment] # typed as None's alone
        client.uaclient.set_security(policy)

    def agree(self, said: ua.CreateSessionResult) -> None:
        """Hold what the server offers in the secured session against what was said before.

        Raises:
            ConnectionLost: it is something else.
        """
        if self.own is None:
            return
        if _offer(said.ServerEndpoints) != _offer(self.offered):
            raise ConnectionLost(
                _(
                    "{endpoint}: in the secured session the server offers other endpoints than "
                    "before it ({before} | {after}): somebody on the way changed the list, or "
                    "the server was set up anew this moment. Look who is between."
                ).format(
                    endpoint=self.settings.endpoint,
                    before=_named(self.offered),
                    after=_named(said.ServerEndpoints),
                )
            )

    async def activate(self, client: Client) -> None:
        """Name the user.

        Raises:
            ConnectionLost: a file can't be read, or a password would go out in clear.
            OSError, TimeoutError, UaError: what asyncua raises.
        """
        settings = self.settings
        if settings.cert is not None:
            certificate, key = await asyncio.to_thread(self._user)
            client.user_private_key = key
            self._safe_token(client, ua.UserTokenType.Certificate)
            client._policy_ids = [_signing(one, client) for one in client._policy_ids]  # noqa: SLF001
            await client.activate_session(certificate=certificate)
        elif settings.user is not None:
            password = await asyncio.to_thread(self._password)
            self._safe_token(client, ua.UserTokenType.UserName)
            await client.activate_session(username=settings.user, password=password)
        else:
            await client.activate_session()

    def _safe_token(self, client: Client, kind: ua.UserTokenType) -> None:
        """Refuse to name a user in a way that others can read or use again."""
        policy = client.server_policy(kind).SecurityPolicyUri
        if self.own is not None and (policy in _SAFE or self.settings.mode == "SignAndEncrypt"):
            return
        if self.own is not None and kind is ua.UserTokenType.Certificate:
            return
        text = _(
            "{endpoint}: the server wants the user's secret in a way that others can read "
            "({policy}, {mode}). Write security: mode: SignAndEncrypt, or leave the user out."
        )
        raise ConnectionLost(
            text.format(
                endpoint=self.settings.endpoint,
                policy=(policy or NONE).rpartition("#")[2],
                mode=self.settings.mode,
            )
        )

    def _password(self) -> str:
        if self.settings.password is None:
            return ""
        with _told(self.settings):
            return read_secret(Path(self.settings.password))

    def _user(self) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        with _told(self.settings):
            held = trust.parse(Path(self.settings.cert or "").read_bytes())
            key = serialization.load_pem_private_key(
                read_secret(Path(self.settings.key or "")).encode(), None
            )
            if not isinstance(held, x509.Certificate) or key.public_key() != held.public_key():
                raise ValueError(_("security: cert and key don't make a pair"))
            return held, key  # type: ignore[return-value]


@contextmanager
def _told(settings: Settings) -> Iterator[None]:
    """Put what is wrong with a file of ours into words for the connection."""
    try:
        yield
    except ConfigError as error:
        said = "; ".join(f"{fault.what}: {fault.next}" for fault in error.faults)
        raise ConnectionLost(f"{settings.endpoint}: {said}.") from error
    except (OSError, ValueError, TypeError) as error:
        raise ConnectionLost(f"{settings.endpoint}: {error}.") from error


def _signing(token: ua.UserTokenPolicy, client: Client) -> ua.UserTokenPolicy:
    """A way to name a user by certificate that has a policy to sign with."""
    if token.TokenType != ua.UserTokenType.Certificate or token.SecurityPolicyUri in _SAFE:
        return token
    return replace(token, SecurityPolicyUri=client.security_policy.URI)


async def secure(settings: Settings) -> Secured:
    """Find the endpoint that the site file wants, and judge the server behind it.

    Raises:
        ConnectionLost: what stands in the way, and what to do.
        OSError, TimeoutError, UaError, struct.error, ValueError: the server can't be asked.
    """
    if settings.policy == NONE:
        return Secured(settings)
    found = await endpoints(settings)
    wanted = _wanted(found, settings)
    with _told(settings):
        mine = await asyncio.to_thread(own.load, Path(settings.pki))
    server = await asyncio.to_thread(_believed, wanted, settings)
    ends = {
        str(Path(settings.pki) / "own/certificate.der"): mine.certificate.not_valid_after_utc,
        settings.endpoint: server.not_valid_after_utc,
    }
    times = {name: int(end.timestamp() * 1000) for name, end in ends.items()}
    return Secured(settings, mine, server, found, times)


def _wanted(found: Sequence[ua.EndpointDescription], settings: Settings) -> ua.EndpointDescription:
    uri = POLICIES[settings.policy].URI
    for one in found:
        if one.SecurityPolicyUri == uri and one.SecurityMode == _MODES[settings.mode]:
            _takes_user(one, settings)
            return one
    offer = _named(found)
    next_ = _("write one of them under security")
    if all(one.SecurityPolicyUri == NO_POLICY for one in found):
        next_ = _(
            "have its administrator switch {policy} on; security: {{policy: None, mode: None}} "
            "leaves all that is said open to anybody on the network"
        ).format(policy=settings.policy)
    elif not any(one.SecurityPolicyUri in _SAFE for one in found):
        next_ = _("what it offers is broken; have its administrator switch {policy} on").format(
            policy=settings.policy
        )
    text = _("{endpoint}: the server has no endpoint {policy}/{mode}, it offers {offer}: {next}.")
    raise ConnectionLost(
        text.format(
            endpoint=settings.endpoint,
            policy=settings.policy,
            mode=settings.mode,
            offer=offer or _("none"),
            next=next_,
        )
    )


def _takes_user(endpoint: ua.EndpointDescription, settings: Settings) -> None:
    kinds = {token.TokenType for token in endpoint.UserIdentityTokens or ()}
    wanted = ua.UserTokenType.Anonymous
    if settings.cert is not None:
        wanted = ua.UserTokenType.Certificate
    elif settings.user is not None:
        wanted = ua.UserTokenType.UserName
    if wanted in kinds or not kinds:
        return
    words = {
        ua.UserTokenType.Anonymous: _("anonymous users"),
        ua.UserTokenType.UserName: _("user and password"),
        ua.UserTokenType.Certificate: _("a user's certificate (cert and key)"),
    }
    text = _("{endpoint}: the server takes {taken} here, not {wanted}: change security.")
    taken = ", ".join(words[kind] for kind in sorted(kinds) if kind in words)
    raise ConnectionLost(
        text.format(endpoint=settings.endpoint, taken=taken or _("none"), wanted=words[wanted])
    )


def _believed(endpoint: ua.EndpointDescription, settings: Settings) -> x509.Certificate:
    """The server's certificate, once it is judged; a refused one is kept for people."""
    pki = Path(settings.pki)
    expected = Expected(
        settings.certified_host or settings.host,
        settings.certified_uri or endpoint.Server.ApplicationUri or "",
        pki,
    )
    chain: list[x509.Certificate] = []
    try:
        chain = chain_of(bytes(endpoint.ServerCertificate or b""))
        judge(chain, trust.read(pki), expected, datetime.now(UTC))
    except Rejected as error:
        trust.reject(pki, chain[0])
        raise _refused(settings, error) from error
    except _UNREADABLE as error:
        what = _("what it shows is no certificate")
        next_ = _("have its administrator make it an OPC UA application certificate")
        raise _refused(settings, Rejected("BadCertificateInvalid", what, next_)) from error
    return chain[0]


def _refused(settings: Settings, error: Rejected) -> ConnectionLost:
    text = _("{endpoint}: the server is not believed: {what} ({status}); {next}.")
    said = text.format(
        endpoint=settings.endpoint, what=error.what, status=error.status, next=error.next
    )
    return ConnectionLost(said)


def _offer(found: Sequence[ua.EndpointDescription]) -> set[tuple[object, ...]]:
    """What both lists state of endpoints; the second one may leave out the rest.

    URLs, which both have too, may name one host in several ways.

    Source: OPC 10000-4, 5.6.2.2.
    """
    return {
        (
            one.SecurityPolicyUri,
            int(one.SecurityMode),
            one.SecurityLevel,
            frozenset(
                (int(token.TokenType), token.PolicyId, token.SecurityPolicyUri or "")
                for token in one.UserIdentityTokens or ()
            ),
        )
        for one in found or ()
        if (one.EndpointUrl or "").startswith("opc.tcp:")
    }


def _named(found: Sequence[ua.EndpointDescription]) -> str:
    names = {
        f"{(one.SecurityPolicyUri or '').rpartition('#')[2]}/{one.SecurityMode.name.rstrip('_')}"
        for one in found
    }
    return ", ".join(sorted(names))
