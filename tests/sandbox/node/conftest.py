from __future__ import annotations

import pytest

from tests.sandbox.life import Lab


@pytest.fixture
def lab() -> Lab:
    return Lab()
