"""Logins, held against openssl, which knows nothing of ours."""

from __future__ import annotations

import subprocess

import pytest

from gateway.publishers.dialects.signing import alink, alink_sign, huawei, jetlinks

NOW_MS = 1_790_000_000_000  # 2026-09-21T14:13:20Z
KEY = "0f1e2d3c4b5a"


def openssl(text: str, *how: str) -> str:
    """A digest by another hand."""
    done = subprocess.run(
        ["openssl", "dgst", *how],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().split()[-1]


def test_huawei_signs_the_secret_with_the_hour() -> None:
    login = huawei("64a1_gw-01", NOW_MS)
    assert login.client_id == "64a1_gw-01_0_0_2026092114"
    assert login.username == "64a1_gw-01"
    assert login.derive(KEY) == openssl(KEY, "-sha256", "-hmac", "2026092114")


@pytest.mark.parametrize(("encrypted", "mode"), [(True, 2), (False, 3)])
def test_alink_signs_who_and_when(encrypted: bool, mode: int) -> None:  # noqa: FBT001
    login = alink("a1GW", "gw-01", NOW_MS, encrypted=encrypted)
    tail = f"|securemode={mode},signmethod=hmacsha256,timestamp={NOW_MS}|"
    assert login.client_id == f"a1GW.gw-01{tail}"
    assert login.username == "gw-01&a1GW"
    text = f"clientIda1GW.gw-01deviceNamegw-01productKeya1GWtimestamp{NOW_MS}"
    assert login.derive(KEY) == openssl(text, "-sha256", "-hmac", KEY)


def test_a_sub_device_of_alink_is_signed_with_its_own_secret() -> None:
    text = f"clientIda1SUB&PRESS-01deviceNamePRESS-01productKeya1SUBtimestamp{NOW_MS}"
    signed = alink_sign("a1SUB&PRESS-01", "a1SUB", "PRESS-01", NOW_MS, KEY)
    assert signed == openssl(text, "-sha256", "-hmac", KEY)


def test_jetlinks_digests_name_time_and_key() -> None:
    login = jetlinks("GW-01", "admin", NOW_MS)
    assert (login.client_id, login.username) == ("GW-01", f"admin|{NOW_MS}")
    assert login.derive(KEY) == openssl(f"admin|{NOW_MS}|{KEY}", "-md5")
