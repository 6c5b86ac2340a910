"""The AsyncAPI document, ready to judge with: addresses, schemas and bindings.

Schemas are compiled by fastjsonschema, once: 30 µs for a telemetry message of 200 values where
jsonschema takes 1,400 (decisions/0015). It reports the first thing wrong of a message, which is
enough to find it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastjsonschema
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = Path(__file__).parents[1] / "docs" / "contract" / "asyncapi.yaml"
"""A wheel carries it at the same place beside this package."""

_DIALECT = "http://json-schema.org/draft-07/schema#"
_LEVELS_ABOVE = 7  # cii/v1/{cluster}/{enterprise}/{site}/{line}/{asset}

Check = "Callable[[object], str | None]"


@dataclass(frozen=True, slots=True)
class Channel:
    """One kind of message.

    Attributes:
        name: the document's, e.g. `telemetry`.
        address: as the document has it.
        tail: how many levels follow the asset.
        qos, retain: of the operation's MQTT binding; None where it has none.
        check: returns what is wrong with a payload, or None.
    """

    name: str
    address: str
    tail: int
    qos: int | None
    retain: bool | None
    pattern: re.Pattern[str]
    check: Callable[[object], str | None]


class Contract:
    """Everything that is read from the document.

    Args:
        path: the AsyncAPI document.
    """

    def __init__(self, path: Path = DOCUMENT) -> None:
        document: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        self.version = str(document["info"]["version"])
        self._components = document["components"]
        bindings = {
            _last(operation["channel"]["$ref"]): operation.get("bindings", {}).get("mqtt", {})
            for operation in document["operations"].values()
        }
        self.channels = tuple(
            self._channel(name, channel, bindings.get(name, {}))
            for name, channel in document["channels"].items()
        )
        schemas = self._components["schemas"]
        self._data = {
            name: self._compile(f"#/components/schemas/{name}")
            for name in ("gap", "config", "clock")
            if name in schemas
        }

    def find(self, topic: str) -> tuple[Channel, dict[str, str]] | None:
        """Return the channel that a topic belongs to and its variable levels."""
        for channel in self.channels:
            found = channel.pattern.fullmatch(topic)
            if found is not None:
                return channel, found.groupdict()
        return None

    def wrong_data(self, event: str, data: object) -> str | None:
        """Return what is wrong with an event's data, where the document describes them."""
        check = self._data.get(event)
        return check(data) if check is not None else None

    def _channel(self, name: str, channel: dict[str, Any], mqtt: dict[str, Any]) -> Channel:
        address = channel["address"]
        message = _last(next(iter(channel["messages"].values()))["$ref"])
        pointer = self._components["messages"][message]["payload"]["$ref"]
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(address))
        return Channel(
            name=name,
            address=address,
            tail=address.count("/") + 1 - _LEVELS_ABOVE,
            qos=mqtt.get("qos"),
            retain=mqtt.get("retain"),
            pattern=re.compile(pattern, re.DOTALL),
            check=self._compile(pointer),
        )

    def _compile(self, pointer: str) -> Callable[[object], str | None]:
        schema = {"$schema": _DIALECT, "$ref": pointer, "components": self._components}
        valid = fastjsonschema.compile(schema, use_default=False)

        def check(content: object) -> str | None:
            try:
                valid(content)
            except fastjsonschema.JsonSchemaValueException as error:
                return str(error.message)
            return None

        return check


def _last(pointer: str) -> str:
    return pointer.rsplit("/", 1)[-1]
