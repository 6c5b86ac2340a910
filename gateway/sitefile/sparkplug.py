"""An edge node of Sparkplug B, in a section of `publish`."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.json_schema import WithJsonSchema

from gateway.sitefile.explain import Wrong, describe
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Flag, Maybe
from gateway.words import _

_ID = re.compile(r"[^+#/\x00-\x1f\x7f]{1,128}")
_TOPIC = re.compile(r"[^+#\x00-\x1f\x7f$][^+#\x00-\x1f\x7f]{0,255}")


def _id(value: str) -> str:
    """Check an id that becomes one level of a topic."""
    if _ID.fullmatch(value):
        return value
    what = _("{value} can't be a level of a topic").format(value=describe(value))
    raise Wrong("bad-name", what, _("write 1 to 128 characters, none of them + # or /"))


def _topic(value: str) -> str:
    """Check a topic to publish to, outside of Sparkplug's own."""
    if _TOPIC.fullmatch(value) and not value.startswith("spBv1.0/"):
        return value
    what = _("{value} is no topic for markers").format(value=describe(value))
    next_ = _("write one outside spBv1.0/, without + and #, e.g. nxgate/plant-1/gw-01")
    raise Wrong("bad-name", what, next_)


Id = Annotated[
    str,
    AfterValidator(_id),
    WithJsonSchema({"type": "string", "pattern": "^[^+#/]{1,128}$"}),
]
Topic = Annotated[
    str, AfterValidator(_topic), WithJsonSchema({"type": "string", "pattern": "^[^+#]{1,256}$"})
]


class SparkplugConfig(Part):
    """What the standard leaves open."""

    model_config = example({"primary_host": "scada"})

    group: Maybe[Id] = Field(
        default=None,
        description="Group id; else enterprise and site with a dot between them.",
        examples=["Plant 1"],
    )
    node: Maybe[Id] = Field(
        default=None, description="Edge node id; else the gateway's name.", examples=["Cell 3"]
    )
    primary_host: Maybe[Id] = Field(
        default=None,
        description="Host id of the application without which nothing is sent.",
        examples=["scada"],
    )
    aliases: Flag = Field(
        default=True, description="Data names metrics by number, as births told.", examples=[False]
    )
    datatypes: Flag = Field(
        default=False,
        description="Data says each metric's datatype too; some decoders need it.",
        examples=[True],
    )
    marker: Maybe[Topic] = Field(
        default=None,
        description="Topic of the markers whose acknowledgement says how far the broker has read.",
        examples=["nxgate/plant-1/gw-01"],
    )
