#!/usr/bin/env python3
"""Makes ``data/iod.json``: SOP class -> IOD -> modules -> attributes, with Types, conditions and value lists (PS3.3, PS3.4 B.5).

Run by hand when a new edition is wanted, never at install or import::

    python tools/make_iod_tables.py                     # downloads the pinned wheels into a temporary folder
    python tools/make_iod_tables.py WHEELDIR            # wheels that are already there

Two sources are joined: highdicom has the modules of every IOD and their attributes, macros expanded, of a late edition; the
dicom-standard package has, of early 2020, the sentences of the conditions, the value lists and the functional groups of each
IOD. The sentences are only read here (``iod_conditions.py``): what is written are tags, Types, expressions, values and numbers of
clauses. Where a sentence can't be read, or says something that a program can't decide, ``data/iod-overrides.txt`` has
the last word. The output depends on nothing but the wheels and that file: two runs give the same bytes.

``docs/iods.md`` is written, too: how much of each IOD's conditions is decided.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

sys.path.insert(0, str(Path(__file__).parent))

from iod_conditions import PERSON, UNKNOWN, Expression, SentenceReader, parse_expression

ROOT = Path(__file__).parent.parent
HIGHDICOM = "0.28.2"
DICOM_STANDARD = "0.1.0"
STANDARD_DATA = f"dicom_standard-{DICOM_STANDARD}.data/data/standard"

ABOUT = (
    "What the IODs of PS3.3 demand. Made by tools/make_iod_tables.py; not edited by hand (see data/iod-overrides.txt).",
    f"IODs, modules, attributes, Types: highdicom {HIGHDICOM}, Copyright 2020 MGH Computational Pathology, MIT.",
    f"Conditions (read by machine), value lists, functional groups: dicom-standard {DICOM_STANDARD}, Copyright 2017 Innolitics, LLC, MIT.",
    "tables: tag, Type, condition, values, items of each attribute, how many items; '-' is none. iods: modules with usage and condition.",
    "conditions: [required, else allowed]; see src/dcmenc/iod_tables.py for the operators. Names of five letters are hashes of contents.",
)

TYPES = ("1", "1C", "2", "2C", "3")  # the strictest first
SHARED, PER_FRAME = "52009229", "52009230"


class Fact(NamedTuple):
    """What the sentences of one row of the standard's tables say."""

    type: str
    required: str  # JSON of an expression over keywords
    otherwise: str
    values: str  # JSON of the value lists
    items: str  # how many items a sequence may have, as ``item_count`` writes it


NO_FACT = Fact("", json.dumps(UNKNOWN), "null", "[]", "")


class ValuesLine(NamedTuple):
    """One line of ``data/iod-overrides.txt`` about the values of an attribute."""

    number: int
    where: str
    path: tuple[str, ...]
    place: int
    kind: str  # "E" or "D"
    values: tuple[str, ...]
    when: Expression | None


class ItemsLine(NamedTuple):
    """One line of ``data/iod-overrides.txt`` about the number of items of a sequence."""

    number: int
    where: str
    path: tuple[str, ...]
    items: str


class Override(NamedTuple):
    """One line of ``data/iod-overrides.txt`` about a condition."""

    number: int
    kind: str  # "attribute", "module", "group"
    where: str  # a module, an IOD, * for any, or ? for any whose sentence could not be read
    path: tuple[str, ...]  # the first name is empty where the path begins at the module
    type: str  # as the source has it
    new_type: str
    required: Expression
    otherwise: Expression | None


class Source:
    """The JSON files of the two pinned wheels, and the data dictionary that is in ``data/``."""

    def __init__(self, folder: Path) -> None:
        self._highdicom = _wheel(folder, f"highdicom-{HIGHDICOM}")
        self._standard = _wheel(folder, f"dicom_standard-{DICOM_STANDARD}")
        rows = [line.split("\t") for line in (ROOT / "data" / "dicom-dict.txt").read_text("utf-8").splitlines() if line[0] == "("]
        self.tags = {row[2]: (row[0][1:5] + row[0][6:10]).replace("X", "0") for row in rows if row[2] != "-"}
        self.vrs = {row[2]: row[1] for row in rows}
        self.keywords = {tag: keyword for keyword, tag in self.tags.items()}

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._highdicom.close()
        self._standard.close()

    @cache  # noqa: B019
    def highdicom(self, name: str) -> Any:
        return json.loads(self._highdicom.read(f"highdicom/_standard/{name}.json"))

    @cache  # noqa: B019
    def standard(self, name: str) -> Any:
        return json.loads(self._standard.read(f"{STANDARD_DATA}/{name}.json"))


def _wheel(folder: Path, name: str) -> zipfile.ZipFile:
    found = sorted(folder.glob(f"{name}-*.whl"))
    if not found:
        raise FileNotFoundError(f"no wheel of {name.replace('-', ' ')} is in {folder}")
    return zipfile.ZipFile(found[0])


def plain_text(markup: str) -> str:
    """The text of a cell without notes, value lists and mark-up."""
    markup = re.sub(r"<div>\s*<h3>.*?</div>", " ", markup, flags=re.S)
    markup = re.sub(r"<div>\s*<p>\s*<strong>.*?</dl>\s*</div>", " ", markup, flags=re.S)
    text = html.unescape(re.sub(r"<[^>]+>", " ", markup)).replace("\xa0", " ")
    return re.sub(r" ([.,])", r"\1", re.sub(r"\s+", " ", text)).strip()


def hexadecimal(tag: str) -> str:
    """ "(60xx,3000)" or "60xx3000" as "60003000"."""
    return tag.strip("()").replace(",", "").upper().replace("X", "0")


_ITEM_COUNTS = (
    ("1", r"(?:Only )?(?:a single|one) Item (?:shall be (?:present|included|permitted)|is permitted)(?: in (?:this|the) Sequence)?\."),
    ("1", r"Zero or one Item (?:shall be (?:present|included)|is permitted)(?: in (?:this|the) Sequence)?\."),
    ("1-2", r"(?:Only )?one or two Items (?:shall be (?:present|included)|are permitted)(?: in (?:this|the) Sequence)?\."),
    ("2-", r"Two or more Items (?:shall be (?:present|included)|are permitted)(?: in (?:this|the) Sequence)?\."),
    ("2", r"(?<! or )Two Items shall be (?:present|included)(?: in (?:this|the) Sequence)?\."),
    ("1-3", r"One, two, or three Items shall be (?:present|included)(?: in (?:this|the) Sequence)?\."),
)
# What makes a number of items depend on something else.
_IF = r"\b(?:if|unless|when|equals?|match(?:es)?)\b"
_ITEMS_IF = re.compile(rf"{_IF}[^.]*\bItems?\b|\bItems?\b[^.]*{_IF}", re.I)
_MORE_ITEMS = re.compile(r"(?:Zero|One) or more Items", re.I)


def item_count(text: str) -> str:
    """How many items a sequence may have: "1" at most one, "2" just two, "2-" two or more; empty where any number is, or it depends.

    That there is one at least, where there must be any, is what the Type says (PS3.5 7.4).

    >>> item_count("Only a single Item shall be included in this Sequence."), item_count("Two or more Items are permitted.")
    ('1', '2-')
    """
    counts = {count for count, pattern in _ITEM_COUNTS if re.search(pattern, text, re.I)}
    return counts.pop() if len(counts) == 1 and not _MORE_ITEMS.search(text) and not _ITEMS_IF.search(text) else ""


_VALUE_LIST = re.compile(r"<strong>\s*([^<]*?(?:Enumerated Values|Defined Terms)[^<]*?)\s*</strong>\s*</p>\s*<dl>(.*?)</dl>", re.S)
_VALUE_VRS = {"AE", "AS", "CS", "DS", "IS", "LO", "LT", "SH", "ST", "UC", "UI", "UT"}
# The lists of Image Type do not always say which value they are for (PS3.3 C.7.6.1.1.2).
_IMAGE_TYPES = ("ImageType", "FrameType")
_IMAGE_TYPE_PLACES = {"ORIGINAL": 1, "DERIVED": 1, "PRIMARY": 2, "SECONDARY": 2}
_NUMERIC_VRS = {"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "US/SS", "US/OW"}


class Sentences:
    """The facts of the standard's tables, found by module and path, or by the end of the path."""

    def __init__(self, source: Source) -> None:
        self._source = source
        named = [attribute for attribute in source.standard("attributes") if attribute["keyword"] in source.tags]
        self._names = {attribute["keyword"]: attribute["name"] for attribute in named}
        self.reader = SentenceReader(source.keywords, {name: keyword for keyword, name in self._names.items()})
        self._exact: dict[tuple[str, ...], Fact] = {}
        self._by_end: dict[tuple[str, ...], set[Fact]] = defaultdict(set)
        for name, key in (("module_to_attributes", "moduleId"), ("macro_to_attributes", "macroId")):
            for row in source.standard(name):
                path = tuple(map(hexadecimal, row["path"].split(":")[1:]))
                fact = self._fact(row)
                self._exact[(row[key], *path)] = fact
                for length in (1, 2, 3, 4):
                    if len(path) >= length:
                        self._by_end[path[-length:]].add(fact)

    def find(self, module: str, path: tuple[str, ...], type: str) -> Fact:
        """The fact of an attribute whose Type is known from elsewhere; what differs between candidates is unknown."""
        fact = self._exact.get((module, *path))
        if fact and fact.type == type:
            return fact
        candidates: set[Fact] = set()
        # an attribute of the data set means in one module what it means in another only by chance
        for length in (4, 3, 2, 1) if len(path) > 1 else ():
            candidates = {one for one in self._by_end.get(path[-length:], ()) if one.type == type}
            if candidates:
                break
        conditions = {one[1:3] for one in candidates}
        values = {one.values for one in candidates}
        required, otherwise = conditions.pop() if len(conditions) == 1 else NO_FACT[1:3]
        items = {one.items for one in candidates}
        return Fact(type, required, otherwise, values.pop() if len(values) == 1 else NO_FACT.values,
                    items.pop() if len(items) == 1 else NO_FACT.items)

    @cache  # noqa: B019
    def usage(self, text: str) -> tuple[Expression, Expression | None]:
        """The condition of a module or of a functional group."""
        return self.reader.read(plain_text(text))

    def _fact(self, row: Mapping[str, Any]) -> Fact:
        required, otherwise = UNKNOWN, None
        text = plain_text(row["description"])
        if row["type"] in ("1C", "2C"):
            required, otherwise = self._read(text)
        items = item_count(text) if self._source.vrs.get(self._source.keywords.get(hexadecimal(row["tag"]), "")) == "SQ" else ""
        return Fact(row["type"], json.dumps(required), json.dumps(otherwise), json.dumps(self._values(row)), items)

    @cache  # noqa: B019
    def _read(self, text: str) -> tuple[Expression, Expression | None]:
        return self.reader.read(text)

    def _values(self, row: Mapping[str, Any]) -> list[Any]:
        """The value lists of the cell, or of the sections that it refers to."""
        keyword = self._source.keywords.get(hexadecimal(row["tag"]), "")
        if self._source.vrs.get(keyword) not in _VALUE_VRS | _NUMERIC_VRS:
            return []
        lists = self._lists(row["description"], keyword)
        if not lists and re.search(r"Defined Terms|Enumerated|specialization|further explanation|See", row["description"]):
            sections = self._source.standard("references")
            for reference in row["externalReferences"]:
                if "part03" in reference["sourceUrl"]:
                    section = sections.get(reference["sourceUrl"], "")
                    lists += self._lists(section, keyword, self._names.get(keyword, keyword) in plain_text(section.partition("</h")[0]))
        return lists

    @cache  # noqa: B019
    def _lists(self, markup: str, keyword: str, of_it: bool = True) -> list[Any]:
        """The lists in a piece of mark-up; where it is not about the attribute alone, those whose title names it."""
        lists = []
        for match in _VALUE_LIST.finditer(markup):
            title = html.unescape(match[1]).replace("\xa0", " ").strip().rstrip(":").strip()
            if "Retired" in title:
                continue
            terms = (html.unescape(re.sub(r"<[^>]+>", "", term)).strip() for term in re.findall(r"<dt>(.*?)</dt>", match[2], re.S))
            values = self.values(terms, keyword)
            other = re.search(r"(?:for|of) [^()]*\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)", title)
            if not values or (hexadecimal(other[1] + other[2]) != self._source.tags[keyword] if other else not of_it):
                continue
            when = re.search(r"\b(?:if|when) (.*)$", title)
            condition = self.reader.read_clause(when[1]) if when else None
            if condition is None or '"?"' not in json.dumps(condition):
                stated = re.search(r"Value (\d)", title)
                place = int(stated[1]) if stated else _IMAGE_TYPE_PLACES.get(str(values[0]), 0) if keyword in _IMAGE_TYPES else 0
                lists.append(["E" if "Enumerated" in title else "D", place, condition, values])
        return lists

    def values(self, terms: Iterable[str], keyword: str) -> list[str | int]:
        """The terms that are values."""
        return [value for term in terms if (value := self._value(term, keyword)) is not None]

    def _value(self, term: str, keyword: str) -> str | int | None:
        """A term as the value that is compared: a number for a binary VR; None for what is no value but a remark."""
        if self._source.vrs[keyword] in _NUMERIC_VRS:
            number = re.fullmatch(r"([0-9A-Fa-f]+)H|([+-]?\d+)", term)
            return (int(number[1], 16) if number[1] else int(number[2])) if number else None
        return term if term and len(term) <= 64 and not re.search(r"[a-z]{3,} [a-z]{2,} ", term) else None


_ITEMS_LINE = re.compile(r"items\s+(\S+)\s+(\S+):\s*(any|\d(?:-\d?)?)")
_VALUES_LINE = re.compile(r"values\s+(\S+)\s+([^\s\[]+)(?:\[(\d)\])?:\s*(only|defined)\s+(.*)")
_LINE = re.compile(r"(?:(module|group)\s+)?(\S+)\s+(\S+?)(?:\s+(?:([12])>)?(1C|2C))?:\s*(.*)")


def read_overrides(path: Path) -> list[Override | ValuesLine | ItemsLine]:
    """The lines of ``data/iod-overrides.txt``; a line that begins with white space continues the one before."""
    overrides: list[Override | ValuesLine | ItemsLine] = []
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line[:1].isspace() and line.strip():
            lines[-1] = lines[-1][0], f"{lines[-1][1]} {line.strip()}"
        elif line.strip() and line[0] != "#":
            lines.append((number, line.strip()))
    for number, line in lines:
        try:
            overrides.append(_override(number, line))
        except ValueError as error:
            raise ValueError(f"{path.name}:{number}: {error}") from None
    return overrides


def _override(number: int, line: str) -> Override | ValuesLine | ItemsLine:
    if values := _VALUES_LINE.fullmatch(line):
        where, target, place, kind, terms = values.groups()
        terms, _, when = terms.partition(" if ")
        return ValuesLine(number, where, tuple(target.replace("/", ".").split(".")), int(place or 0), "E" if kind == "only" else "D",
                          tuple(map(str.strip, terms.split(","))), parse_expression(when) if when else None)
    if items := _ITEMS_LINE.fullmatch(line):
        return ItemsLine(number, items[1], tuple(items[2].split(".")), "" if items[3] == "any" else items[3])
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{line!r} is not of the form MODULE PATH TYPE: CONDITION")
    kind, where, target, old_type, new_type, text = match.groups()
    if (kind is None) != (new_type is not None):
        raise ValueError("an attribute has a Type, 1C or 2C; a module or a group has none")
    required, semicolon, rest = text.partition(";")
    otherwise: Expression | None = None
    if semicolon:
        permitted = rest.strip().removeprefix("otherwise ").strip()
        otherwise = {"may": True, "not": False}.get(permitted)
        otherwise = parse_expression(permitted) if otherwise is None else otherwise
    path = tuple(target.replace("/", ".").split("."))
    type_ = old_type or new_type or ""
    return Override(number, kind or "attribute", where, path, type_, new_type or "", parse_expression(required), otherwise)


Line = TypeVar("Line", ValuesLine, ItemsLine)


class Overrides:
    """The lines by what they are for; a named module or IOD wins over ``*`` and ``?``, then the longer path."""

    def __init__(self, lines: Iterable[Override | ValuesLine | ItemsLine]) -> None:
        self._lines: dict[tuple[str, str], list[Override]] = defaultdict(list)
        self._values: dict[str, list[ValuesLine]] = defaultdict(list)
        self._items: dict[str, list[ItemsLine]] = defaultdict(list)
        self._numbers: set[int] = set()
        for line in lines:
            self._numbers.add(line.number)
            if isinstance(line, ValuesLine):
                self._values[line.path[-1]].append(line)
            elif isinstance(line, ItemsLine):
                self._items[line.path[-1]].append(line)
            else:
                self._lines[line.kind, line.path[-1]].append(line)
        self._used: set[int] = set()

    def values(self, module: str, path: tuple[str, ...]) -> list[Any]:
        """The value lists of an attribute; a named module before ``*``, then the longer path; none where no line is for it."""
        best = self._best(self._values.get(path[-1], ()), module, path)
        return [[line.kind, line.place, line.when, list(line.values)] for line in best]

    def items(self, module: str, path: tuple[str, ...], read: str) -> str:
        """The number of items of a sequence; what was read of it where no line is for it."""
        best = self._best(self._items.get(path[-1], ()), module, path)
        return best[0].items if best else read

    def _best(self, lines: Iterable[Line], module: str, path: tuple[str, ...]) -> list[Line]:
        """The lines that fit an attribute best: those of a named module before ``*``, then those of the longer path."""
        whole = ("", *path)
        fitting = [line for line in lines if line.where in (module, "*") and whole[-len(line.path):] == line.path]
        self._used |= {line.number for line in fitting}
        best = max(((line.where != "*", len(line.path)) for line in fitting), default=None)
        return [line for line in fitting if (line.where != "*", len(line.path)) == best]

    def find(self, kind: str, where: str, path: tuple[str, ...], type: str = "", unread: bool = False) -> Override | None:
        whole = ("", *path)
        places = (where, "*", "?") if unread else (where, "*")
        fitting = [line for line in self._lines.get((kind, path[-1]), ())
                   if line.where in places and line.type == type and whole[-len(line.path):] == line.path]
        self._used |= {line.number for line in fitting}
        return max(fitting, key=lambda line: (line.where not in ("*", "?"), len(line.path)), default=None)

    def unused(self) -> list[int]:
        return sorted(self._numbers - self._used)


class Shelf:
    """Contents by a short hash of them: the same content is kept once, and a new one changes no other name."""

    def __init__(self) -> None:
        self.contents: dict[str, Any] = {}

    def name(self, content: Any) -> str:
        digest = hashlib.sha256(json.dumps(content).encode()).digest()
        name = base64.b32encode(digest)[:5].decode().lower()
        if self.contents.setdefault(name, content) != content:
            raise ValueError(f"two contents have the hash {name}: take more letters")
        return name


class Maker:
    """Builds the tables; the shelves fill as modules are asked for."""

    def __init__(self, source: Source, overrides: Overrides) -> None:
        self._source = source
        self._overrides = overrides
        self._sentences = Sentences(source)
        self.conditions, self.values, self.tables = Shelf(), Shelf(), Shelf()

    def condition(self, required: Expression, otherwise: Expression | None, siblings: Iterable[str] = ()) -> str:
        """The name of a condition; attributes that stand beside the row's are looked for there only."""
        near = frozenset(siblings)
        return self.conditions.name([self._tagged(required, near), self._tagged(otherwise, near)])

    def _tagged(self, part: Expression | None, siblings: frozenset[str]) -> Expression | None:
        """Keywords become tags: ".gggggeeee" in the item only, "^" in the data set, else from the item outward."""
        if part is None or isinstance(part, bool) or part in (UNKNOWN, PERSON):
            return part
        operator, *operands = part
        if operator in ("&", "|", "!"):
            return [operator, *(self._tagged(operand, siblings) for operand in operands)]
        path = [self._tag(keyword) for keyword in operands[0].removeprefix("^").split("/")]
        sign = "^" if operands[0][0] == "^" else "." if path[0] in siblings else ""
        if operator == "=>":
            operands[1:] = [[self._tag(keyword) for keyword in operands[1]]]
        return [operator, sign + "/".join(path), *operands[1:]]

    def _tag(self, keyword: str) -> str:
        if keyword not in self._source.tags:
            raise ValueError(f"the dictionary has no {keyword}")
        return self._source.tags[keyword]

    def module_table(self, module: str) -> str:
        """The name of the table of a module's attributes; empty where the source has none."""
        tree: dict[str, Any] = {}
        for row in self._source.highdicom("module_attribute_map").get(module, ()):
            node = tree
            for keyword in row["path"]:
                node = node.setdefault(keyword, (Counter(), {}))[1]
            if row["type"] in TYPES:
                node.setdefault(row["keyword"], (Counter(), {}))[0][row["type"]] += 1
        return self._table(module, tree, ()) if tree else ""

    def _table(self, module: str, tree: Mapping[str, Any], path: tuple[str, ...]) -> str:
        siblings = frozenset(map(self._tag, tree)) if path else frozenset()
        rows = [self._row(module, (*path, keyword), *node, siblings) for keyword, node in tree.items()]
        if path[-1:] == ("ContentSequence",) and "RelationshipType" in tree and "ContentSequence" not in tree:
            # a content item holds content items without end (PS3.3 C.17.3), where the source stops: "=" is the table itself
            rows.append(f"{self._tag('ContentSequence')} 1C {self.condition(False, None)} - =")
        return self.tables.name(";".join(sorted(rows)))

    def _row(self, module: str, path: tuple[str, ...], types: Mapping[str, int], items: Mapping[str, Any], near: frozenset[str]) -> str:
        # the laxest Type where a table names an attribute twice: the rows are for different uses of it
        type_ = max(types, key=TYPES.index, default="3")
        fact = self._sentences.find(module, tuple(map(self._tag, path)), type_)
        columns = [self._tag(path[-1]), type_, "-", "-", "-", self._overrides.items(module, path, fact.items) or "-"]
        override = self._overrides.find("attribute", module, path, type_, '"?"' in fact.required)
        if override:
            columns[1:3] = override.new_type, self._overriding(override, near)
        elif type_ in ("1C", "2C"):
            columns[2] = self.condition(json.loads(fact.required), json.loads(fact.otherwise), near)
        stated = [[kind, place, when, self._sentences.values(terms, path[-1])]
                  for kind, place, when, terms in self._overrides.values(module, path)]
        if lists := stated or json.loads(fact.values):
            columns[3] = self.values.name([[kind, place, self._tagged(when, near), terms] for kind, place, when, terms in lists])
        if items:
            columns[4] = self._table(module, items, path)
        return " ".join(columns).rstrip(" -")

    def modules(self, iod: str, ciod: str) -> str:
        """The modules of an IOD, each with its usage and, where that is C, its condition."""
        texts = self._usage_texts()
        parts = []
        for row in self._source.highdicom("iod_module_map")[iod]:
            module, usage = row["key"], row["usage"]
            part = f"{module} {usage}"
            if usage == "C":
                candidates = {text for (other, name), text in texts.items() if name == module and other == ciod} or {
                    text for (_, name), text in texts.items() if name == module}
                part += f" {self._usage('module', iod, module, candidates)}"
            parts.append(part)
        return ";".join(parts)

    def _usage(self, kind: str, iod: str, name: str, texts: set[str]) -> str:
        readings = {json.dumps(self._sentences.usage(text)) for text in texts}
        reading = json.loads(readings.pop()) if len(readings) == 1 else [UNKNOWN, None]
        override = self._overrides.find(kind, iod, (name,), unread='"?"' in json.dumps(reading[0]))
        return self._overriding(override) if override else self.condition(*reading)

    def _overriding(self, line: Override, siblings: Iterable[str] = ()) -> str:
        try:
            return self.condition(line.required, line.otherwise, siblings)
        except ValueError as error:
            raise ValueError(f"iod-overrides.txt:{line.number}: {error}") from None

    @cache  # noqa: B019
    def _usage_texts(self) -> dict[tuple[str, str], str]:
        rows = self._source.standard("ciod_to_modules")
        return {(row["ciodId"], row["moduleId"]): row["conditionalStatement"] or "" for row in rows if row["usage"] == "C"}

    def groups(self, iod: str, ciod: str) -> str:
        """The functional groups of an IOD: usage, where they may stand, condition, the tags of their sequences."""
        parts = []
        for row in self._source.standard("ciod_to_fg_macros"):
            if row["ciodId"] != ciod:
                continue
            text = row["conditionalStatement"] or ""
            place = PLACES.get(row["macroId"]) or ("P" if "not be used as a Shared" in text else "-")
            tags = ",".join(self._group_tags()[row["macroId"]]) or "-"
            # a line may make C of M, for an edition later than the source's
            usage = "C" if self._overrides.find("group", iod, (row["macroId"],)) else row["usage"]
            condition = self._usage("group", iod, row["macroId"], {text}) if usage == "C" else "-"
            parts.append(f"{row['macroId']} {usage} {place} {condition} {tags}")
        return ";".join(parts)

    @cache  # noqa: B019
    def _group_tags(self) -> dict[str, list[str]]:
        tags: dict[str, list[str]] = defaultdict(list)
        for row in self._source.standard("macro_to_attributes"):
            if row["path"].count(":") == 1:
                tags[row["macroId"]].append(hexadecimal(row["tag"]))
        return tags


def clause_of(link: str) -> tuple[str, str]:
    """The clause and the table that a link leads to: "C.7.6.3", "C.7-11a"."""
    clause, table = re.search(r"(?:sect|chapter)_([\w.]+)\.html", link), re.search(r"#table_(?:PS3\.3_)?([\w.\-]+)", link)
    return clause[1] if clause else "", table[1] if table else ""


# Modules that are not the first of the page that tells of them, or stand where no rule would look for them.
MODULE_CLAUSES = {
    "clinical-trial-subject": "C.7.1.3",
    "cr-image": "C.8.1.2",
    "palette-color-lookup-table": "C.7.9",
    "cardiac-synchronization": "C.7.6.18.1",
}


def module_clause(module: str, link: str) -> tuple[str, str]:
    """The clause of a module and its table. A page of the standard begins with the first clause of the next levels."""
    page, table = clause_of(link)
    clause = table.rpartition("-")[0] if table.startswith(f"{page}.") else page
    levels = 4 if page.startswith(("C.7", "C.8")) else 3
    while clause.startswith("C.") and len(clause.split(".")) < levels:
        clause += ".1"
    return MODULE_CLAUSES.get(module, clause), table


# Where a functional group may stand is told with usage C only: these may never be shared, or only be shared (PS3.3 C.7.6.16).
PLACES = {
    **dict.fromkeys(("frame-content", "image-frame-conversion-source", "unassigned-per-frame-converted-attributes"), "P"),
    **dict.fromkeys(("plane-position-volume", "intravascular-frame-content", "intravascular-oct-frame-content"), "P"),
    "unassigned-shared-converted-attributes": "S",
}

# Functional groups of IODs that are newer than the source: as another IOD's (PS3.3 A.36.4, A.51.5, A.92).
SAME_GROUPS = {"enhanced-mr-color-image": "enhanced-mr-image"}


def make_tables(source: Source, overrides: Overrides) -> dict[str, Any]:
    """Everything that goes into ``data/iod.json``."""
    maker = Maker(source, overrides)
    sop_classes: dict[str, str] = source.highdicom("sop_class_iod_map")
    iods: dict[str, Any] = source.highdicom("iod_module_map")
    ciod_ids = {row["name"]: row["id"] for row in source.standard("ciods")}
    ciods = {sop_classes[row["id"]]: ciod_ids[row["ciod"]] for row in source.standard("sops") if row["id"] in sop_classes}
    iod_clauses = {row["id"]: clause_of(row["linkToStandard"]) for row in source.standard("ciods")}
    clauses = {row["id"]: module_clause(row["id"], row["linkToStandard"]) for row in source.standard("modules")}
    used = sorted({row["key"] for rows in iods.values() for row in rows})
    modules = {module: [*clauses.get(module, ("", "")), maker.module_table(module)] for module in used}
    iod_rows = {iod: [*iod_clauses.get(ciods.get(iod, ""), ("", "")), maker.modules(iod, ciods.get(iod, ""))] for iod in sorted(iods)}
    groups = {iod: maker.groups(iod, ciods.get(SAME_GROUPS.get(iod, iod), "")) for iod in sorted(iods)}
    if unused := overrides.unused():
        raise ValueError(f"lines of iod-overrides.txt that fit no attribute: {', '.join(map(str, unused))}")
    return {
        "about": list(ABOUT),
        "sop_classes": dict(sorted(sop_classes.items(), key=lambda row: [int(part) for part in row[0].split(".")])),
        "iods": iod_rows,
        "groups": {iod: text for iod, text in groups.items() if text},
        "modules": modules,
        "tables": dict(sorted(maker.tables.contents.items())),
        "conditions": dict(sorted(maker.conditions.contents.items())),
        "values": dict(sorted(maker.values.contents.items())),
    }


def as_lines(tables: Mapping[str, Any]) -> str:
    """JSON with one entry of a section a line."""
    sections = []
    for name, content in tables.items():
        brackets = "{}" if isinstance(content, dict) else "[]"
        keyed = isinstance(content, dict)
        entries = [f"{json.dumps(key)}: {_compact(content[key])}" for key in content] if keyed else [_compact(one) for one in content]
        sections.append(f"{json.dumps(name)}: {brackets[0]}\n" + ",\n".join(entries) + f"\n{brackets[1]}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


STATES = ("decided", "person", "undecided")


def state_of(condition: Any) -> str:
    """Whether a program decides a condition, only a person can, or nobody has looked."""
    text = json.dumps(condition[0])
    return "undecided" if '"?"' in text else "person" if '"person"' in text else "decided"


def rows_of(tables: Mapping[str, Any], roots: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Each row of the tables that are reached from some, once; the number is 0 at the top."""
    waiting, seen = [(0, root) for root in roots], set()
    while waiting:
        depth, name = waiting.pop()
        if name and name not in seen:
            seen.add(name)
            for row in tables["tables"][name].split(";"):
                columns = [*row.split(" "), "-", "-", "-", "-"][:6]
                yield depth, columns
                if columns[4] not in "-=":
                    waiting.append((depth + 1, columns[4]))


def count_states(tables: Mapping[str, Any], iod: str) -> dict[str, Counter[str]]:
    """The states of an IOD's conditions: of its attributes, of those at the top, of its modules and functional groups."""
    state = {name: state_of(condition) for name, condition in tables["conditions"].items()}
    usages = [part.split(" ") for part in tables["iods"][iod][2].split(";")]
    groups = [part.split(" ") for part in tables["groups"].get(iod, "").split(";") if part]
    rows = list(rows_of(tables, (tables["modules"][usage[0]][2] for usage in usages)))
    return {
        "attributes": Counter(state[row[2]] for _, row in rows if row[2] != "-"),
        "top": Counter(state[row[2]] for depth, row in rows if row[2] != "-" and not depth),
        "modules": Counter(state[usage[2]] for usage in usages if usage[1] == "C"),
        "groups": Counter(state[group[3]] for group in groups if group[1] == "C"),
    }


def describe(tables: Mapping[str, Any]) -> str:
    """The page ``docs/iods.md``."""
    names = defaultdict(list)
    for uid, iod in tables["sop_classes"].items():
        names[iod].append(uid)
    total: Counter[str] = Counter()
    lines = []
    for iod, (clause, _, modules) in tables["iods"].items():
        counts = count_states(tables, iod)
        total.update(counts["attributes"])
        cells = (" / ".join(str(count[state]) for state in STATES) if count else "-" for count in counts.values())
        usage = Counter(part.split(" ")[1] for part in modules.split(";"))
        lines.append(f"| {iod} | {clause} | {len(names[iod])} | {usage['M']} / {usage['C']} / {usage['U']} | {' | '.join(cells)} |")
    states = Counter(map(state_of, tables["conditions"].values()))
    return "\n".join((
        "# How much of each IOD can be verified",
        "",
        "Made by `tools/make_iod_tables.py`; not edited by hand.",
        "",
        f"{len(tables['sop_classes'])} SOP classes have {len(tables['iods'])} IODs of {len(tables['modules'])} modules. A condition of an",
        "attribute of Type 1C or 2C is *decided* by a program from the data set, or only a *person* can decide it (\"if the Patient",
        "is an animal\"), or is *undecided*: nobody has written it down for a program yet. `data/iod-overrides.txt` is where to.",
        "",
        f"Of {sum(states.values())} different conditions, {states['decided']} are decided, {states['person']} are a person's, "
        f"{states['undecided']} undecided; summed over the IODs below,",
        f"{total['decided']}, {total['person']} and {total['undecided']} rows. An attribute of a shared item table counts once an IOD.",
        "",
        "Numbers of conditions are decided / person / undecided.",
        "",
        "| IOD | PS3.3 | SOP classes | modules M / C / U | attributes, all levels | attributes of the data set | C modules "
        "| C functional groups |",
        "|---|---|---|---|---|---|---|---|",
        *lines,
        "",
    ))


def make(folder: Path, out: Path, docs: Path, overrides: Path) -> dict[str, Any]:
    """Write ``iod.json`` to ``out`` and ``iods.md`` to ``docs``; gives the tables."""
    with Source(folder) as source:
        tables = make_tables(source, Overrides(read_overrides(overrides)))
    for directory, name, text in ((out, "iod.json", as_lines(tables)), (docs, "iods.md", describe(tables))):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8", newline="\n")
    return tables


def download(folder: str) -> None:
    """Fetch the pinned wheels with pip."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder]
    subprocess.run([*command, f"highdicom=={HIGHDICOM}", f"dicom-standard=={DICOM_STANDARD}"], check=True)


def main(arguments: list[str] | None = None, fetch: Callable[[str], None] = download) -> None:
    parser = argparse.ArgumentParser(description="Regenerate data/iod.json and docs/iods.md from pinned packages.")
    parser.add_argument("source", nargs="?", type=Path, help="folder with the wheels; downloads them when not given")
    parser.add_argument("--out", type=Path, default=ROOT / "data")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--overrides", type=Path, default=ROOT / "data" / "iod-overrides.txt")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        if options.source is None:
            fetch(temporary)
        tables = make(options.source or Path(temporary), options.out, options.docs, options.overrides)
    print(f"iod.json: {len(tables['iods'])} IODs, {len(tables['modules'])} modules, {len(tables['tables'])} item tables, "
          f"{len(tables['conditions'])} conditions, {len(tables['values'])} value lists")


if __name__ == "__main__":
    main()
