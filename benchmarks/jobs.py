"""What a peer hands to the clock, and the pieces that all peers share: a folder to fill, a process to start, frames one by one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Job(NamedTuple):
    """``act`` is timed; ``before`` runs before each timed call, off the clock; ``values`` is how many values one call writes.

    ``act`` may do its work ``times`` over. Of a job with ``parts`` each is timed by itself, in the place of ``act``.
    """

    act: Callable[[], object]
    collect: Callable[[], bytes]
    before: Callable[[], object] | None = None
    values: int = 0
    parts: Mapping[str, Callable[[], object]] | None = None
    times: int = 1


def parts_job(parts: Mapping[str, Callable[[], Any]], as_bytes: Callable[[str, Any], Any] = lambda name, found: found) -> Job:
    """A job of several calls; its result is what they return, by name, as :func:`pack` has it."""

    def act() -> None:
        for part in parts.values():
            part()

    return Job(act, lambda: pack({name: bytes(as_bytes(name, part())) for name, part in parts.items()}), parts=parts)


def pack(named: Mapping[str, bytes]) -> bytes:
    """Several results as one: a line of JSON with their names and sizes, then their bytes."""
    return json.dumps({name: len(data) for name, data in named.items()}).encode() + b"\n" + b"".join(named.values())


def unpack(packed: bytes) -> dict[str, bytes]:
    """What :func:`pack` was given."""
    line, _, data = packed.partition(b"\n")
    named, at = {}, 0
    for name, size in json.loads(line).items():
        named[name] = data[at:at + size]
        at += size
    return named


def read_job(read: Callable[[], Any]) -> Job:
    """A job that reads an array; its result is shape, kind and values."""

    def collect() -> bytes:
        array = read()
        return b"%b %b\n%b" % (str(array.shape).encode(), array.dtype.str.encode(), array.tobytes())

    return Job(read, collect)


def empty(folder: str) -> None:
    """Take all files out of a folder, so that every timed call creates them anew."""
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))


def folder_job(folder: str, act: Callable[[], object]) -> Job:
    """A job that writes files; its result is all of them, by name."""

    def collect() -> bytes:
        empty(folder)
        act()
        content = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as file:
                content.append(file.read())
        return b"".join(content)

    return Job(act, collect, lambda: empty(folder))


def process_job(code: str, folder: str) -> Job:
    """A job that starts a Python process; its result is the libraries the process has loaded, one a line.

    The byte code of every contender is kept in ``folder``, so that all are measured as an installed package runs.
    """
    told = f"{code}\nimport sys\nprint('\\n'.join(sorted(name for name in sys.modules if '.' not in name)))"
    kept = byte_code_in(folder)
    return Job(lambda: subprocess.run([sys.executable, "-c", code], check=True, env=kept),
               lambda: subprocess.run([sys.executable, "-c", told], check=True, env=kept, capture_output=True).stdout)


def conversion_job(command: list[str], content: bytes, folder: str) -> Job:
    """A job that starts ``command IN OUT``; its result is the file that the process has written. Byte code as in :func:`process_job`."""
    kept = byte_code_in(folder)
    return file_job(lambda source, target: subprocess.run([*command, source, target], check=True, env=kept), content, folder)


def file_job(convert: Callable[[str, str], object], content: bytes, folder: str) -> Job:
    """A job that makes one file of another, which holds ``content``; its result is the new file."""
    source = os.path.join(folder, "in.dcm")
    with open(source, "wb") as file:
        file.write(content)
    return writing_job(lambda target: convert(source, target), folder)


def writing_job(write: Callable[[str], object], folder: str) -> Job:
    """A job that writes a file, which is not there when it begins; its result is the file."""
    target = os.path.join(folder, "out.dcm")

    def forget() -> None:
        if os.path.exists(target):
            os.unlink(target)

    def collect() -> bytes:
        forget()
        write(target)
        with open(target, "rb") as file:
            return file.read()

    return Job(lambda: write(target), collect, forget)


def byte_code_in(folder: str) -> dict[str, str]:
    """The environment of a process that keeps its byte code in ``folder``, whatever this one was told; its first run fills the folder."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {"PYTHONPYCACHEPREFIX": os.path.join(folder, "bytecode")}


def set_all(target: Any, values: dict[str, Any]) -> Any:
    for keyword, value in values.items():
        setattr(target, keyword, value)
    return target
