"""The JSON Schema of a profile: what editors complete and check while someone writes one."""

from typing import Any

from gateway.resolution.profile import Profile

REFERENCE = "#/$defs/"
OWN = ["profile", "version", "name"]
"""What a profile says itself, whatever it extends."""


def schema_profile() -> dict[str, Any]:
    """Return the JSON Schema of a profile.

    What extends something may leave out what it inherits, at any depth; only `nxgate profile
    check` knows whether it does inherit it.
    """
    made = Profile.model_json_schema()
    defs = made.pop("$defs")
    whole = {**defs, "Profile": made}
    laid: dict[str, Any] = {f"{name}Laid": _laid(part) for name, part in whole.items()}
    laid["ProfileLaid"]["required"] = OWN
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": made["title"],
        **_either("Profile"),
        "$defs": {
            **defs,
            **laid,
            "MachineType": _either("MachineType"),
            "MachineTypeWhole": whole["MachineType"],
            "ProfileWhole": whole["Profile"],
        },
    }


def _either(name: str) -> dict[str, Any]:
    """What extends another of its kind is laid over it, what doesn't is whole."""
    return {
        "if": {"required": ["extends"]},
        "then": {"$ref": f"{REFERENCE}{name}Laid"},
        "else": {"$ref": f"{REFERENCE}{name}Whole"},
    }


def _laid(part: Any) -> Any:  # noqa: ANN401 - any piece of a JSON Schema
    """A piece of the schema for what is laid over something: nothing in it is required."""
    if isinstance(part, list):
        return [_laid(item) for item in part]
    if not isinstance(part, dict):
        return part
    laid = {key: _laid(value) for key, value in part.items()}
    if part.get("type") == "object":
        laid.pop("required", None)
        laid.pop("minProperties", None)
    if isinstance(part.get("$ref"), str):
        laid["$ref"] = f"{part['$ref']}Laid"
    return laid
