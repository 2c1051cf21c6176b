"""Where the programs and libraries are that are no dependency: in the path, or in a folder of their own beside it."""

from __future__ import annotations

import os
import shutil

# python-gdcm, as "pip install --target" leaves it. Where pydicom can import it, pydicom uses it for all it can, and damaged input may
# end the process: so it has no place in the environment, and only the contender that is GDCM has the folder in its sys.path.
PYTHON_GDCM = "python-gdcm"
_GDCM_BESIDE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "peers", "gdcm")


def gdcm_folder() -> str | None:
    """The folder of python-gdcm: what DCMENC_GDCM names, else build/peers/gdcm; None if it is not there."""
    folder = os.environ.get("DCMENC_GDCM", _GDCM_BESIDE)
    return folder if os.path.exists(os.path.join(folder, "gdcm.py")) else None


def present(program: str) -> bool:
    """Whether a contender's program is installed."""
    return gdcm_folder() is not None if program == PYTHON_GDCM else shutil.which(program) is not None
