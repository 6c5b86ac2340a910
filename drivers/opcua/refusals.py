"""What a server means that refuses the gateway, and the one thing that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.words import _

if TYPE_CHECKING:
    from drivers.opcua.settings import Settings

OWN = frozenset(
    {
        "BadCertificateUntrusted",
        "BadSecurityChecksFailed",
        "BadCertificateInvalid",
        "BadCertificateUseNotAllowed",
        "BadCertificateChainIncomplete",
        "BadCertificateIssuerUseNotAllowed",
        "BadCertificateRevocationUnknown",
        "BadCertificateRevoked",
        "BadCertificateUriInvalid",
        "BadCertificateHostNameInvalid",
        "BadCertificateTimeInvalid",
        "BadCertificatePolicyCheckFailed",
        "BadNoValidCertificates",
        "BadApplicationSignatureInvalid",
    }
)
"""What a server says of the gateway's certificate (OPC 10000-4, 7.38.2)."""


def explain(status: str, settings: Settings) -> str:
    """What a status means here and what to do; "" where it is none of security's."""
    own = f"nxgate opcua own {settings.pki}"
    meanings = {
        "BadCertificateUntrusted": (
            _("the server doesn't trust the gateway's certificate"),
            _("have its administrator trust what this shows: {command}").format(command=own),
        ),
        "BadSecurityChecksFailed": (
            _("the server says no more; most say this where they don't trust the gateway"),
            _("have its administrator trust what this shows: {command}").format(command=own),
        ),
        "BadCertificateTimeInvalid": (
            _("the server takes the gateway's certificate for expired or not yet valid"),
            _("set the server's clock, or renew the certificate: {command}").format(
                command=f"{own} --renew"
            ),
        ),
        "BadCertificateUriInvalid": (
            _("the server finds another application URI in the gateway's certificate"),
            _("renew it, and have it trusted anew: {command}").format(command=f"{own} --renew"),
        ),
        "BadCertificateRevoked": (
            _("the server has the gateway's certificate on a list of revoked ones"),
            _("delete {folder}, and have a new one trusted: {command}").format(
                folder=f"{settings.pki}/own", command=own
            ),
        ),
        "BadIdentityTokenRejected": (
            _("the server doesn't take this user"),
            _("check security: user, password or cert, and whether it lets anonymous users in"),
        ),
        "BadIdentityTokenInvalid": (
            _("the server can't read this user's name, password or certificate"),
            _("check security: user, password or cert, and whether it lets anonymous users in"),
        ),
        "BadUserAccessDenied": (
            _("name or password are wrong, or the user has no right here"),
            _("check security: user and password; the server's administrator gives rights"),
        ),
        "BadUserSignatureInvalid": (
            _("the user's key is not the one of the certificate"),
            _("check security: cert and key"),
        ),
        "BadSecurityPolicyRejected": (
            _("the server doesn't speak this security policy"),
            _("write one that it offers under security: policy"),
        ),
        "BadSecurityModeRejected": (
            _("the server doesn't speak this security mode"),
            _("write one that it offers under security: mode"),
        ),
        "BadSecurityModeInsufficient": (
            _("the server wants more security than this"),
            _("write security: mode: SignAndEncrypt").format(),
        ),
        "BadTooManySessions": (
            _("the server has no room for another session"),
            _("close other clients, or have its administrator allow more sessions"),
        ),
    }
    if status not in meanings and status in OWN:
        meanings[status] = (
            _("the server doesn't take the gateway's certificate"),
            _("have its administrator trust what this shows: {command}").format(command=own),
        )
    if status not in meanings:
        return ""
    return _("{meaning}; {next}").format(meaning=meanings[status][0], next=meanings[status][1])


def hung_up(settings: Settings) -> str:
    """What it means where a server hangs up as the secured channel is opened."""
    return _(
        "it hung up as the secured channel was opened, as most servers do that don't trust the "
        "gateway; have its administrator trust what this shows: {command}"
    ).format(command=f"nxgate opcua own {settings.pki}")
