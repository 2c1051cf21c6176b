"""Where the programs and libraries are that are no dependency: in the path, or in a folder of their own beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

# python-gdcm, as "pip install --target" leaves it. Where pydicom can import it, pydicom uses it for all it can, and damaged input may
# end the process: so it has no place in the environment, and only the contender that is GDCM has the folder in its sys.path.
PYTHON_GDCM = "python-gdcm"
_GDCM_BESIDE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "peers", "gdcm")


def gdcm_folder() -> str | None:
    """The folder of python-gdcm: what DCMENC_GDCM names, else build/peers/gdcm; None if it is not there."""
    folder = os.environ.get("DCMENC_GDCM", _GDCM_BESIDE)
    return folder if os.path.exists(os.path.join(folder, "gdcm.py")) else None


def openjpeg_copy(name: str) -> str | None:
    """The path of a copy of OpenJPEG: that of the wheel of "pillow" or of "imagecodecs", or the "system"'s; None if it is not there."""
    if name == "system":
        return _of_system()
    spec = find_spec({"pillow": "PIL"}.get(name, name))
    if spec is None or not spec.origin:
        return None
    package = Path(spec.origin).parent
    found = [*(package.parent / f"{name}.libs").glob("libopenjp2*.so*"), *(package / ".dylibs").glob("libopenjp2*.dylib")]
    return str(min(found)) if found else None


def _of_system() -> str | None:
    """What the loader of Linux has in its list."""
    try:
        listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    paths = [line.partition(" => ")[2] for line in listed.splitlines() if line.strip().startswith("libopenjp2.")]
    return next((path for path in paths if os.path.isabs(path)), None)


def present(program: str) -> bool:
    """Whether a contender's program is installed."""
    return gdcm_folder() is not None if program == PYTHON_GDCM else shutil.which(program) is not None
