"""Who the gateway is to a platform, where that is worked out from a secret.

The secret is read when a connection is made, and stands in no setting.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.secret import Secret, read_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.settings import MqttSettings


@dataclass(frozen=True, slots=True)
class Derived(Secret):
    """A password that is worked out from the secret in a file."""

    derive: Callable[[str], str]

    def read(self) -> str:
        """Return the password.

        Raises:
            ConfigError: as `Secret.read`.
        """
        return self.derive(read_secret(self.file))


@dataclass(frozen=True, slots=True)
class Login:
    """What CONNECT says."""

    client_id: str
    username: str
    derive: Callable[[str], str]

    def into(self, config: MqttSettings, secret: Secret | None) -> MqttSettings:
        """Settings of one connection."""
        assert secret is not None  # noqa: S101 - the site file's check
        return replace(
            config,
            client_id=self.client_id,
            username=self.username,
            password=Derived(secret.file, self.derive),
        )


def huawei(device_id: str, now_ms: int) -> Login:
    """Huawei IoTDA, device authentication by secret.

    The signature is of the kind whose time the platform doesn't check (`0_0`): a box whose clock
    is wrong gets in all the same.
    """
    hour = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%d%H")
    return Login(
        f"{device_id}_0_0_{hour}", device_id, lambda secret: hmac_hex("sha256", hour, secret)
    )


def alink(product: str, device: str, now_ms: int, *, encrypted: bool) -> Login:
    """Alibaba IoT Platform, one secret per device, HMAC-SHA256."""
    client = f"{product}.{device}"
    mode = 2 if encrypted else 3
    return Login(
        f"{client}|securemode={mode},signmethod=hmacsha256,timestamp={now_ms}|",
        f"{device}&{product}",
        lambda secret: alink_sign(client, product, device, now_ms, secret),
    )


def alink_sign(client: str, product: str, device: str, now_ms: int, secret: str) -> str:
    """Sign a device's or a sub-device's login: names and values, by name, without separators."""
    text = f"clientId{client}deviceName{device}productKey{product}timestamp{now_ms}"
    return hmac_hex("sha256", secret, text)


def jetlinks(device: str, secure_id: str, now_ms: int) -> Login:
    """JetLinks' official protocol; its clock and ours may differ by five minutes."""
    user = f"{secure_id}|{now_ms}"
    return Login(device, user, lambda key: md5_hex(f"{user}|{key}"))


def hmac_hex(method: str, key: str, text: str) -> str:
    """HMAC as hexadecimal digits."""
    return hmac.new(key.encode(), text.encode(), method).hexdigest()


def md5_hex(text: str) -> str:
    """MD5, which the platform prescribes, as hexadecimal digits."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
