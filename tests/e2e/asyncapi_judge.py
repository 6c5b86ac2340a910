"""Holds messages against docs/contract/asyncapi.yaml; nothing of the gateway's is used for it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

CONTRACT = Path(__file__).parents[2] / "docs" / "contract" / "asyncapi.yaml"
_URN = "urn:contract"
_EVENTS = {"gap", "config", "clock"}
"""Events whose `data` the contract describes."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A message that the contract allows.

    Attributes:
        channel: the contract's name for it, e.g. `telemetry`.
        levels: the topic's variable parts by name.
        body: the payload, parsed.
    """

    channel: str
    levels: dict[str, str]
    body: dict[str, Any]


class Judge:
    """The contract, ready to judge."""

    def __init__(self, path: Path = CONTRACT) -> None:
        contract = yaml.safe_load(path.read_text("utf-8"))
        resource = Resource.from_contents(contract, default_specification=DRAFT202012)
        self._registry = Registry().with_resource(_URN, resource)
        self._retained = {
            _last(operation["channel"]["$ref"]): operation["bindings"]["mqtt"]["retain"]
            for operation in contract["operations"].values()
        }
        self._channels: list[tuple[str, re.Pattern[str], Draft202012Validator]] = []
        for name, channel in contract["channels"].items():
            message = _last(next(iter(channel["messages"].values()))["$ref"])
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(channel["address"]))
            validator = self._validator(f"/components/messages/{message}/payload")
            self._channels.append((name, re.compile(pattern), validator))
        self._events = {n: self._validator(f"/components/schemas/{n}") for n in _EVENTS}

    def judge(self, topic: str, payload: bytes, *, retained: bool = False) -> Judged:
        """Return the message, or raise AssertionError with everything that is wrong with it.

        Args:
            topic: as received.
            payload: as received.
            retained: True when the broker had kept it.
        """
        fits = [(n, m, v) for n, p, v in self._channels if (m := p.fullmatch(topic)) is not None]
        assert fits, f"no channel of the contract has the topic {topic}"
        ((name, match, validator),) = fits
        body = json.loads(payload)
        errors = [f"{e.json_path}: {e.message}" for e in validator.iter_errors(body)]
        levels = match.groupdict()
        if name == "event" and levels["type"] in self._events:
            data = self._events[levels["type"]].iter_errors(body.get("data"))
            errors += [f"data {e.json_path}: {e.message}" for e in data]
        if name == "telemetry":
            late = levels["mode"] == "hist"
            if levels["mode"] not in {"live", "hist"} or body.get("hist") is not late:
                errors.append(f"hist is {body.get('hist')} on …/{levels['mode']}")
        if retained and not self._retained.get(name, False):
            errors.append("is retained and must not be")
        assert not errors, f"{topic}: {'; '.join(errors)}: {payload.decode()}"
        return Judged(name, levels, body)

    def _validator(self, pointer: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": f"{_URN}#{pointer}"}, registry=self._registry)


def _last(pointer: str) -> str:
    return pointer.rsplit("/", 1)[-1]
