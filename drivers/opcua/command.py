"""`nxgate opcua own`, `trust` and `list`: certificates, by a person's hand."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.errors import GatewayError
from gateway.words import _

if TYPE_CHECKING:
    from cryptography import x509

WHERE = click.argument("where", metavar="SITE|FOLDER", type=click.Path(path_type=Path))
LEAST = 8
"""Digits of a fingerprint that name a certificate."""


@click.group(help=_("Certificates of OPC UA: the gateway's own, and whom it trusts."))
def opcua() -> None:
    """Hold the three commands."""


@opcua.command(help=_("Show the gateway's certificate, which servers must trust."))
@WHERE
@click.option("--renew", is_flag=True, help=_("Make it anew, with the same key and name."))
@click.option(
    "--out", type=click.Path(path_type=Path), help=_("Write it there, to hand it to a server.")
)
def own(where: Path, out: Path | None, *, renew: bool) -> None:
    """Make it where there is none."""
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415

    from drivers.opcua import own as room  # noqa: PLC0415
    from drivers.opcua.judge import hosts  # noqa: PLC0415

    pki = _pki(where)
    try:
        had = room.peek(pki) is not None
        made = room.load(pki)
        if renew and had:
            made = room.make(pki)
        if out is not None:
            out.write_bytes(made.certificate.public_bytes(serialization.Encoding.DER))
    except OSError as error:
        raise _unwritable(error) from error
    _show(made.certificate)
    click.echo(_("  application URI: {uri}").format(uri=made.uri))
    click.echo(_("  host: {hosts}").format(hosts=", ".join(hosts(made.certificate))))
    thumbprint = made.certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - what servers show
    click.echo(_("  thumbprint (SHA-1): {mark}").format(mark=thumbprint))
    click.echo(_("  file: {path}").format(path=out or pki / "own/certificate.der"))
    if made.previous is not None:
        text = _("  servers that don't trust it yet are shown the one before, until {day}")
        click.echo(text.format(day=f"{made.previous.not_valid_after_utc:%Y-%m-%d}"))


@opcua.command(name="list", help=_("Show whom the gateway trusts, and who was refused."))
@WHERE
def list_(where: Path) -> None:
    """Show every folder of the trust lists."""
    from drivers.opcua import own as own_room  # noqa: PLC0415
    from drivers.opcua import trust as room  # noqa: PLC0415

    pki = _pki(where)
    held, mine = room.read(pki), own_room.peek(pki)
    titles = (
        (_("own"), (mine,) if mine is not None else ()),
        (_("trusted"), held.trusted),
        (_("issuers, not trusted for themselves"), held.issuers),
        (_("rejected"), room.rejected(pki)),
    )
    for title, certificates in titles:
        click.echo(f"{title}:" if certificates else _("{title}: none").format(title=title))
        for certificate in certificates:
            _show(certificate, "  ")
    for crl in held.crls:
        ends = crl.next_update_utc
        text = _("revoked by {issuer}: {count}, list valid until {day}")
        day = f"{ends:%Y-%m-%d}" if ends else "-"
        click.echo(text.format(issuer=crl.issuer.rfc4514_string(), count=len(crl), day=day))
    for path in held.unread:
        click.echo(_("{path} is no certificate and trusts nobody").format(path=path))


@opcua.command(
    help=_(
        "Trust a server: one that was refused, by 8 or more digits of its fingerprint, or a "
        "file with a certificate or a list of revoked ones."
    )
)
@WHERE
@click.argument("which", metavar="FINGERPRINT|FILE", required=False)
@click.option("--issuer", is_flag=True, help=_("Only to complete chains; not trusted for itself."))
@click.option("--remove", is_flag=True, help=_("Trust it no more."))
def trust(where: Path, which: str | None, *, issuer: bool, remove: bool) -> None:
    """Exit 1 where nothing is named and something waits to be."""
    from cryptography import x509  # noqa: PLC0415

    from drivers.opcua import trust as room  # noqa: PLC0415

    pki = _pki(where)
    if which is None:
        _waiting(pki)
        return
    try:
        found = _which(pki, which)
        if isinstance(found, x509.CertificateRevocationList):
            path = room.put_crl(pki, found)
            click.echo(
                _("takes what {issuer} revoked: {path}").format(
                    issuer=found.issuer.rfc4514_string(), path=path
                )
            )
            return
        if remove:
            room.drop(pki, found)
            click.echo(_("trusted no more, from the next connection on:"))
        else:
            room.move(pki, found, "issuers" if issuer else "trusted")
            click.echo(_("kept as an issuer:") if issuer else _("trusted:"))
    except OSError as error:
        raise _unwritable(error) from error
    _show(found)


def _waiting(pki: Path) -> None:
    from drivers.opcua import trust as room  # noqa: PLC0415

    refused = room.rejected(pki)
    if not refused:
        click.echo(_("nothing was refused; {pki} holds what is trusted").format(pki=pki))
        return
    click.echo(_("refused; compare the fingerprint with what the server shows, then name it:"))
    for certificate in refused:
        _show(certificate, "  ")
    sys.exit(1)


def _which(pki: Path, which: str) -> x509.Certificate | x509.CertificateRevocationList:
    from drivers.opcua import trust as room  # noqa: PLC0415

    if Path(which).is_file():
        try:
            return room.parse(Path(which).read_bytes())
        except ValueError as error:
            text = _("{path} is neither a certificate nor a list of revoked ones (DER or PEM)")
            raise GatewayError(text.format(path=which)) from error
    mark = which.replace(":", "").replace(" ", "").lower()
    held = room.read(pki)
    known = {*room.rejected(pki), *held.trusted, *held.issuers}
    found = [one for one in known if room.fingerprint(one).startswith(mark)]
    if len(mark) < LEAST or len(found) != 1:
        text = _(
            "{which} names {count} certificates; give {least} or more digits of a fingerprint "
            "that nxgate opcua list shows, or a file"
        )
        count = len(found) if len(mark) >= LEAST else 0
        raise GatewayError(text.format(which=which, count=count, least=LEAST))
    return found[0]


def _pki(where: Path) -> Path:
    """The folder of certificates: of a site file, or itself.

    Raises:
        GatewayError: a site file names several.
        ConfigError: it can't be read.
    """
    if where.suffix not in {".yaml", ".yml"}:
        return where
    from gateway.config import read  # noqa: PLC0415

    site, _faults = read(where)
    usual = site.store.path / "pki"
    folders = {
        (device.security.pki if device.security else None) or usual
        for device in site.devices.values()
        if device.link.startswith("opc.tcp:")
    }
    if len(folders) > 1:
        text = _("{site} has several folders of certificates, name one: {folders}")
        named = ", ".join(sorted(map(str, folders)))
        raise GatewayError(text.format(site=where, folders=named))
    return next(iter(folders), usual)


def _show(certificate: x509.Certificate, lead: str = "") -> None:
    from drivers.opcua import trust as room  # noqa: PLC0415
    from drivers.opcua.judge import name_of  # noqa: PLC0415

    mark, end = room.fingerprint(certificate), certificate.not_valid_after_utc
    text = (
        _("{name}, valid until {day}") if end > datetime.now(UTC) else _("{name}, EXPIRED on {day}")
    )
    click.echo(lead + text.format(name=name_of(certificate), day=f"{end:%Y-%m-%d}"))
    click.echo(_("{lead}  fingerprint (SHA-256): {mark}").format(lead=lead, mark=mark))


def _unwritable(error: OSError) -> GatewayError:
    text = _("{path} can't be written: {reason}; run it as root or as the gateway's user")
    return GatewayError(text.format(path=error.filename, reason=error.strerror))
