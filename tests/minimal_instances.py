"""Minimal instances of any IOD, made by the tables alone: Type 1, Type 2, and what a decided condition requires.

An oracle's input: what another toolkit misses in them, the tables do not demand. The values mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from dcmenc.dictionary import Entry, lookup
from dcmenc.iod_tables import PER_FRAME_GROUPS, SHARED_GROUPS, Attribute, Context, Group, attributes_of, evaluate, iod_of, item_table
from dcmenc.model import Dataset

# The classes whose conditions have all been decided, or left to a person.
STORAGE = "1.2.840.10008.5.1.4.1.1"
SC, CT, MR, US, US_MULTI_FRAME, CR, DX, MG = (f"{STORAGE}.{end}" for end in ("7", "2", "4", "6.1", "3.1", "1", "1.1", "1.2"))
SC_BIT, SC_BYTE, SC_WORD, SC_COLOR = (f"{SC}.{number}" for number in (1, 2, 3, 4))
ENHANCED_CT, ENHANCED_MR, SEG, WSI = f"{CT}.1", f"{MR}.1", f"{STORAGE}.66.4", f"{STORAGE}.77.1.6"
RT_STRUCT, RT_DOSE, PDF, SR = f"{STORAGE}.481.3", f"{STORAGE}.481.2", f"{STORAGE}.104.1", f"{STORAGE}.88.33"
NAMED = (SC, SC_BIT, SC_BYTE, SC_WORD, SC_COLOR, CT, MR, ENHANCED_CT, ENHANCED_MR, SEG, US, US_MULTI_FRAME, CR, DX, MG,
         RT_STRUCT, RT_DOSE, WSI, PDF, SR)

_BY_VR: Mapping[str, Any] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UT"), "X"),
    **dict.fromkeys(("SL", "SS", "SV", "UL", "US", "UV", "IS", "DS", "FD", "FL"), 1),
    **dict.fromkeys(("OB", "OD", "OF", "OL", "OV", "OW", "UN"), bytes(8)),
    "AS": "030Y", "AT": 0x00280010, "DA": "20260101", "DT": "20260101", "PN": "A^B", "TM": "120000", "UR": "http://x",
}
_BY_KEYWORD: Mapping[str, Any] = {
    "PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 1, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
    "PixelRepresentation": 0, "PixelData": bytes(2), "ImageOrientationPatient": (1, 0, 0, 0, 1, 0), "BodyPartExamined": "HEAD",
    "ValueType": "CONTAINER",
}
_BY_CLASS: Mapping[str, Mapping[str, Any]] = {
    "1.2.840.10008.5.1.4.1.1.7.1": {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0},
    "1.2.840.10008.5.1.4.1.1.7.2": {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
    "1.2.840.10008.5.1.4.1.1.7.4": {
        "PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": bytes(4)},
}
_ROUNDS = 8  # conditions depend on one another; each round adds what the round before has made required


def minimal_instance(sop_class: str, start: Dataset | None = None, also: tuple[str, ...] = ()) -> Dataset:
    """A data set with what the tables demand for sure; functional groups that may be shared are.

    ``start`` is what it has already; the modules ``also`` are used, too.
    """
    iod = iod_of(sop_class)
    assert iod is not None
    dataset = Dataset(SOPClassUID=sop_class) if start is None else start
    uids = (f"1.2.3.{number}" for number in count(1))
    for _ in range(_ROUNDS):
        before = repr(dataset)
        root = Context(dataset)
        used = [module.name for module in iod.modules
                if module.usage == "M" or module.name in also or (module.usage == "C" and evaluate(module.condition, root))]
        rows = attributes_of(sop_class, used)
        _fill({tag: row for tag, row in rows.items() if tag not in (SHARED_GROUPS, PER_FRAME_GROUPS)}, root, sop_class, uids)
        if SHARED_GROUPS in rows and (iod.groups or SHARED_GROUPS in dataset):
            _fill_groups(iod.groups, rows, root, sop_class, uids)
        if repr(dataset) == before:
            break
    return dataset


def _fill_groups(groups: tuple[Group, ...], rows: Mapping[int, Attribute], root: Context, sop_class: str, uids: Any) -> None:
    for tag in (SHARED_GROUPS, PER_FRAME_GROUPS):
        if tag in rows and tag not in root.item:
            root.item[tag] = [Dataset()]
    for tag in (SHARED_GROUPS, PER_FRAME_GROUPS):
        if tag not in rows:
            continue
        context, table = root.inside(tag, root.item[tag].value[0]), item_table(rows[tag])
        other = root.item[PER_FRAME_GROUPS if tag == SHARED_GROUPS else SHARED_GROUPS].value[0]
        wanted = [one for one in context.item if one in table]
        for group in groups:
            required = group.usage == "M" or (group.usage == "C" and evaluate(group.condition, context))
            mine = (group.place == "per-frame") == (tag == PER_FRAME_GROUPS) and not any(one in other for one in group.tags)
            wanted += [one for one in group.tags if required and mine and one in table]
        _fill({one: table[one]._replace(type="1") for one in wanted}, context, sop_class, uids)


def _fill(rows: Mapping[int, Attribute], context: Context, sop_class: str, uids: Any) -> None:
    for tag, row in rows.items():
        entry = lookup(tag)
        item = context.item
        demanded = row.type in ("1", "2") or row.floor or (row.type in ("1C", "2C") and evaluate(row.condition, context))
        if entry is None or not (demanded or (entry.vr == "SQ" and tag in item)):
            continue
        strict = row.type == "1" or (row.type == "1C" and evaluate(row.condition, context))
        if entry.vr == "SQ":
            if tag not in item:
                item[tag] = [Dataset()] if strict else []
            for inner in item[tag].value or ():
                _fill(item_table(row), context.inside(tag, inner), sop_class, uids)
        elif tag not in item:
            item[tag] = _value(row, entry, context, sop_class, uids) if strict else None


def _value(row: Attribute, entry: Entry, context: Context, sop_class: str, uids: Any) -> Any:
    own = {**_BY_KEYWORD, **_BY_CLASS.get(sop_class, {})}
    if entry.keyword in own:
        return own[entry.keyword]
    vr = entry.vr.split("/")[0]
    if vr == "UI":
        return sop_class if entry.keyword == "SOPClassUID" else next(uids)
    values = [_BY_VR[vr]] * entry.vm.low
    if entry.keyword in ("ImageType", "FrameType"):
        values = ["ORIGINAL", "PRIMARY", "X", "NONE"]
    for one in row.values:
        if one.values and (one.when is None or evaluate(one.when, context)) and one.place <= len(values):
            places = range(len(values)) if not one.place else [one.place - 1]
            for place in places:
                values[place] = values[place] if values[place] in one.values else one.values[0]
    if vr in ("IS", "DS"):
        values = [float(value) if vr == "DS" else int(value) for value in values]
    return values[0] if len(values) == 1 else tuple(values)
