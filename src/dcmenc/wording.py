"""Conditions in words, for the messages of the check; the expressions are those of ``iod_tables.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .dictionary import Tag
from .iod_tables import Expression


def because(expression: Expression, denied: bool = False) -> str:
    """The condition in words, behind a demand; empty where it is no plain test.

    Examples
    --------
    >>> because(("=", ("", 0x00280004), 0, ("RGB",))), because(("person",))
    (' because PhotometricInterpretation is RGB', '')
    """
    words = _in_words(expression, denied)
    return f" because {words}" if words else ""


def _in_words(expression: Expression, denied: bool) -> str:
    if isinstance(expression, bool):
        return ""
    operator, *operands = expression
    if operator == "!":
        return _in_words(operands[0], not denied)
    if operator in ("&", "|"):
        # that the class is the class needs no saying
        parts = [_in_words(operand, denied) for operand in operands if not _asks_class(operand)]
        joint = " and " if (operator == "&") is not denied else " or "
        return joint.join(parts) if all(parts) and len(parts) < 4 else ""
    if operator in ("person", "?") or _asks_class(expression):
        return ""
    name = "/".join(Tag(tag).keyword for tag in operands[0][1:])
    template = _WORDS[operator][denied]
    return template.format(name=name, terms=_terms_in_words(operator, operands))


def _asks_class(expression: Expression) -> bool:
    return isinstance(expression, tuple) and expression[0] in ("=", "!=") and expression[1][-1] == Tag("SOPClassUID")


def _terms_in_words(operator: str, operands: list[Any]) -> str:
    if operator == "=>":
        return " or ".join(Tag(tag).keyword for tag in operands[1])
    if operator in ("<", ">"):
        return f"{operands[2]:g}"
    return " or ".join(map(str, operands[2][:5])) if len(operands) > 2 else ""


# Operator -> how it is said, and how its contrary.
_WORDS: Mapping[str, tuple[str, str]] = {
    "+": ("there is {name}", "there is no {name}"),
    "++": ("{name} has a value", "{name} has no value"),
    "=": ("{name} is {terms}", "{name} is not {terms}"),
    "!=": ("{name} is not {terms}", "{name} is {terms}"),
    "<": ("{name} is less than {terms}", "{name} is not less than {terms}"),
    ">": ("{name} is more than {terms}", "{name} is not more than {terms}"),
    "=>": ("{name} points to {terms}", "{name} does not point to {terms}"),
    "private": ("{name} is private", "{name} is not private"),
}
