"""Topics of one edge node (Sparkplug 3.0, 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract import OWN_LINE

if TYPE_CHECKING:
    from gateway.settings import Identity, SparkplugSettings

NAMESPACE = "spBv1.0"
ROLLUP = "_line"
"""The asset that a line's figures are told of; every line has one."""


class Topics:
    """Spells them.

    Args:
        identity: group and node, where the section gives none.
        config: the section.

    Attributes:
        ndeath: the Will's.
        ncmd: commands for the node.
        dcmd: commands for its devices, as a filter.
        state: of the primary host, or "".
        marker: where the node marks how far it got, outside the namespace.
    """

    def __init__(self, identity: Identity, config: SparkplugSettings) -> None:
        group = config.group or f"{identity.enterprise}.{identity.site}"
        node = config.node or identity.gateway
        self._group = f"{NAMESPACE}/{group}"
        self._node = node
        self._own = (OWN_LINE, identity.gateway)
        self.ndeath = self.of("DEATH")
        self.ncmd = self.of("CMD")
        self.dcmd = self.of("CMD", "+")
        self.state = f"{NAMESPACE}/STATE/{config.primary_host}" if config.primary_host else ""
        self.marker = config.marker or f"nxgate/{group}/{node}"

    def of(self, kind: str, device: str = "") -> str:
        """The topic of a message.

        Args:
            kind: BIRTH, DATA, DEATH or CMD.
            device: "": the node itself.
        """
        own = f"{self._group}/{'D' if device else 'N'}{kind}/{self._node}"
        return f"{own}/{device}" if device else own

    def device_of(self, line: str, asset: str) -> str:
        """The device that an asset is; "" for the gateway itself, which is the node."""
        if (line, asset) == self._own:
            return ""
        return f"{line}.{asset}" if asset == ROLLUP else asset
