"""Conditions of PS3.3 as expressions: read from the standard's sentences, or from the language of ``data/iod-overrides.txt``.

What an expression is, and how one is decided, is told in ``src/dcmenc/iod_tables.py``; here they are lists, ready for JSON.
References are still keywords here: ``RescaleIntercept``, ``ViewCodeSequence/CodeValue``, ``^Rows`` for the data set itself.

The reader of sentences knows the few dozen turns of phrase which the standard repeats a thousand times. A clause that it does
not understand becomes ``["?"]``, "undecided", at its place in the expression: nothing is ever guessed or left out, so that
"A or something unreadable" is true where A is, and otherwise undecided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Expression = Any  # bool, or a list of an operator and its operands

UNKNOWN: Expression = ["?"]
PERSON: Expression = ["person"]


def both(parts: Iterable[Expression]) -> Expression:
    """All of the expressions, the constants folded; what a test of a value implies is not tested again."""
    joined = _joined("&", True, parts)
    if isinstance(joined, bool) or joined[0] != "&":
        return joined
    valued = {part[1] for part in joined[1:] if part[0] in ("=", "<", ">", "=>", "++")}
    return _joined("&", True, [part for part in joined[1:] if not (part[0] == "+" and part[1] in valued)])


def either(parts: Iterable[Expression]) -> Expression:
    """Any of the expressions, the constants folded."""
    return _joined("|", False, parts)


def _joined(operator: str, neutral: bool, parts: Iterable[Expression]) -> Expression:
    operands: list[Expression] = []
    for part in parts:
        if part is (not neutral):
            return part
        for operand in part[1:] if isinstance(part, list) and part[0] == operator else [part]:
            if operand is not neutral and operand not in operands:
                operands.append(operand)
    return neutral if not operands else operands[0] if len(operands) == 1 else [operator, *operands]


def inverse(part: Expression) -> Expression:
    """The opposite of an expression."""
    if isinstance(part, bool):
        return not part
    if part[0] in ("?", "person"):
        return part
    return part[1] if part[0] == "!" else ["!", part]


_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)")
_NAME_BEFORE_TAG = re.compile(r"(?:(?:[A-Z0-9][\w'/.\-]*|\([A-Z]\w+\)|of|the|in|from|to|for|and|by|k-Space)\s+)*$")
_LONE_NAMES = ("Modality", "Rows", "Columns", "Laterality", "Manufacturer")

_REQUIRED = re.compile(
    r"(?:required|shall be present)(?:,? (?:only |and only )?(?:if(?: required if)?|when)| (?:only )?for images where)[:,]? "
    r"|required (?=<)",
    re.I,
)
_CLAUSE_END = re.compile(
    r"\.(?!\d)|;|, in which case|[,.]? ?(?:\bnot used|\b(?:otherwise,? )?(?:it )?(?:may|shall not)(?: also)? be present|\botherwise\b"
    r"|\bsee (?:section|note)|\brequired\b)",
    re.I,
)
_OTHERWISE_IF = re.compile(
    r"(?:otherwise,? (?:it )?may (?:also )?be present(?: only)? (?:if|when)"
    r"|may (?:also )?be present(?: otherwise)?,?(?: but)?(?: only)? (?:if|when)) ", re.I)
_OTHERWISE_MAY = re.compile(r"may (?:also )?be present otherwise|otherwise,? (?:it )?may be present", re.I)
_OTHERWISE_NOT = re.compile(r"shall not be present otherwise|otherwise,? (?:it )?(?:not used|shall not be (?:present|used))", re.I)
_NEVER_IF = re.compile(r"shall not be present (?:if|when) ", re.I)

_CONNECTOR = re.compile(r"(,?) *(and/or|and|or)\b(?: (?:if|when|whose|that|in which)\b)?:? *(?:both |the )?", re.I)
_SUBJECT = re.compile(
    r"(?:(?:the|a|an|any|either|both|attribute|item) )*(?:(?:values? (?:of|for) |value (?P<before>\d),? (?:of|for) |"
    r"(?P<ordinal>first|second|third) value of )(?:the )?)?<(?P<name>\w+)>(?:,? \(?value (?P<after>\d)\)?)?(?: attribute)?(?: values?)?"
    r"(?:,? of (?:this|the) frame| at the image level)?(?:,? in the (?:[A-Z][\w\-]* |\([A-Z]\w+\) )+(?:Module|Macro))?\s*", re.I)
_MORE_SUBJECTS = re.compile(r"(?:,? ?(and|or|nor) (?:if )?|, )(?=(?:the |either |value of )*<)")
_ELIDED = re.compile(r"(?:(?:the )?value (?P<after>\d) |(?:the |its )?value (?=is|equals))", re.I)

_VALUE = r"""(?:"[^"]+"|\d+(?:\.\d+)+|[A-Z0-9][A-Z0-9_\-]*(?:/[A-Z]+)?(?: (?!AND\b|OR\b)[A-Z0-9_][A-Z0-9_\-]*)*)(?![a-z])"""
_SOP_CLASS = r"""(?:[A-Z][\w\-]*(?: [A-Z][\w\-]*)* )?\("?\d+(?:\.\d+){4,}"?\)(?: (?:Image )?(?:Storage)?)?"""
_ONE_VALUE = rf"(?:{_SOP_CLASS}|{_VALUE})(?: \([^()<>]*\))?"
_VALUES = (
    rf"(?:either )?({_ONE_VALUE}(?:(?:,? or |, )(?:equal to )?{_ONE_VALUE})*)"
    r"(?= *(?:$|[,.:;)]|and\b|or\b|(?:Storage )?SOP Class))(?: *(?:Storage )?SOP Class(?:es)?)?"
)

_VERB = r"(?:is|are|equals?|has|have|=|being|:)"
_PREDICATES = tuple((name, re.compile(pattern)) for name, pattern in (
    ("absent", r"(?:is|are) (?:not present|absent|not (?:sent|included|provided|specified))|does not exist|do not exist"),
    ("=", rf"(?:is|are) present (?:and )?with (?:(?:a|the) )?value (?:of )?{_VALUES}"),
    ("filled", r"(?:is|are) present (?:and )?with a value|(?:is|has) (?:not |non-?)(?:zero[- ]length|null)\b"),
    ("present", r"(?:is|are) (?:present|included|provided|sent|specified)|exists?\b"),
    ("empty", r"(?:is|are) (?:empty|zero[- ]length)|has no value|(?:is|has) zero[- ]length"),
    (">", rf"{_VERB}?(?: a value)?(?: of)? ?(?:greater|larger|more) than (-?\d+(?:\.\d+)?|zero|one)\b"),
    ("<", rf"{_VERB}?(?: a value)?(?: of)? ?(?:less|smaller) than (-?\d+(?:\.\d+)?|zero|one)\b"),
    ("=>", r"(?:points? to (?:the )?|(?:includes|contains) the Tag (?:for|of) (?:the )?)<(\w+)>"),
    ("nonzero", r"(?:is|has a|are) (?:not |non-?)(?:equal to )?zero(?: value)?"),
    ("!=", rf"(?:{_VERB} )?(?:a values? )?(?:of )?(?:not|any(?:thing)? other than|other than)(?: equal to)? {_VALUES}"
           rf"|does not equal {_VALUES}"),
    ("=", rf"{_VERB}:?(?: (?:equal to|EQUAL to|set to|one of(?: the following)?:?|(?:a|the) values?(?: of| equal to)?:?"
          rf"|values?(?: of)?|either))? {_VALUES}"),
    ("=", rf"contains the value {_VALUES}"),
    ("filled", r"(?:has|have|contains?) (?:a |any )?values?\b|(?:is|are) not empty"),
))


class SentenceReader:
    """Reads conditions; ``keywords`` leads from the tag to the keyword, ``names`` from the name to the keyword."""

    def __init__(self, keywords: Mapping[str, str], names: Mapping[str, str]) -> None:
        self._keywords = keywords
        self._names = {name: keyword for name, keyword in names.items() if " " in name or name in _LONE_NAMES}
        spelled = sorted(self._names, key=lambda name: (-len(name), name))
        self._bare_name = re.compile(r"(?<![\w<])(?:" + "|".join(map(re.escape, spelled)) + r")(?![\w>])")
        self._by_keyword = {keyword: name for name, keyword in names.items()}

    def read(self, text: str) -> tuple[Expression, Expression | None]:
        """When an attribute is required, and whether it may be there otherwise (None: the text does not say)."""
        marked = self._marked(text)
        clauses = [self._clause(marked[match.end():]) for match in _REQUIRED.finditer(marked)]
        return either(clauses) if clauses else UNKNOWN, self._otherwise(marked)

    def read_clause(self, text: str) -> Expression:
        """A clause alone, as the titles of value lists and the usages of functional groups have them."""
        return self._clause(self._marked(text))

    def _otherwise(self, marked: str) -> Expression | None:
        if match := _OTHERWISE_IF.search(marked):
            return self._clause(marked[match.end():])
        if _OTHERWISE_MAY.search(marked):
            return True
        if _OTHERWISE_NOT.search(marked):
            return False
        if match := _NEVER_IF.search(marked):
            return inverse(self._clause(marked[match.end():]))
        return None

    def _marked(self, text: str) -> str:
        """The text with <Keyword> for each attribute that it names."""
        marked, rest = "", text
        while match := _TAG.search(rest):
            keyword = self._keywords.get((match[1] + match[2]).upper(), "")
            before = rest[: match.start()].rstrip()
            if keyword:
                marked += self._bare_name.sub(self._mark, self._without_name(before, keyword)) + f"<{keyword}>"
            else:
                marked += before + " "
            rest = rest[match.end():]
        return marked + self._bare_name.sub(self._mark, rest)

    def _without_name(self, text: str, keyword: str) -> str:
        """The text without the name of the attribute at its end, or without the words there that look like a name."""
        name = self._by_keyword.get(keyword, "")
        if name and text.lower().endswith(name.lower()):
            return text[: -len(name)]
        return _NAME_BEFORE_TAG.sub("", text + " ")

    def _mark(self, match: re.Match[str]) -> str:
        return f"<{self._names[match[0]]}>"

    def _clause(self, marked: str) -> Expression:
        """Tests joined by "and" and "or"; a comma before the word makes it bind more loosely, a subject left out, more tightly."""
        end = _CLAUSE_END.search(marked)
        rest = (marked[: end.start()] if end else marked).strip(" ,:")
        parts: list[Expression] = []
        joints: list[str] = []
        subject: tuple[str, int] | None = None
        rest = re.sub(r"^(?:both|the) ", "", rest)
        while True:
            before = subject
            part, subject, after = _atom(rest, subject)
            if joints and part is not None and before is not None and not _SUBJECT.match(rest):
                joints[-1] = joints[-1].lstrip(",") + "~"
            if part is None:
                following = _next_connector(rest)
                part, after = UNKNOWN, rest[following:] if following is not None else ""
            parts.append(part)
            joint = _CONNECTOR.match(after.lstrip() if after[:1] == " " else after)
            if joint is None:
                if after.strip(" .)"):
                    parts[-1] = UNKNOWN
                break
            joints.append(f"{joint[1]}{joint[2].lower().removeprefix('and/')}")
            rest = after.lstrip()[joint.end():] if after[:1] == " " else after[joint.end():]
        return _bound(parts, joints)


def _bound(parts: list[Expression], joints: list[str]) -> Expression:
    for joint, join in ((",or", either), (",and", both), ("or", either), ("and", both), ("or~", either), ("and~", both)):
        if joint in joints:
            at = joints.index(joint)
            return join([_bound(parts[: at + 1], joints[:at]), _bound(parts[at + 1 :], joints[at + 1 :])])
    return parts[0]


def _next_connector(text: str) -> int | None:
    match = re.search(r",? (?:and|or) (?=(?:if |the |either |value (?:of |\d))*<)|,? (?:and|or) if ", text)
    return match.start() if match else None


_ORDINALS = {"first": 1, "second": 2, "third": 3}


def _atom(text: str, subject: tuple[str, int] | None) -> tuple[Expression | None, tuple[str, int] | None, str]:
    """The test at the beginning of a text, its subject, and what follows; None where there is none that can be read."""
    quantifier = re.match(r"(neither|either|) ?", text)
    neither, one_of_them = (quantifier[1] == "neither", quantifier[1] == "either") if quantifier else (False, False)
    rest = text[quantifier.end():] if quantifier else text
    subjects: list[tuple[str, int]] = []
    joints: set[str] = set()
    while match := _SUBJECT.match(rest):
        place = match["before"] or match["after"] or _ORDINALS.get((match["ordinal"] or "").lower(), 0)
        subjects.append((match["name"], int(place)))
        rest = rest[match.end():]
        more = _MORE_SUBJECTS.match(rest)
        if not more:
            break
        joints.add(more[1] or "")
        rest = rest[more.end():]
    if not subjects:
        match = _ELIDED.match(text)
        if subject is None:
            return None, None, text
        subjects = [(subject[0], int(match["after"] or subject[1]) if match else subject[1])]
        rest = text[match.end():] if match else text
        if re.match(_VALUES, rest) or re.match(r"not ", rest):
            rest = f"is {rest}"
    for name, pattern in _PREDICATES:
        match = pattern.match(rest)
        if not match:
            continue
        found = [group for group in match.groups() if group]
        tests = [_test(name, one, place, found) for one, place in subjects]
        if any(test is None for test in tests):
            continue
        after = rest[match.end():]
        if neither:
            return both(map(inverse, tests)), subjects[-1], after
        if {"and", "or"} <= joints or ("or" in joints and name in ("absent", "!=") and not one_of_them):
            return UNKNOWN, subjects[-1], after  # "A or B are not present" may mean either thing
        return (either if "or" in joints else both)(tests), subjects[-1], after
    return None, subject, text


def _test(name: str, keyword: str, place: int, found: list[str]) -> Expression | None:
    if name in ("present", "absent"):
        return ["+", keyword] if name == "present" else ["!", ["+", keyword]]
    if name in ("filled", "empty"):
        return ["++", keyword] if name == "filled" else ["!", ["++", keyword]]
    if name == "nonzero":
        return ["!=", keyword, place, ["0"]]
    if name == "=>":
        return ["=>", keyword, found]
    if name in ("<", ">"):
        return [name, keyword, place, {"zero": "0", "one": "1"}.get(found[0], found[0])]
    return [name, keyword, place, _values(found[0])]


def _values(text: str) -> list[str]:
    values = []
    for match in re.finditer(_ONE_VALUE, text):
        one = match[0]
        uid = re.search(r"\d+(?:\.\d+){4,}", one)
        quoted = re.search(r'"([^"]+)"', one)
        values.append(uid[0] if uid else quoted[1] if quoted else re.sub(r" \([^()]*\)$", "", one).strip())
    return values


_TOKEN = re.compile(r'\s*(?:(>=|<=|!=|[=<>(),])|"([^"]*)"|([^\s=<>(),!"]+))')
_COMPARISONS = ("=", "!=", "<", ">", "<=", ">=")


def parse_expression(text: str) -> Expression:
    """An expression as ``data/iod-overrides.txt`` explains it.

    >>> parse_expression('present RescaleIntercept and not ImageType[3] = LOCALIZER, OTHER ONE')
    ['&', ['+', 'RescaleIntercept'], ['!', ['=', 'ImageType', 3, ['LOCALIZER', 'OTHER ONE']]]]
    """
    tokens: list[tuple[str, str]] = []
    position = 0
    text = text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"{text[position:]!r} is not understood")
        tokens.append(("sign", match[1]) if match[1] else ("text", match[2]) if match[2] is not None else ("word", match[3]))
        position = match.end()
    parser = _Parser(tokens)
    expression = parser.alternatives()
    if parser.tokens:
        raise ValueError(f"{parser.tokens[0][1]!r} is not understood in {text!r}")
    return expression


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens

    def _next(self) -> str:
        if not self.tokens:
            raise ValueError("the condition ends too early")
        return self.tokens.pop(0)[1]

    def _takes(self, *words: str) -> str:
        if self.tokens and self.tokens[0][0] != "text" and self.tokens[0][1] in words:
            return self.tokens.pop(0)[1]
        return ""

    def alternatives(self) -> Expression:
        parts = [self._conjunction()]
        while self._takes("or"):
            parts.append(self._conjunction())
        return either(parts)

    def _conjunction(self) -> Expression:
        parts = [self._factor()]
        while self._takes("and"):
            parts.append(self._factor())
        return both(parts)

    def _factor(self) -> Expression:
        if self._takes("not"):
            return inverse(self._factor())
        if self._takes("("):
            inner = self.alternatives()
            if not self._takes(")"):
                raise ValueError("a bracket is not closed")
            return inner
        constants = {"always": True, "never": False, "person": PERSON, "undecided": UNKNOWN}
        if word := self._takes(*constants):
            return constants[word]
        if self._takes("private"):
            return either(["private", place] for place in _places(self._next()))
        if word := self._takes("present", "absent", "filled", "empty"):
            test = either(["++" if word in ("filled", "empty") else "+", place] for place in _places(self._next()))
            return inverse(test) if word in ("absent", "empty") else test
        return self._comparison()

    def _comparison(self) -> Expression:
        reference, _, index = self._next().partition("[")
        places = _places(reference)
        if self._takes("points"):
            return either(["=>", place, [self._next()]] for place in places)
        operator = self._takes(*_COMPARISONS)
        if not operator:
            raise ValueError(f"{reference} is not compared with anything")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        number = int(index.removesuffix("]") or 0)
        if operator in ("=", "!="):
            return (either if operator == "=" else both)([operator, place, number, values] for place in places)
        turned = {"<=": ">", ">=": "<"}.get(operator)
        test = either([turned or operator, place, number, values[0]] for place in places)
        return inverse(test) if turned else test

    def _value(self) -> str:
        """One word or several, or quoted text."""
        words = [self._next()]
        while self.tokens and self.tokens[0][0] == "word" and self.tokens[0][1] not in ("and", "or"):
            words.append(self._next())
        return " ".join(words)


def _places(reference: str) -> list[str]:
    """``frames/X`` stands for X in any item of the shared or the per-frame functional groups."""
    if not reference.startswith("frames/"):
        return [reference]
    rest = reference.removeprefix("frames/")
    return [f"^SharedFunctionalGroupsSequence/{rest}", f"^PerFrameFunctionalGroupsSequence/{rest}"]
