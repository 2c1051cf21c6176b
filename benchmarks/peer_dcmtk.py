"""DCMTK as a contender: ``dcmconv``, a C++ program that reads a file and writes it again."""

from __future__ import annotations

from . import cases, sources
from .jobs import Job, conversion_job

_COMMANDS = {"": ["dcmconv"], "implicit": ["dcmconv", "+ti"]}


def prepare(case: cases.Case, form: str, size: cases.Size, folder: str) -> Job:
    """Everything that is done before the clock starts."""
    return conversion_job(_COMMANDS[form], sources.content(case, size), folder)


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()
