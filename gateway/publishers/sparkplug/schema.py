"""The payload's definition (Sparkplug 3.0, 6.4.1), as classes of the protobuf library.

Loaded with the first command that arrives, and by the tests: what is sent is written in `wire`.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "nxgate.sparkplug"
_FIELD = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "uint32": _FIELD.TYPE_UINT32,
    "uint64": _FIELD.TYPE_UINT64,
    "float": _FIELD.TYPE_FLOAT,
    "double": _FIELD.TYPE_DOUBLE,
    "bool": _FIELD.TYPE_BOOL,
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
}
_SCALARS = "int_value:uint32 long_value:uint64 float_value:float double_value:double "
_SCALARS += "boolean_value:bool string_value:string"
_REPEATED = "*"
_MESSAGES = {
    "Payload": "1 timestamp:uint64 metrics:*Metric seq:uint64 uuid:string body:bytes",
    "Metric": (
        "1 name:string alias:uint64 timestamp:uint64 datatype:uint32 is_historical:bool"
        " is_transient:bool is_null:bool metadata:MetaData properties:PropertySet"
        f" {_SCALARS} bytes_value:bytes dataset_value:DataSet template_value:Template"
    ),
    "MetaData": (
        "1 is_multi_part:bool content_type:string size:uint64 seq:uint64 file_name:string"
        " file_type:string md5:string description:string"
    ),
    "PropertySet": "1 keys:*string values:*PropertyValue",
    "PropertySetList": "1 propertyset:*PropertySet",
    "PropertyValue": (
        f"1 type:uint32 is_null:bool {_SCALARS} propertyset_value:PropertySet"
        " propertysets_value:PropertySetList"
    ),
    "DataSet": "1 num_of_columns:uint64 columns:*string types:*uint32 rows:*Row",
    "Row": "1 elements:*DataSetValue",
    "DataSetValue": f"1 {_SCALARS}",
    "Template": (
        "1 version:string metrics:*Metric parameters:*Parameter template_ref:string"
        " is_definition:bool"
    ),
    "Parameter": f"1 name:string type:uint32 {_SCALARS}",
}
"""Each message's fields in the order of their numbers, which begin at 1."""


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="nxgate/sparkplug.proto", package=PACKAGE, syntax="proto2"
    )
    for name, text in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for place, field in enumerate(text.split()[1:], 1):
            label, _colon, kind = field.partition(":")
            repeated = kind.startswith(_REPEATED)
            kind = kind.removeprefix(_REPEATED)
            made = message.field.add(
                name=label,
                number=place,
                label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL,
            )
            if kind in _TYPES:
                made.type = _TYPES[kind]
            else:
                made.type, made.type_name = _FIELD.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_described())
Payload: Any = message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.Payload"))
