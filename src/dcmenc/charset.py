r"""Specific Character Set (0008,0005): text to bytes and back, code extensions included (PS3.5 6.1.2, PS3.3 C.12.1.1.2).

Here live the defined terms, the code elements that they stand for, and the escape sequences between them. Padding, the
limits of a VR and the control characters that it allows are not here (``values.py``), nor is the choice of a set.

The tables of the coded sets are Python's codecs. Where vendors differ, the mapping of the national standard is taken:

- JIS X 0208: 2141H is U+301C (wave dash), 2142H U+2016, 215DH U+2212, 2140H U+FF3C; the look-alikes of Microsoft's code page
  932 (U+FF5E, U+2225, U+FF0D) are not encodable. JIS X 0212 2237H is read as U+007E and never written.
- KS X 1001: the 8,225 codes of ``euc_kr``. Syllables outside of them are refused on writing, although ``euc_kr`` spells them in
  eight bytes; such spellings are read.
- GB 2312: A1A4H is U+30FB, A1AAH U+2015 (Python's table), so U+00B7 and U+2014 need GB18030, GBK or ISO_IR 192.
- GB18030: the edition of 2000, as in Python.
- ISO-IR 126 and 138 are older than ``iso8859_7`` and ``iso8859_8``: the characters added since are read, never written.
- JIS X 0201 romaji: 5CH is the yen sign and 7EH the overline, and backslash and tilde have no code. In a VR with several values
  5CH is always the delimiter, so there the yen sign is refused unless another declared set holds it.
- C1 controls (80H to 9FH) pass where the set stands alone, and are refused with code extensions.

When several code elements hold a character, the one in use is kept; otherwise the first in the order of the declaration is
designated. The initial state is restored before control characters, before ``^`` and ``=`` in PN, and at the end of the value.
Where value 1 leaves G1 undefined there is nothing to restore in G1: annexes I and K write no escape there, nor does dcmenc.
Many readers hold one set at a time, not one for G0 and one for G1. For their sake a multi-byte G0 set is left before G1 is
used, and G1 is designated anew after an escape sequence for G0: never needed, always legal.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from dcmenc.errors import EncodeError, ReadError, UnencodableText

if TYPE_CHECKING:
    import re

_ESC = "\x1b"
_C1 = "".join(map(chr, range(0x80, 0xA0)))

# The delimiters that also restore the initial state (PS3.5 6.1.2.5.3). LT, ST and UT have one value: a backslash is text.
_DELIMITERS = {"LO": "\\", "SH": "\\", "UC": "\\", "PN": "\\^=", "LT": "", "ST": "", "UT": ""}


class _Element(NamedTuple):
    """A code element: ``area`` 0 is G0, 1 is G1; ``opening`` selects the set in codecs that read seven-bit escape sequences."""

    escape: bytes
    area: int
    width: int
    codec: str
    opening: bytes = b""
    later: str = ""  # what the codec holds, but not the registered set


class _SingleByte(NamedTuple):
    """A row of table C.12-3; ``codec`` covers G0 and G1 at once, empty where Python has none."""

    left: _Element
    right: _Element | None
    codec: str


_ASCII = _Element(b"\x1b(B", 0, 1, "ascii")
_ROMAJI = _Element(b"\x1b(J", 0, 1, "iso2022_jp", b"\x1b(J")
_KATAKANA = _Element(b"\x1b)I", 1, 1, "iso2022_jp_ext", b"\x1b(I")
_ROMAJI_ONLY = {"¥": b"\\", "‾": b"~", "\\": None, "~": None}


def _supplement(codec: str, final: bytes, later: str = "") -> _SingleByte:
    return _SingleByte(_ASCII, _Element(b"\x1b-" + final, 1, 1, codec, b"", later), codec)


# PS3.3 tables C.12-2 and C.12-3, by ISO registration number.
_SINGLE_BYTE = {
    "6": _SingleByte(_ASCII, None, "ascii"),
    "13": _SingleByte(_ROMAJI, _KATAKANA, ""),
    "100": _supplement("latin_1", b"A"),
    "101": _supplement("iso8859_2", b"B"),
    "109": _supplement("iso8859_3", b"C"),
    "110": _supplement("iso8859_4", b"D"),
    "126": _supplement("iso8859_7", b"F", "€₯ͺ"),
    "127": _supplement("iso8859_6", b"G"),
    "138": _supplement("iso8859_8", b"H", "\u200e\u200f"),
    "144": _supplement("iso8859_5", b"L"),
    "148": _supplement("iso8859_9", b"M"),
    "166": _supplement("tis_620", b"T"),
    "203": _supplement("iso8859_15", b"b"),
}

# PS3.3 table C.12-4: never value 1, always with code extensions.
_MULTI_BYTE = {
    "58": _Element(b"\x1b$)A", 1, 2, "gb2312"),
    "87": _Element(b"\x1b$B", 0, 2, "iso2022_jp", b"\x1b$B"),
    "149": _Element(b"\x1b$)C", 1, 2, "euc_kr"),
    "159": _Element(b"\x1b$(D", 0, 2, "iso2022_jp_1", b"\x1b$(D"),
}

# PS3.3 table C.12-5: no other set beside them.
_STAND_ALONE = {"ISO_IR 192": "utf_8", "GB18030": "gb18030", "GBK": "gbk"}

_ESCAPES = {
    element.escape: element
    for element in (*_MULTI_BYTE.values(), *(side for row in _SINGLE_BYTE.values() for side in row[:2] if isinstance(side, _Element)))
}

_DEFINED_TERMS = (
    *_STAND_ALONE,
    *(prefix + number for prefix in ("ISO_IR ", "ISO 2022 IR ") for number in _SINGLE_BYTE),
    *("ISO 2022 IR " + number for number in _MULTI_BYTE),
)

# Spellings met in files that the rule of ``_repaired`` does not cover.
_NICKNAMES = {"UTF8": "ISO_IR 192", "GBK": "GBK", "ISO2022GBK": "GBK", "GB18030": "GB18030", "ISO2022GB18030": "GB18030"}


class CharacterSet:
    r"""The character sets that a dataset declares; immutable, made by `character_set` or `read_character_set`.

    Attributes
    ----------
    terms : tuple of str
        The defined terms, in order; an empty first term stands for the default repertoire; no terms when none is declared.
    declared : bool
        False when (0008,0005) is absent or empty: the default repertoire, ASCII only (PS3.5 6.1.2.1).
    utf8 : bool
        True when a value is nothing but its UTF-8 form (ISO_IR 192).
    ascii_unchanged : bool
        True when text of printable ASCII characters is its own encoding. False where JIS X 0201 romaji is the initial G0 set.

    Notes
    -----
    PS3.5 6.1.2, annexes H to K; PS3.3 C.12.1.1.2.

    Examples
    --------
    >>> japanese = character_set("\\ISO 2022 IR 87")
    >>> japanese.encode("Yamada^Tarou=山田^太郎", "PN")
    b'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B'
    """

    __slots__ = ("_codec", "_elements", "_extends", "_initial", "_refused", "ascii_unchanged", "declared", "terms", "utf8")

    terms: tuple[str, ...]
    declared: bool
    utf8: bool
    ascii_unchanged: bool
    _codec: str  # covers the initial state at once, or is empty
    _extends: bool  # escape sequences are written and understood
    _initial: tuple[_Element, _Element | None]
    _elements: tuple[_Element, ...]  # what may be designated, in order of preference
    _refused: frozenset[str]  # what ``_codec`` holds, but must not be written so

    def __init__(self, terms: tuple[str, ...]) -> None:
        first = terms[0] if terms else ""
        left, right, codec = _initial_state(first)
        extends = len(terms) > 1 or first.startswith("ISO 2022")
        refused = right.later + (_ESC + _C1 if extends else "") if right else _ESC if extends else ""
        fields = {
            "terms": terms,
            "declared": bool(terms),
            "utf8": codec == "utf_8",
            "ascii_unchanged": left is _ASCII,
            "_codec": codec,
            "_extends": extends,
            "_initial": (left, right),
            "_elements": _elements_of(terms) if extends else (),
            "_refused": frozenset(refused),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a CharacterSet does not change: {name!r} can't be set; make another one by character_set()")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a CharacterSet does not change: {name!r} can't be deleted")

    def __eq__(self, other: object) -> bool:
        return self.terms == other.terms if isinstance(other, CharacterSet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.terms)

    def __repr__(self) -> str:
        return f"CharacterSet({chr(92).join(self.terms)!r})"

    def __reduce__(self) -> tuple[object, tuple[tuple[str, ...]]]:
        return read_character_set, (self.terms,)

    def encode(self, text: str, vr: str, replace: bool = False) -> bytes:
        r"""Encode one value, unpadded.

        Parameters
        ----------
        text : str
            One value, never several joined by backslashes.
        vr : str
            LO, LT, PN, SH, ST, UC or UT.
        replace : bool
            Write ``?`` for characters outside the declared sets. Lone surrogates are refused all the same.

        Returns
        -------
        bytes
            The value, in the initial state at its end.

        Raises
        ------
        UnencodableText
            A character is in none of the declared sets.
        EncodeError
            A backslash in a VR where it separates values, or a VR that takes no character set.

        Notes
        -----
        PS3.5 6.1.2.4, 6.1.2.5.3.

        Examples
        --------
        >>> character_set("ISO_IR 100").encode("Buc^Jérôme", "PN")
        b'Buc^J\xe9r\xf4me'
        >>> DEFAULT.encode("Jérôme", "LO")
        Traceback (most recent call last):
        dcmenc.errors.UnencodableText: 'é' (U+00E9) at index 1 is outside the default repertoire (ASCII; no Specific Character Set is
        declared); declare ISO_IR 192
        """
        if "\\" in _delimiters(vr) and "\\" in text:
            raise EncodeError(f"a backslash separates the values of {vr} and can't be part of one; give several values as a tuple")
        index = -1
        if self._codec:
            try:
                data = text.encode(self._codec)
            except UnicodeEncodeError as fault:
                index = fault.start
            else:
                if not self._refused or self._refused.isdisjoint(text):
                    return data
        if self._extends or not self._codec:
            return self._encode_by_character(text, vr, replace)
        if not replace:
            self._refuse(text, index if index >= 0 else next(i for i, ch in enumerate(text) if ch in self._refused), vr)
        return self._encode_with_marks(text, vr)

    def decode(self, data: bytes, vr: str, errors: str = "strict") -> str:
        r"""Decode a whole value field: the values stay joined by backslashes. Padding is kept.

        After this, splitting at ``\``, and in PN at ``=`` and ``^``, is safe.

        Raises
        ------
        ReadError
            A byte or escape sequence has no meaning in the declared sets; not with ``errors="replace"``, which gives U+FFFD.

        Notes
        -----
        PS3.5 6.1.2.5.3, 6.2. Escape sequences of undeclared sets are understood as well.

        Examples
        --------
        >>> character_set("\\ISO 2022 IR 149").decode(b"Hong=\x1b$)C\xfb\xf3", "PN")
        'Hong=洪'
        """
        delimiters = _delimiters(vr)
        if self._codec and not (self._extends and b"\x1b" in data):
            return self._decode_whole(data, errors)
        return "\\".join(self._decode_by_state(data, delimiters, errors))

    def decode_values(self, data: bytes, vr: str, errors: str = "strict") -> list[str]:
        r"""Decode a value field into its values; none when it is empty. Padding is kept.

        Notes
        -----
        PS3.5 6.4. Trail bytes of GB18030 and GBK, and codes of JIS X 0208, that look like a backslash do not split.

        Examples
        --------
        >>> character_set("GB18030").decode_values("乗\\b".encode("gb18030"), "LO")
        ['乗', 'b']
        """
        if not data:
            return []
        text = self.decode(data, vr, errors)
        return text.split("\\") if "\\" in _DELIMITERS[vr] else [text]

    def _encode_by_character(self, text: str, vr: str, replace: bool) -> bytes:
        """Encode with the state of G0 and G1 followed character by character."""
        delimiters = _delimiters(vr)
        state: list[_Element | None] = list(self._initial)
        named = 1  # the area that the last escape sequence named; in the initial state readers know both
        out = bytearray()
        for index, ch in enumerate(text):
            if ch in delimiters or ((ch < " " or ch == "\x7f") and not (self._extends and ch == _ESC)):
                out += self._restore(state)
                out.append(ord(ch))
                named = 1
                continue
            place = self._place(ch, state, delimiters)
            if place is None and (not replace or _is_surrogate(ch)):
                self._refuse(text, index, vr)
            element, code = place or (self._initial[0], b"?")
            if element.area and state[0] is not None and state[0].width == 2:
                out += self._initial[0].escape
                state[0], named = self._initial[0], 0
            if state[element.area] is not element or element.area > named:
                out += element.escape
                state[element.area], named = element, element.area
            out += code
        return bytes(out + self._restore(state))

    def _place(self, ch: str, state: list[_Element | None], delimiters: str) -> tuple[_Element, bytes] | None:
        """The code element to use for a character, and the character's code in it."""
        for element in (*state, *self._initial, *self._elements):
            if element is not None:
                code = _code(element, ch)
                if code is not None and not (code == b"\\" and delimiters):
                    return element, code
        return None

    def _restore(self, state: list[_Element | None]) -> bytes:
        """Put the state back to the initial one; the escape sequences that say so."""
        escapes = b"".join(
            wanted.escape for wanted, current in zip(self._initial, state, strict=True) if wanted is not None and wanted is not current
        )
        state[:] = self._initial
        return escapes

    def _encode_with_marks(self, text: str, vr: str) -> bytes:
        """Encode in a set without code extensions, with ``?`` for what it does not hold."""
        for index, ch in enumerate(text):
            if _is_surrogate(ch):
                self._refuse(text, index, vr)
        return "".join("?" if ch in self._refused else ch for ch in text).encode(self._codec, "replace")

    def _refuse(self, text: str, index: int, vr: str) -> NoReturn:
        """Raise what is wrong with one character of the text."""
        ch = text[index]
        what = f"{ch!r} (U+{ord(ch):04X}) at index {index}"
        if _is_surrogate(ch):
            raise UnencodableText(f"{what} is half of a surrogate pair and no character; {self._described()}; mend the text")
        if ch == "¥" and self._initial[0] is _ROMAJI:
            raise UnencodableText(f"{what}: its code 5CH separates the values of {vr}; {self._described()}; declare ISO_IR 192")
        if not self.declared:
            raise UnencodableText(
                f"{what} is outside the default repertoire (ASCII; no Specific Character Set is declared); declare ISO_IR 192"
            )
        raise UnencodableText(f"{what} is outside the declared character sets ({self._described()}); declare ISO_IR 192")

    def _described(self) -> str:
        return f"Specific Character Set '{chr(92).join(self.terms)}'" if self.declared else "no Specific Character Set is declared"

    def _decode_whole(self, data: bytes, errors: str) -> str:
        """Decode with the codec of the initial state."""
        try:
            return data.decode(self._codec, errors)
        except UnicodeDecodeError as fault:
            self._misread(data[fault.start], fault.start)

    def _decode_by_state(self, data: bytes, delimiters: str, errors: str) -> list[str]:
        """Decode with the state of G0 and G1 followed run by run; the values."""
        values: list[str] = []
        parts: list[str] = []
        state: list[_Element | None] = list(self._initial)
        position = 0
        while position < len(data):
            wide = state[0] is not None and state[0].width == 2
            match = _token(delimiters, wide, self._extends).match(data, position)
            kind = match.lastgroup if match else None
            run = match.group() if match else data[position : position + 1]
            if kind == "escape" and run in _ESCAPES:
                state[_ESCAPES[run].area] = _ESCAPES[run]
            elif kind == "left" or kind == "right":
                parts.append(self._decode_run(state[kind == "right"], run, position, errors))
            elif kind == "spaces":
                parts.append(" " * len(run))
            elif kind == "stop":
                state[:] = self._initial
                if run == b"\\":
                    values.append("".join(parts))
                    parts.clear()
                else:
                    parts.append(run.decode("ascii"))
            elif errors == "strict":
                self._misread(run, position)
            else:
                parts.append("\ufffd")
            position += len(run)
        return [*values, "".join(parts)]

    def _decode_run(self, element: _Element | None, run: bytes, position: int, errors: str) -> str:
        """Decode bytes that all belong to one code element."""
        if element is None:
            if errors == "strict":
                self._misread(run[0], position)
            return "\ufffd" * len(run)
        codes = bytes(byte & 0x7F for byte in run) if element.opening and element.area else run
        try:
            return (element.opening + codes).decode(element.codec, errors)
        except UnicodeDecodeError as fault:
            start = max(fault.start - len(element.opening), 0)
            self._misread(run[start], position + start)

    def _misread(self, found: int | bytes, position: int) -> NoReturn:
        """Raise what can't be read, and where in the value."""
        what = f"byte {found:02X}H" if isinstance(found, int) else f"sequence {found.hex(' ').upper()}"
        raise ReadError(f"{what} at offset {position} of the value has no meaning here ({self._described()})")


def _delimiters(vr: str) -> str:
    if vr not in _DELIMITERS:
        raise EncodeError(f"Specific Character Set does not apply to VR {vr!r}, only to {', '.join(sorted(_DELIMITERS))}")
    return _DELIMITERS[vr]


def _is_surrogate(ch: str) -> bool:
    return "\ud800" <= ch <= "\udfff"


def _code(element: _Element, ch: str) -> bytes | None:
    """The code of a character in a code element, None when it has none."""
    if element is _ASCII or element is _ROMAJI:
        if element is _ROMAJI and ch in _ROMAJI_ONLY:
            return _ROMAJI_ONLY[ch]
        return ch.encode("ascii") if " " <= ch <= "~" else None
    try:
        encoded = ch.encode(element.codec)
    except UnicodeEncodeError:
        return None
    if element.opening:
        if not encoded.startswith(element.opening):
            return None
        code = encoded[len(element.opening) : len(element.opening) + element.width]
        return bytes(byte | 0x80 for byte in code) if element.area else code
    return encoded if len(encoded) == element.width and encoded[0] >= 0xA0 and ch not in element.later else None


@cache
def _token(delimiters: str, wide: bool, escapes: bool) -> re.Pattern[bytes]:
    """What a value consists of: escape sequences, runs in G0 and in G1, and what restores the initial state.

    While G0 is multi-byte (``wide``), the codes of delimiters are halves of characters, and spaces stand by themselves.
    """
    import re

    stops = re.escape(delimiters).encode("ascii")
    no_stop = b"(?![" + stops + b"])" if stops else b""
    escape = rb"(?P<escape>\x1b[ -/]*[0-~]?)|" if escapes else b""
    left = rb"(?P<left>[!-~]+)|(?P<spaces> +)" if wide else rb"(?P<left>(?:" + no_stop + rb"[ -~])+)"
    return re.compile(escape + left + rb"|(?P<right>[\xA0-\xFF]+)|(?P<stop>[\x00-\x1F\x7F" + stops + rb"])")


def _number(term: str) -> str:
    """The ISO registration number of a term, or nothing."""
    return term.removeprefix("ISO_IR ").removeprefix("ISO 2022 IR ")


def _initial_state(term: str) -> tuple[_Element, _Element | None, str]:
    """G0, G1 and the codec for both, as value 1 sets them; a multi-byte set in G0 is never initial (PS3.5 6.1.2.5.4)."""
    if term in _STAND_ALONE:
        return _ASCII, None, _STAND_ALONE[term]
    number = _number(term) or "6"
    if number in _MULTI_BYTE:
        element = _MULTI_BYTE[number]
        return _ASCII, element if element.area else None, ""
    return _SINGLE_BYTE[number]


def _elements_of(terms: tuple[str, ...]) -> tuple[_Element, ...]:
    """The code elements of several terms, in order, each once."""
    found: dict[_Element, None] = {}
    for term in terms:
        number = _number(term) or "6"
        sides = (_MULTI_BYTE[number],) if number in _MULTI_BYTE else _SINGLE_BYTE[number][:2]
        found.update((side, None) for side in sides if isinstance(side, _Element))
    return tuple(found)


def _split_terms(terms: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The single terms, without padding; none when all are empty."""
    joined = "\\".join(terms) if isinstance(terms, tuple) else terms or ""
    found = tuple(term.strip(" \0") for term in joined.split("\\"))
    return found if any(found) else ()


@lru_cache(maxsize=256)
def character_set(terms: str | tuple[str, ...] | None) -> CharacterSet:
    r"""The character set that text is to be written in.

    Parameters
    ----------
    terms : str or tuple of str or None
        The value of (0008,0005): defined terms, in a tuple or joined by backslashes. None or empty: the default repertoire.

    Raises
    ------
    EncodeError
        A term is unknown, misspelt or not allowed in its place; the message names the right spelling.

    Notes
    -----
    PS3.3 C.12.1.1.2, tables C.12-2 to C.12-5.

    Examples
    --------
    >>> character_set("ISO 2022 IR 100\\ISO 2022 IR 144").terms
    ('ISO 2022 IR 100', 'ISO 2022 IR 144')
    >>> character_set("ISO IR 100")
    Traceback (most recent call last):
    dcmenc.errors.EncodeError: Specific Character Set 'ISO IR 100' is not a defined term; write 'ISO_IR 100'
    """
    found = _split_terms(terms)
    for index, term in enumerate(found):
        _check_term(term, index, found)
    return CharacterSet(found)


def _check_term(term: str, index: int, terms: tuple[str, ...]) -> None:
    """Refuse a term that may not be written, naming what to write."""
    several = len(terms) > 1
    if not term and index:
        raise EncodeError("Specific Character Set: only the first of several values may be empty; leave the others out")
    if term and term not in _DEFINED_TERMS:
        raise EncodeError(f"Specific Character Set {term!r} is not a defined term; {_advice(term)}")
    if several and term in _STAND_ALONE:
        raise EncodeError(f"Specific Character Set {term!r} can't be combined with others; declare it alone")
    if several and term.startswith("ISO_IR "):
        raise EncodeError(f"Specific Character Set {term!r} can't be one of several; write 'ISO 2022 IR {_number(term)}'")
    if not index and _number(term) in _MULTI_BYTE:
        raise EncodeError(f"Specific Character Set {term!r} can't be value 1; write '{chr(92)}{term}', with an empty value before it")


def _advice(term: str) -> str:
    """What to write instead of an unknown term."""
    repaired = _repaired(term)
    if repaired:
        return f"write {repaired!r}"
    import difflib

    near = difflib.get_close_matches(term.upper(), _DEFINED_TERMS, 3, 0.5)
    return f"near to it: {', '.join(near)}" if near else f"known are {', '.join(_DEFINED_TERMS)}"


def _repaired(term: str) -> str:
    """The defined term that a misspelling stands for, by its letters and digits; empty when there is none."""
    squeezed = "".join(filter(str.isalnum, term.upper()))
    if squeezed in _NICKNAMES:
        return _NICKNAMES[squeezed]
    if not squeezed.startswith("ISO"):
        return ""
    extended = squeezed.startswith("ISO2022")
    number = squeezed.removeprefix("ISO").removeprefix("2022").removeprefix("IR")
    if number in _MULTI_BYTE or (extended and number in _SINGLE_BYTE):
        return "ISO 2022 IR " + number
    return "ISO_IR " + number if number in _SINGLE_BYTE or number == "192" else ""


@lru_cache(maxsize=256)
def read_character_set(terms: str | tuple[str, ...] | None) -> CharacterSet:
    r"""The character set that a file's text is to be read in: misspelt and misplaced terms are mended where their sense is clear.

    ``terms`` of the result holds the mended terms. Stand-alone sets behave as in other readers: as value 1 they win, later
    they are left out.

    Raises
    ------
    ReadError
        A term has no recognisable sense.

    Notes
    -----
    PS3.3 C.12.1.1.2.

    Examples
    --------
    >>> read_character_set("ISO_IR 13\\ISO-2022-IR 87").terms
    ('ISO 2022 IR 13', 'ISO 2022 IR 87')
    """
    found = [_read_term(term) for term in _split_terms(terms)]
    if not found or found[0] in _STAND_ALONE:
        return CharacterSet(tuple(found[:1]))
    kept = [found[0], *(term for term in found[1:] if term and term not in _STAND_ALONE)]
    if len(kept) > 1:
        kept = [term and "ISO 2022 IR " + _number(term) for term in kept]
    return CharacterSet(tuple(kept) if any(kept) else ())


def _read_term(term: str) -> str:
    known = term if not term or term in _DEFINED_TERMS else _repaired(term)
    if term and not known:
        raise ReadError(f"Specific Character Set {term[:64]!r} is not a defined term")
    return known


DEFAULT: CharacterSet = character_set(None)
UTF8: CharacterSet = character_set("ISO_IR 192")
