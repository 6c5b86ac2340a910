"""The JSON Schema of the site file says no to what the reader says no to, as far as it can."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from gateway.config import schema_site
from gateway.sitefile.document import examine, load

ROOT = Path(__file__).parent.parent.parent
CASES = ROOT / "tests/cases/config"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = schema_site()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_sample_is_valid_by_the_schema(validator: jsonschema.Draft202012Validator) -> None:
    assert not list(validator.iter_errors(load(ROOT / "docs/site.sample.yaml").data))


# What a schema can't say: files on disk, syntax, and what must agree between values.
BEYOND = {
    "unknown-reason",
    "alarm-unknown-tag",
    "asset-named-like-gateway",
    "asset-named-like-device",
    "bad-address",
    "address-a-float",
    "bare-address",
    "bind-unknown-device",
    "bind-unknown-signal",
    "bind-unknown-tag",
    "break-outside-shift",
    "certificate-not-pem",
    "certificates-missing",
    "client-id-twice",
    "duplicate-key",
    "duplicate-tag",
    "duration-out-of-range",
    "extension-missing",
    "holiday-and-workday",
    "key-pasted",
    "line-unknown",
    "overtime-and-stops",
    "overtime-break-outside",
    "overtime-overlaps",
    "overtime-unknown-shift",
    "secret-empty",
    "secret-is-a-folder",
    "secret-missing",
    "secret-not-text",
    "secret-unreadable",
    "secret-world-readable",
    "second-document",
    "shifts-overlap",
    "shifts-overlap-sunday",
    "stop-of-both",
    "stop-of-no-length",
    "store-too-small",
    "timezone-offset",
    "undeclared-group",
    "unknown-industry",
    "unknown-machine-type",
    "unknown-parameter",
    "unknown-scheme",
    "unknown-template",
    "unknown-timezone",
    "within-itself",
    "default-group",
    "merge-key",
    "levels-hysteresis",
    "levels-upside-down",
    "levels-without-power",
    "pulse-too-short",
    "state-from-count-no-cycle",
    "state-from-unbound-bit",
    "strokes-upside-down",
    # A tariff in a file of its own is a path to the schema.
    *(path.name for path in CASES.glob("tariff-*")),
}
READABLE = {
    path.parent.name: document
    for path in sorted(CASES.glob("*/site.yaml"))
    if (document := examine(path)[0])
}


@pytest.mark.parametrize("slug", READABLE)
def test_the_schema_refuses_what_it_can(
    slug: str, validator: jsonschema.Draft202012Validator
) -> None:
    refused = bool(list(validator.iter_errors(READABLE[slug].data)))
    assert refused == (slug not in BEYOND)


def test_every_key_is_explained_and_has_an_example() -> None:
    schema = schema_site()
    defs = schema["$defs"]
    assert isinstance(defs, dict)
    for name, part in {"Site": schema, **defs}.items():
        if "properties" not in part:
            continue
        assert part["additionalProperties"] is False, name
        for key, field in part["properties"].items():
            assert field.get("description"), f"{name}.{key}"
            assert name == "Site" or field.get("examples"), f"{name}.{key}"
            assert field.get("default", ...) is not None, f"{name}.{key}"


def test_examples_and_defaults_are_valid() -> None:
    schema = schema_site()
    defs = schema["$defs"]
    assert isinstance(defs, dict)
    for name, part in {"Site": schema, **defs}.items():
        for key, field in part.get("properties", {}).items():
            judge = jsonschema.Draft202012Validator({**field, "$defs": defs})
            for value in [*field.get("examples", ()), *[field[k] for k in field if k == "default"]]:
                errors = [error.message for error in judge.iter_errors(value)]
                assert not errors, f"{name}.{key}: {value}"
