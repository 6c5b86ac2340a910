"""When a certificate expires, read without a parser of ASN.1."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from gateway.itself import certificate
from tests.certify import certify

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("days", [1, 30, 40_000])
def test_the_date_of_a_certificate_is_the_one_that_openssl_reads(tmp_path: Path, days: int) -> None:
    """40,000 days are beyond 2049, where the date takes another form."""
    path = certify(tmp_path, days)
    shown = ["openssl", "x509", "-noout", "-checkend"]
    end_ms = certificate.expiry_ms(path)
    assert end_ms is not None
    left_s = end_ms // 1000 - int(subprocess.check_output(["date", "+%s"]))
    for seconds, is_valid in ((left_s - 3, True), (left_s + 3, False)):
        done = subprocess.run([*shown, str(seconds), "-in", path], capture_output=True, check=False)
        assert (done.returncode == 0) is is_valid


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----", "x" * 99])
def test_what_is_no_certificate_has_no_date(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cert.pem"
    path.write_text(text, "ascii")
    assert certificate.expiry_ms(path) is None
    path.write_text(f"-----BEGIN CERTIFICATE-----\n{'MAMC' * 9}\n-----END CERTIFICATE-----\n")
    assert certificate.expiry_ms(path) is None
    assert certificate.expiry_ms(tmp_path) is None
