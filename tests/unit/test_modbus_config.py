"""Links, device options, and tags that don't go together."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.lines.endpoint import Endpoint
from drivers.modbus import plugin
from drivers.modbus.config import Settings, endpoint
from gateway.driver import AddressError
from gateway.model import Kind, Tag
from gateway.templates import load
from tests.modbus_tags import make


@pytest.mark.parametrize(
    ("url", "host", "port", "spelled"),
    [
        ("modbus+tcp://10.0.0.5:502", "10.0.0.5", 502, "10.0.0.5:502"),
        ("modbus+tcp://10.0.0.5", "10.0.0.5", 502, "10.0.0.5:502"),
        ("modbus+tcp://plc-1.plant:1502/", "plc-1.plant", 1502, "plc-1.plant:1502"),
        ("modbus+tcp://[fe80::1%eth0]:1502", "fe80::1%eth0", 1502, "[fe80::1%eth0]:1502"),
        ("modbus+tcp://[::1]", "::1", 502, "[::1]:502"),
    ],
)
def test_links(url: str, host: str, port: int, spelled: str) -> None:
    plugin.check_link(url)
    assert endpoint(url) == Endpoint(host, port)
    assert str(endpoint(url)) == spelled


@pytest.mark.parametrize(
    "url",
    [
        "modbus+tcp://",
        "modbus+tcp:10.0.0.5",
        "modbus+tcp://10.0.0.5:0",
        "modbus+tcp://10.0.0.5:70000",
        "modbus+tcp://10.0.0.5:five",
        "modbus+tcp://10.0.0.5/unit/1",
        "modbus+tcp://10.0.0.5?unit=1",
        "modbus+tcp://me:secret@10.0.0.5",
        "modbus+tcp://10.0.0 .5",
        "modbus+tcp://..",
        "modbus+tcp://[::1",
    ],
)
def test_wrong_links(url: str) -> None:
    with pytest.raises(AddressError) as caught:
        plugin.check_link(url)
    assert caught.value.code == "bad-link"
    assert "modbus+tcp://10.0.0.5:502" in caught.value.next


def test_options_of_a_device() -> None:
    assert Settings.of({}) == Settings(1, 125, 2000, 16, even=False)
    given = {"unit": 0, "max_read": 80, "max_bits": 8, "gap": 0, "even": True, "ct_ratio": 40}
    assert Settings.of(given) == Settings(0, 80, 8, 0, even=True)
    assert Settings.of({"unit": None, "max_read": None, "even": None}) == Settings()


@pytest.mark.parametrize(
    "options",
    [
        {"unit": 256},
        {"unit": -1},
        {"unit": "1"},
        {"unit": True},
        {"max_read": 0},
        {"max_read": 126},
        {"max_read": 1, "even": True},
        {"max_bits": 2001},
        {"gap": -1},
        {"gap": 1.5},
        {"even": "yes"},
    ],
)
def test_wrong_options(options: dict[str, object]) -> None:
    with pytest.raises(AddressError) as caught:
        plugin.check_tag(make("t", "holding:0"), options)
    assert caught.value.code == "bad-option"


@pytest.mark.parametrize(
    "tag",
    [
        make("t", "holding:0"),
        make("t", "holding:65532", Kind.F64),
        make("t", "input:7.15"),
        make("t", "coil:65535"),
        make("t", "holding:1", Kind.BITFIELD, bits=(0, 15)),
        make("t", "holding:1", Kind.BCD, length=4, scale=0.1),
        make("t", "holding:1", Kind.STRING, length=125),
        make("t", "holding:1", Kind.I16, scale=-1e-12, offset=-1e12, missing=(-32768,)),
    ],
    ids=lambda tag: f"{tag.at} {tag.kind}",
)
def test_tags_that_go_together(tag: Tag) -> None:
    plugin.check_tag(tag, {})


@pytest.mark.parametrize(
    ("tag", "options", "code"),
    [
        (make("t", "coil:1")._replace(kind=Kind.U16), {}, "bad-kind"),
        (make("t", "holding:1", Kind.BIT), {}, "bad-kind"),
        (make("t", "holding:1.2")._replace(kind=Kind.U16), {}, "bad-kind"),
        (make("t", "holding:1", Kind.BITFIELD), {}, "bad-bits"),
        (make("t", "holding:1", Kind.U16, bits=(0, 3)), {}, "bad-bits"),
        (make("t", "holding:1", Kind.BITFIELD, bits=(0, 16)), {}, "bad-bits"),
        (make("t", "holding:1", Kind.BITFIELD, bits=(4, 3)), {}, "bad-bits"),
        (make("t", "holding:1", Kind.BCD, length=3), {}, "bad-length"),
        (make("t", "holding:1", Kind.STRING, length=0), {}, "bad-length"),
        (make("t", "holding:1", Kind.STRING, length=126), {}, "bad-length"),
        (make("t", "holding:1", Kind.STRING, length=11), {"max_read": 10}, "bad-length"),
        (make("t", "holding:1", Kind.U16, length=2), {}, "bad-length"),
        (make("t", "holding:1", Kind.F64), {"max_read": 3}, "bad-length"),
        (make("t", "holding:1", Kind.F64), {"max_read": 5, "even": True}, "bad-length"),
        (make("t", "holding:65535", Kind.U32), {}, "address-range"),
        (make("t", "coil:1", scale=2), {}, "bad-scale"),
        (make("t", "holding:1", Kind.STRING, length=2, missing=(0,)), {}, "bad-scale"),
        (make("t", "holding:1", scale=0), {}, "bad-scale"),
        (make("t", "holding:1", scale=math.inf), {}, "bad-scale"),
        (make("t", "holding:1", scale=math.nan), {}, "bad-scale"),
        (make("t", "holding:1", offset=math.nan), {}, "bad-scale"),
        (make("t", "holding:1", missing=(math.nan,)), {}, "bad-scale"),
    ],
)
def test_tags_that_do_not(tag: Tag, options: dict[str, object], code: str) -> None:
    with pytest.raises(AddressError) as caught:
        plugin.check_tag(tag, options)
    assert caught.value.code == code
    assert caught.value.next


def test_a_tag_of_another_driver_is_the_callers_mistake() -> None:
    with pytest.raises(TypeError, match=r"machine\.t is no Modbus tag"):
        plugin.check_tag(make("t", "holding:1")._replace(register="ns=2;s=x"), {})


def test_checking_a_site_does_not_load_the_protocol_library() -> None:
    """`check` must be quick, and a site without Modbus must not pay for it."""
    program = (
        "import sys; from drivers.modbus import plugin;"
        "plugin.check_link('modbus+tcp://h'); plugin.address('holding:1', ());"
        "sys.exit('pymodbus' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_sample_has_a_tag_of_every_kind() -> None:
    sample = Path(__file__).parents[2] / "drivers/modbus/sample.yaml"
    plant = load(sample)
    tags = [tag for device in plant.devices for group in device.groups for tag in group.tags]
    assert {tag.kind for tag in tags} == set(Kind)
