"""What an asset's figures and tags mean, as the retained `meta` message says it.

`rev` is a hash of the content, so that the same site file gives the same revision on every start
and a subscriber can tell which names a telemetry message used.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from gateway.model import Draft, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.derivation import DerivedSignal
    from gateway.metering import Nameplate
    from gateway.model import AlarmSpec, Asset, Binding, Tag
    from gateway.plant import KpiText, ReasonText

_NUMBERS = {Kind.F32, Kind.F64}
PIECE = "{piece}"
"""In the unit of a figure: whatever the asset makes."""


def value_type(tag: Tag) -> str:
    """The contract's word for what a tag holds: bool, int, float or string."""
    if tag.kind is Kind.BIT:
        return "bool"
    if tag.kind is Kind.STRING:
        return "string"
    whole = float(tag.scale).is_integer() and float(tag.offset).is_integer()
    return "int" if whole and tag.kind not in _NUMBERS else "float"


def describe(
    asset: Asset,
    tz: str,
    kpis: Sequence[KpiText],
    ts_ms: int,
    reasons: Sequence[ReasonText] = (),
) -> tuple[str, Draft]:
    """Write an asset's meta record.

    Args:
        asset: with its bindings.
        tz: the site's time zone name.
        kpis: what `kpi` of oee and energy may hold.
        ts_ms: UTC ms now.
        reasons: why it may stand.

    Returns:
        The revision, 8 hexadecimal digits, and the draft.
    """
    about: dict[str, object] = {
        "id": asset.name,
        "name": dict(asset.text) or {"en": asset.name},
        "kind": asset.kind,
        "tz": tz,
    }
    if asset.kpi is not None:
        if asset.kpi.ideal_cycle_s:
            about["ideal_cycle_s"] = asset.kpi.ideal_cycle_s
        about["profile"] = asset.kpi.profile
        about["piece"] = asset.kpi.piece
        plate = asset.kpi.metering.nameplate
        if plate is not None and plate.pressure_mpa is not None:
            about["efficiency"] = _describe_level(plate)
    tags = [_describe_tag(binding) for binding in asset.feeds()]
    if asset.derived is not None:
        tags += [_describe_derived(asset.name, signal) for signal in asset.derived.signals]
    content: dict[str, object] = {"asset": about, "tags": tags}
    if asset.alarms:
        content["alarms"] = [_describe_alarm(alarm) for alarm in asset.alarms]
    if kpis:
        piece = asset.kpi.piece if asset.kpi is not None else ""
        content["kpis"] = [_describe_kpi(kpi, piece) for kpi in kpis]
    if reasons:
        content["reasons"] = [_describe_reason(reason, asset) for reason in reasons]
    rev = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]
    return rev, Draft("meta", asset.line, asset.name, ts_ms, orjson.dumps({"rev": rev, **content}))


def _describe_kpi(kpi: KpiText, piece: str) -> dict[str, object]:
    """A figure; in its unit, a profile leaves the piece to the machine: `kWh/{piece}`."""
    unit = {"u": kpi.u.replace(PIECE, piece)} if kpi.u else {}
    return {"n": kpi.n, **unit, "desc": dict(kpi.desc), "layer": kpi.layer}


def _describe_level(plate: Nameplate) -> dict[str, object]:
    """The lines of efficiency grades that such a compressor is held against, or that none are."""
    if not plate.limits:
        return {"desc": {"zh": "无已发布的能效水平", "en": "no published level"}}
    return {"standard": plate.standard, "limits": list(plate.limits), "u": "kW/(m3/min)"}


def _describe_reason(reason: ReasonText, asset: Asset) -> dict[str, object]:
    """A reason with all that may be given for it at this machine, beside its key."""
    own = [code for code, key in asset.reasons.items() if key == reason.n]
    codes = [code for code in reason.codes if code not in asset.reasons]
    return {
        "n": reason.n,
        "loss": reason.loss,
        "desc": dict(reason.desc),
        "codes": [*codes, *own],
    }


def _describe_alarm(alarm: AlarmSpec) -> dict[str, object]:
    """What may be raised, in all languages: an alarm's record has room for one."""
    fields: dict[str, object] = {"n": alarm.name, "sev": alarm.severity, "desc": dict(alarm.text)}
    if alarm.signal:
        fields["on"] = alarm.signal
        fields["src"] = {"device": alarm.device, "tag": alarm.tag}
    limits = {key: getattr(alarm, key) for key in ("above", "below", "equals", "clear")}
    fields.update({key: limit for key, limit in limits.items() if limit is not None})
    return fields


def _describe_tag(binding: Binding) -> dict[str, object]:
    tag = binding.tag
    fields: dict[str, object] = {"n": binding.signal, "t": value_type(tag)}
    if binding.unit or tag.unit:
        fields["u"] = binding.unit or tag.unit
    if binding.text or tag.text:
        fields["desc"] = dict(binding.text or tag.text)
    limits = {"lo": binding.low, "hi": binding.high}
    fields.update({key: limit for key, limit in limits.items() if limit is not None})
    fields["src"] = {"device": tag.device, "tag": tag.name, "at": tag.at}
    if binding.layer:
        fields["layer"] = binding.layer
    return fields


def _describe_derived(asset: str, signal: DerivedSignal) -> dict[str, object]:
    """A signal that is computed: its source is the asset itself, and how."""
    fields: dict[str, object] = {"n": signal.signal, "t": signal.value}
    if signal.unit:
        fields["u"] = signal.unit
    if signal.text:
        fields["desc"] = dict(signal.text)
    limits = {"lo": signal.low, "hi": signal.high}
    fields.update({key: limit for key, limit in limits.items() if limit is not None})
    fields["src"] = {"device": asset, "at": signal.source}
    if signal.layer:
        fields["layer"] = signal.layer
    return fields
