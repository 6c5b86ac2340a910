"""The copy of a site file that a rehearsal runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sitefile.document import examine
from simulators.sitecopy import write

if TYPE_CHECKING:
    from pathlib import Path

SITE = """\
site: {cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: UTC}
publish:
  cluster: {kind: mqtt, url: "mqtts://broker.example:8883"}
"""
HERE = 'publish:\n  here: {kind: mqtt, url: "mqtt://127.0.0.1:1883"}\n'


def test_it_publishes_only_what_somebody_put_into_it(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    site, _faults = examine(tmp_path / "site.yaml")
    assert site is not None
    out = tmp_path / "rehearsal.yaml"
    write(out, site, {})
    made = out.read_text("utf-8")
    assert "published nowhere" in made.splitlines()[0]
    assert "publish:" not in made
    out.write_text(made + HERE, "utf-8")
    for _restart in range(2):
        write(out, site, {})
        again, _faults = examine(out)
        assert again is not None
        assert again.data["publish"] == {"here": {"kind": "mqtt", "url": "mqtt://127.0.0.1:1883"}}
        assert "published nowhere" not in out.read_text("utf-8")
