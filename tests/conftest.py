"""What all tests share: how long Hypothesis searches, and where the other toolkits are."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

_SLOW_BOX = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile("ci", deadline=None, max_examples=60, suppress_health_check=_SLOW_BOX)
settings.register_profile("thorough", deadline=None, max_examples=2000, suppress_health_check=_SLOW_BOX)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def peer() -> Callable[[str], str]:
    """``peer(name)``: the path of another toolkit's program; without it the test is skipped, or fails if DCMENC_REQUIRE_PEERS is set."""

    def find(name: str) -> str:
        beside = os.path.join(os.path.dirname(sys.executable), name)
        path = shutil.which(name) or (beside if os.access(beside, os.X_OK) else None)
        if path is None:
            (pytest.fail if os.environ.get("DCMENC_REQUIRE_PEERS") else pytest.skip)(f"{name} is not installed")
        return str(path)

    return find
