"""What a peer hands to the clock, and the pieces that all peers share: a folder to fill, a process to start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class Job(NamedTuple):
    """``act`` is timed; ``before`` runs before each timed call, off the clock; ``values`` is how many values one call writes."""

    act: Callable[[], object]
    collect: Callable[[], bytes]
    before: Callable[[], object] | None = None
    values: int = 0


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
    source, target = os.path.join(folder, "in.dcm"), os.path.join(folder, "out.dcm")
    with open(source, "wb") as file:
        file.write(content)
    kept = byte_code_in(folder)

    def convert() -> None:
        subprocess.run([*command, source, target], check=True, env=kept)

    def forget() -> None:
        if os.path.exists(target):
            os.unlink(target)

    def collect() -> bytes:
        forget()
        convert()
        with open(target, "rb") as file:
            return file.read()

    return Job(convert, collect, forget)


def byte_code_in(folder: str) -> dict[str, str]:
    """The environment of a process that keeps its byte code in ``folder``, whatever this one was told; its first run fills the folder."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {"PYTHONPYCACHEPREFIX": os.path.join(folder, "bytecode")}


def set_all(target: Any, values: dict[str, Any]) -> Any:
    for keyword, value in values.items():
        setattr(target, keyword, value)
    return target
