"""The IODs as data: SOP class -> modules -> attributes with Types, conditions and values, and the deciding of conditions (PS3.3).

The facts are ``data/iod.json``, read when they are first asked for, and expanded for what is asked only. Holding a dataset against
them, and filling it, is the business of ``iod.py``; how the file is made, of ``tools/make_iod_tables.py``.

An expression is ``True``, ``False`` or a tuple of an operator and its operands:

=====================================  ============================================================================
``("+", where)``                       the attribute is there, with or without a value
``("++", where)``                      it has a value; a sequence has an item
``("=", where, n, values)``            Value n of it (0: any of its values) is one of these
``("!=", where, n, values)``           it has values, and Value n (0: each) is none of these; undecided without a value
``("<", where, n, x)``, ``(">", ...)`` a value is below, above x; of a sequence the number of items counts
``("=>", where, tags)``                a value of it (VR AT) is one of the tags
``("private", where)``                 a value of it is the tag of a private element
``("&", ...)``, ``("|", ...)``,        and, or, not, with three values: what can't be decided is decided where
``("!", e)``                           the rest decides it
``("person",)``                        only who made the data set can know
``("?",)``                             undecided: nobody has written it down for a program
=====================================  ============================================================================

``where`` is ``(scope, tag, ...)``: more tags lead down through all items of sequences. The scope says where the search begins:
"." in the item only, "^" in the data set, "" in the item, then outward in the enclosing items up to the data set, and from
an item of the functional groups also in the frame's other groups and in the shared ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from .uid import read_table

Expression: TypeAlias = "bool | tuple[Any, ...]"
Where: TypeAlias = "tuple[Any, ...]"

SHARED_GROUPS, PER_FRAME_GROUPS = 0x52009229, 0x52009230

# The strictest first (PS3.5 7.4); a conditional Type is as strict as its condition lets it be.
TYPES = ("1", "1C", "2", "2C", "3")


class Condition(NamedTuple):
    """When an attribute, a module or a functional group is required (PS3.5 7.4.2, 7.4.4).

    ``otherwise`` is whether it may be there though it is not required: an expression, or None where the standard does not say.
    """

    required: Expression
    otherwise: Expression | None

    @property
    def state(self) -> str:
        """Who can decide it: "decided" by a program, "person", or "undecided" so far.

        >>> Condition(("|", ("+", ("", 0x00100010)), ("person",)), None).state
        'person'
        """
        operators = set(_operators(self.required))
        return "undecided" if "?" in operators else "person" if "person" in operators else "decided"


class ValueList(NamedTuple):
    """Values that an attribute may have: Enumerated Values, or Defined Terms, beside which others are allowed (PS3.3 5.2).

    ``place`` is the number of the value that is meant, 0 for each; ``when`` is the condition under which the list holds.
    """

    enumerated: bool
    place: int
    when: Expression | None
    values: tuple[str | int, ...]


class Attribute(NamedTuple):
    """A row of a module or of an item: ``items`` are the tables of the items of a sequence, to be asked with ``item_table``.

    Where modules were merged, ``floor`` is the strictest unconditional Type beside a conditional one, which holds where the
    condition does not. ``item_limits`` are the least and the greatest number of items, 0 for any: that a sequence must have one at
    all is what its Type says.
    """

    tag: int
    type: str
    condition: Condition | None
    values: tuple[ValueList, ...]
    items: tuple[str, ...]
    floor: str
    item_limits: tuple[int, int] = (0, 0)


class Module(NamedTuple):
    """A module in an IOD: usage "M", "U" or "C", with a condition if it is "C" (PS3.3 A.1.3)."""

    name: str
    clause: str
    usage: str
    condition: Condition | None
    table: str

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """The rows of the module, in the order of the tags."""
        return table_rows(self.table) if self.table else ()


class Group(NamedTuple):
    """A functional group macro in an IOD; ``place`` is "shared" or "per-frame" where it may stand there only (PS3.3 C.7.6.16).

    The condition is to be decided in the item of the functional groups: it may ask for what another group of the frame has.
    """

    name: str
    usage: str
    place: str
    condition: Condition | None
    tags: tuple[int, ...]


class Iod(NamedTuple):
    """An IOD. ``groups`` is empty for one without functional groups, and for those whose groups are not known here."""

    name: str
    clause: str
    modules: tuple[Module, ...]
    groups: tuple[Group, ...]


@cache
def _tables() -> Any:
    from json import loads

    return loads(read_table("iod.json"))


@cache
def sop_classes() -> Mapping[str, str]:
    """SOP class UID -> name of its IOD here, for every SOP class whose IOD is known.

    Examples
    --------
    >>> sop_classes()["1.2.840.10008.5.1.4.1.1.2"]
    'ct-image'
    """
    return MappingProxyType(_tables()["sop_classes"])


@cache
def iod_of(sop_class: str) -> Iod | None:
    """The IOD of a SOP class; None where it is not known.

    Parameters
    ----------
    sop_class : str
        A UID.

    Examples
    --------
    >>> iod = iod_of("1.2.840.10008.5.1.4.1.1.2")
    >>> iod.clause, [module.name for module in iod.modules if module.usage == "C"]
    ('PS3.3 A.3.3', ['synchronization', 'contrast-bolus', 'multi-energy-ct-image'])
    """
    tables = _tables()
    name = tables["sop_classes"].get(sop_class)
    if name is None:
        return None
    clause, _, modules = tables["iods"][name]
    groups = tables["groups"].get(name, "")
    rows = groups.split(";") if groups else ()
    return Iod(name, f"PS3.3 {clause}".rstrip(), tuple(map(_module, modules.split(";"))), tuple(map(_group, rows)))


def modules_of(sop_class: str) -> tuple[Module, ...]:
    """The modules of a SOP class's IOD, in the order of PS3.3 A; none where it is not known.

    Examples
    --------
    >>> modules_of("1.2.840.10008.5.1.4.1.1.7")[0][:3]
    ('patient', 'PS3.3 C.7.1.1', 'M')
    """
    iod = iod_of(sop_class)
    return iod.modules if iod else ()


def attributes_of(sop_class: str, modules: Iterable[str] | None = None) -> Mapping[int, Attribute]:
    """The attributes that modules of an IOD have in the data set, by tag: of several rows for one, the strictest Type holds.

    Parameters
    ----------
    sop_class : str
        A UID.
    modules : iterable of str, optional
        The names of the modules that are in use; by default those of usage M.

    Examples
    --------
    >>> attributes_of("1.2.840.10008.5.1.4.1.1.2")[0x00080008].type
    '1'
    """
    names = None if modules is None else frozenset(modules)
    tables = tuple(module.table for module in modules_of(sop_class)
                   if module.table and (module.usage == "M" if names is None else module.name in names))
    return merged_tables(tables)


def item_table(attribute: Attribute) -> Mapping[int, Attribute]:
    """The attributes of the items of a sequence, by tag; none where the standard tells nothing of them.

    Examples
    --------
    >>> code = item_table(attributes_of("1.2.840.10008.5.1.4.1.1.7")[0x00081032])  # Procedure Code Sequence
    >>> code[0x00080104].type  # Code Meaning
    '1'
    """
    return merged_tables(attribute.items)


@lru_cache(maxsize=4096)
def merged_tables(names: tuple[str, ...]) -> Mapping[int, Attribute]:
    """The rows of several tables by tag, those for the same attribute merged; in the order of the tags."""
    merged: dict[int, Attribute] = {}
    for name in dict.fromkeys(names):
        for row in table_rows(name):
            merged[row.tag] = _strictest(merged[row.tag], row) if row.tag in merged else row
    return MappingProxyType(dict(sorted(merged.items())))


@cache
def table_rows(name: str) -> tuple[Attribute, ...]:
    """The rows of one table, which ``Module.table`` and ``Attribute.items`` name.

    Raises
    ------
    KeyError
        There is no such table.
    """
    rows = []
    for text in _tables()["tables"][name].split(";"):
        tag, type_, condition, values, items, count = (*text.split(" "), "-", "-", "-", "-")[:6]
        tables = () if items == "-" else (name,) if items == "=" else (items,)
        rows.append(Attribute(int(tag, 16), type_, _condition(condition), _value_lists(values), tables, "", _COUNTS[count]))
    return tuple(rows)


@cache
def watched_values() -> Mapping[int, frozenset[Any] | None]:
    """The attributes whose values, and not only whose presence, some condition or list of values asks for.

    Where only certain values play a part, they are named; None stands for any.

    Examples
    --------
    >>> watched_values()[0x00280004] is None, 0x00200032 in watched_values()
    (True, False)
    """
    watched: dict[int, frozenset[Any] | None] = {}
    tables = _tables()
    waiting = [expression for condition in tables["conditions"].values() for expression in condition]
    waiting += [when for lists in tables["values"].values() for _, _, when, _ in lists]
    while waiting:
        expression = waiting.pop()
        if not isinstance(expression, list) or expression[0] in ("?", "person", "+", "++"):
            continue
        operator, *operands = expression
        if operator in ("&", "|", "!"):
            waiting += operands
            continue
        tag = _where(operands[0])[-1]
        known = watched.get(tag, frozenset())
        watched[tag] = known | frozenset(operands[2]) if operator in ("=", "!=") and known is not None else None
    for table in tables["tables"].values():
        for row in table.split(";"):
            columns = row.split(" ")
            if len(columns) > 3 and columns[3] != "-":
                watched[int(columns[0], 16)] = None
    return MappingProxyType(watched)


# How many items, as the file writes it: the least and the greatest number; "1" is one at most.
_COUNTS = {"-": (0, 0), "1": (0, 1), "1-2": (0, 2), "1-3": (0, 3), "2": (2, 2), "2-": (2, 0)}


def _module(text: str) -> Module:
    name, usage, condition = (*text.split(" "), "-")[:3]
    clause, _, table = _tables()["modules"][name]
    return Module(name, f"PS3.3 {clause}" if clause else "PS3.3", usage, _condition(condition), table)


def _group(text: str) -> Group:
    name, usage, place, condition, tags = text.split(" ")
    places = {"S": "shared", "P": "per-frame"}
    numbers = tuple(int(tag, 16) for tag in tags.split(",")) if tags != "-" else ()
    return Group(name, usage, places.get(place, ""), _condition(condition), numbers)


@cache
def _condition(name: str) -> Condition | None:
    if name == "-":
        return None
    required, otherwise = _tables()["conditions"][name]
    return Condition(_expression(required), None if otherwise is None else _expression(otherwise))


@cache
def _value_lists(name: str) -> tuple[ValueList, ...]:
    if name == "-":
        return ()
    lists = _tables()["values"][name]
    return tuple(ValueList(kind == "E", place, None if when is None else _expression(when), tuple(values))
                 for kind, place, when, values in lists)


def _expression(source: Any) -> Expression:
    if isinstance(source, bool):
        return source
    operator, *operands = source
    if operator in ("&", "|", "!"):
        return (operator, *map(_expression, operands))
    if operator in ("?", "person"):
        return (operator,)
    where = _where(operands[0])
    if operator == "=>":
        return operator, where, tuple(int(tag, 16) for tag in operands[1])
    if operator in ("=", "!="):
        return operator, where, operands[1], tuple(operands[2])
    if operator in ("<", ">"):
        return operator, where, operands[1], float(operands[2])
    return operator, where


def _where(reference: str) -> Where:
    scope = reference[0] if reference[0] in ".^" else ""
    return scope, *(int(tag, 16) for tag in reference[len(scope):].split("/"))


def _operators(expression: Expression) -> Iterator[str]:
    if isinstance(expression, tuple):
        yield expression[0]
        for operand in expression[1:] if expression[0] in ("&", "|", "!") else ():
            yield from _operators(operand)


def _strictest(one: Attribute, other: Attribute) -> Attribute:
    """Two rows for the same attribute as one."""
    first, second = sorted((one, other), key=lambda row: TYPES.index(row.type))
    condition = first.condition
    if first.type == second.type and condition and second.condition and condition != second.condition:
        required = "|", condition.required, second.condition.required
        condition = Condition(required, _either(condition.otherwise, second.condition.otherwise))
    unconditional = [type_ for row in (first, second) for type_ in (row.type, row.floor) if type_ in ("1", "2")]
    floor = min(unconditional, key=TYPES.index, default="") if first.type in ("1C", "2C") else ""
    return Attribute(
        first.tag, first.type, condition, tuple(dict.fromkeys(first.values + second.values)),
        tuple(dict.fromkeys(first.items + second.items)), floor, _laxest(first.item_limits, second.item_limits),
    )


def _laxest(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """The numbers of items that either of two rows for one sequence allows: a module may widen what another says of all images."""
    return min(one[0], other[0]), max(one[1], other[1]) if one[1] and other[1] else 0


def _either(one: Expression | None, other: Expression | None) -> Expression | None:
    return other if one is None else one if other is None or one == other else ("|", one, other)


class Context:
    """Where a condition is decided: an item, with what encloses it.

    Items are datasets of any kind that have ``get(tag)`` and iterate over their tags, with elements that have a ``value``.

    Parameters
    ----------
    item : Dataset
        The data set itself, or an item of one of its sequences.
    outer : Context, optional
        The context of the item that has the sequence; none for the data set.
    sequence : int
        The tag of the sequence.
    """

    __slots__ = ("_holders", "item", "outer", "sequence")

    def __init__(self, item: Any, outer: Context | None = None, sequence: int = 0) -> None:
        self.item = item
        self.outer = outer
        self.sequence = sequence
        self._holders: dict[int, Any] | None = None

    def inside(self, sequence: int, item: Any) -> Context:
        """The context of an item of one of this item's sequences."""
        return Context(item, self, sequence)

    @property
    def root(self) -> Context:
        """The context of the data set."""
        context = self
        while context.outer is not None:
            context = context.outer
        return context

    def find(self, tag: int) -> Any:
        """The nearest element of a tag, from the item outward; None where there is none (see the module's text)."""
        context: Context | None = self
        while context is not None:
            element = _element(context.item, tag)
            if element is None and context.sequence in (SHARED_GROUPS, PER_FRAME_GROUPS):
                holder = context._groups().get(tag)
                element = None if holder is None else _element(holder, tag)
            if element is not None:
                return element
            context = context.outer
        return None

    def _groups(self) -> dict[int, Any]:
        """Tag -> the item of a functional group that has it: of this frame, then of the shared groups (or of the first frame)."""
        if self._holders is None:
            holders: dict[int, Any] = {}
            other = SHARED_GROUPS if self.sequence == PER_FRAME_GROUPS else PER_FRAME_GROUPS
            beside = next(iter(_items(_element(self.root.item, other))), None)
            for groups in (self.item, beside):
                for sequence in _tags(groups):
                    holders.setdefault(sequence, groups)
                    group = next(iter(_items(_element(groups, sequence))), None)
                    for tag in _tags(group):
                        holders.setdefault(tag, group)
            self._holders = holders
        return self._holders


def evaluate(condition: Condition | Expression | None, context: Context) -> bool | None:
    """Decide an expression, or when a condition requires what it is for.

    Parameters
    ----------
    condition : Condition, bool, tuple or None
        A condition counts by its ``required``; None, no condition, is true.
    context : Context
        The item in which the attribute stands or would stand.

    Returns
    -------
    bool or None
        None where it can't be decided: by nature, or because a value that it asks for is not of the right type.

    Examples
    --------
    >>> class Element:
    ...     def __init__(self, value):
    ...         self.value = value
    >>> context = Context({0x00280004: Element("PALETTE COLOR")})
    >>> evaluate(("=", ("", 0x00280004), 0, ("PALETTE COLOR",)), context)
    True
    >>> evaluate(("&", ("+", ("", 0x00280008)), ("person",)), context), evaluate(("|", False, ("person",)), context)
    (False, None)
    """
    if condition is None:
        return True
    expression = condition.required if isinstance(condition, Condition) else condition
    if isinstance(expression, bool):
        return expression
    operator = expression[0]
    if operator in ("&", "|"):
        return _joined(operator == "|", expression[1:], context)
    if operator == "!":
        inner = evaluate(expression[1], context)
        return None if inner is None else not inner
    return None if operator in ("person", "?") else _decide(expression, context)


def _joined(decisive: bool, operands: Iterable[Expression], context: Context) -> bool | None:
    """ "and" is decided by what is false, "or" by what is true; else by all together."""
    undecided = False
    for operand in operands:
        decided = evaluate(operand, context)
        if decided is decisive:
            return decisive
        undecided = undecided or decided is None
    return None if undecided else not decisive


def _decide(test: tuple[Any, ...], context: Context) -> bool | None:
    operator, where = test[:2]
    elements = _found(where, context)
    if operator == "+":
        return next(elements, None) is not None
    if operator == "++":
        return any(_values(element) for element in elements)
    values = [value for element in elements for value in _values(element, test[2] if operator in ("=", "!=", "<", ">") else 0)]
    if not values:
        return None if operator == "!=" else False
    answers = [_ANSWERS[operator](value, test[-1]) for value in values]
    met = True if True in answers else None if None in answers else False
    return None if met is None else met is not (operator == "!=")


def is_one_of(value: Any, terms: tuple[str | int, ...]) -> bool | None:
    """Whether a value is one of the terms, as text or as a number; None for what is neither."""
    if isinstance(value, str):
        return value.strip(" \0") in terms
    return None if not _is_number(value) else any(_number(term) == value for term in terms)


def _is_above(value: Any, limit: float) -> bool | None:
    number = _number(value)
    return None if number is None else number > limit


def _is_below(value: Any, limit: float) -> bool | None:
    number = _number(value)
    return None if number is None else number < limit


def _is_tag_among(value: Any, tags: tuple[int, ...]) -> bool | None:
    return value in tags if isinstance(value, int) else None


def _is_private(value: Any, _: Any) -> bool | None:
    return value >> 16 & 1 == 1 if isinstance(value, int) else None


_ANSWERS: Mapping[str, Callable[[Any, Any], bool | None]] = {
    "=": is_one_of, "!=": is_one_of, "<": _is_below, ">": _is_above, "=>": _is_tag_among, "private": _is_private,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Any) -> float | None:
    """The number of a value; of a sequence that of its items."""
    if isinstance(value, _Items):
        return value.length
    if not _is_number(value) and not isinstance(value, str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _found(where: Where, context: Context) -> Iterator[Any]:
    """The elements at a place, all that there are; only the first step may look further than into one item."""
    scope, first, *rest = where
    element = context.find(first) if not scope else _element((context.root if scope == "^" else context).item, first)
    found = iter(() if element is None else (element,))
    for tag in rest:
        found = _below(found, tag)
    return found


def _below(elements: Iterator[Any], tag: int) -> Iterator[Any]:
    return (inner for element in elements for item in _items(element) if (inner := _element(item, tag)) is not None)


# A dataset under check may be of any class and hold anything; whatever goes wrong in reading it, the answer is "not there".
READING_ERRORS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def _element(item: Any, tag: int) -> Any:
    try:
        return item.get(tag)
    except READING_ERRORS:
        return None


def _tags(item: Any) -> list[int]:
    try:
        return [tag for tag in item if isinstance(tag, int)]
    except READING_ERRORS:
        return []


def _value(element: Any) -> Any:
    try:
        return element.value
    except READING_ERRORS:
        return None


class _Items(NamedTuple):
    """The items of a sequence, standing for its value."""

    length: int


def _items(element: Any) -> Iterable[Any]:
    value = _value(element)
    return value if isinstance(value, list) or _holds_items(value) else ()


def _holds_items(value: Any) -> bool:
    """Whether a value is a sequence of another toolkit: not text, and its first member has elements of its own."""
    if value is None or isinstance(value, (str, bytes, int, float)):
        return False
    try:
        return len(value) > 0 and hasattr(value[0], "get")
    except READING_ERRORS:
        return False


def _values(element: Any, place: int = 0) -> tuple[Any, ...]:
    """The values of an element, or the one of a number; a sequence has one, its items. Empty text is no value."""
    value = _value(element)
    if value is None:
        return ()
    if isinstance(value, list) or _holds_items(value):
        return (_Items(len(value)),) if len(value) else ()
    if isinstance(value, (str, bytes, int, float)):
        values: tuple[Any, ...] = (value,)
    else:
        try:
            # an array's own numbers are not Python's
            values = tuple(value.tolist()) if hasattr(value, "ndim") else tuple(value)
        except READING_ERRORS:
            values = (value,)
    chosen = values if not place else values[place - 1 : place]
    return tuple(one for one in chosen if one is not None and one != "")
