"""Which modules of an IOD a dataset has to do with: those that it must have, has, or must not have (PS3.3 A.1.3, PS3.5 7.4).

What follows from it, ``completion.py`` fills in and ``verification.py`` reports.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from .iod_tables import Condition, Context, Module, evaluate, merged_tables


class ModuleUse(NamedTuple):
    """The modules of an IOD that a dataset must have, or has; has in part; must not have; and those that nobody can decide on."""

    needed: tuple[Module, ...]
    present: tuple[Module, ...]
    forbidden: tuple[Module, ...]
    undecided: tuple[Module, ...]


def modules_in_use(modules: Iterable[Module], context: Context) -> ModuleUse:
    """Which modules count: M; C by condition; others if an attribute is there that they require and no other module in use has.

    A single optional attribute does not make a module: many modules share them, and makers add them freely (PS3.3 A.1.3). Of the
    others, those are there whole that have all their attributes of Type 1.
    """
    needed: list[Module] = []
    present: list[Module] = []
    open_ones, forbidden, undecided = [], [], []
    for module in modules:
        decided = module.usage == "M" or (evaluate(module.condition, context) if module.condition is not None else False)
        if decided:
            needed.append(module)
        elif decided is False and module.condition is not None and is_forbidden(module.condition, context):
            forbidden.append(module)
        else:
            open_ones.append(module)
            if decided is None:
                undecided.append(module)
    tags = frozenset(context.item)
    covered = {tag for module in needed for tag in _tags_of(module.table)}
    for module in open_ones:
        if tags & (required_tags(module.table) - covered):
            whole = all(tag in tags for tag, row in merged_tables((module.table,)).items() if row.type == "1")
            (needed if whole else present).append(module)
            covered |= _tags_of(module.table)
    open_still = tuple(module for module in undecided if module not in (*needed, *present))
    return ModuleUse(tuple(needed), tuple(present), tuple(forbidden), open_still)


@lru_cache(maxsize=1024)
def _tags_of(table: str) -> frozenset[int]:
    return frozenset(merged_tables((table,))) if table else frozenset()


@lru_cache(maxsize=1024)
def required_tags(table: str) -> frozenset[int]:
    """The attributes of a module that are not optional."""
    return frozenset(tag for tag, row in merged_tables((table,)).items() if row.type != "3") if table else frozenset()


def is_forbidden(condition: Condition, context: Context) -> bool:
    """Whether what is not required must not be there either; where the standard does not say, it may."""
    return condition.otherwise is not None and evaluate(condition.otherwise, context) is False
