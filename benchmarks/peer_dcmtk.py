"""DCMTK as a contender: ``dcmconv``, ``dcmcjpeg`` and ``dcmcrle``, C++ programs that read a file and write it again."""

from __future__ import annotations

from . import sources
from .jobs import Job, conversion_job
from .terms import Case, Size

_COMMANDS = {"": ["dcmconv"], "implicit": ["dcmconv", "+ti"], "jpeg-lossless": ["dcmcjpeg"], "rle": ["dcmcrle"]}


def prepare(case: Case, form: str, size: Size, folder: str) -> Job:
    """Everything that is done before the clock starts."""
    return conversion_job(_COMMANDS[form], sources.content(case, size), folder)


def run(job: Job) -> object:
    return job.act()


def result(job: Job) -> bytes:
    return job.collect()
