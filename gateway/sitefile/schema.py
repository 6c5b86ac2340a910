"""The JSON Schema of the site file, for editors that complete, explain and check while typing.

Pydantic writes it; this says the same more strictly and more quietly: a key left empty is a fault
unless it is a section, names are held to their rule, and titles that repeat a key are left out.
"""

from typing import cast

from gateway.sitefile.sections import Site

Schema = dict[str, object]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema_site() -> Schema:
    """Return the schema; descriptions are in English."""
    made = cast("Schema", _plain(Site.model_json_schema(by_alias=True)))
    sections = cast("dict[str, Schema]", made["properties"])
    for name in set(sections) - {"site"}:
        sections[name] = _or_empty(sections[name])
    device = cast("dict[str, Schema]", made["$defs"])["DeviceConfig"]
    tags = cast("dict[str, Schema]", device["properties"])
    tags["tags"] = _or_empty(tags["tags"])
    return {"$schema": _DRAFT, **made, "title": "nxgate site file"}


def _plain(value: object) -> object:
    """Tidy a schema and all within it."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    schema = {key: _plain(item) for key, item in value.items() if key != "discriminator"}
    if isinstance(schema.get("title"), str):
        del schema["title"]
    if schema.get("default", ...) is None or isinstance(schema.get("default"), dict):
        del schema["default"]  # nothing, or a part whose keys have their own
    either = schema.get("anyOf")
    if isinstance(either, list) and {"type": "null"} in either:
        rest = [item for item in either if item != {"type": "null"}]
        schema["anyOf"] = rest
        if len(rest) == 1:
            del schema["anyOf"]
            schema = {**rest[0], **schema}
    rules = schema.pop("patternProperties", None)
    if isinstance(rules, dict):
        ((pattern, item),) = rules.items()
        names = cast("Schema", schema.get("propertyNames", {}))
        schema |= {"additionalProperties": item, "propertyNames": {"pattern": pattern, **names}}
    return schema


def _or_empty(schema: Schema) -> Schema:
    """Let a section be left empty, as while its lines are comments."""
    kept = {"description", "default", "examples"}
    described = {key: item for key, item in schema.items() if key in kept}
    rest = {key: item for key, item in schema.items() if key not in kept}
    return {**described, "anyOf": [rest, {"type": "null"}]}
