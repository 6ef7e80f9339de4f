"""Calls that must be over in time."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from medianest.storage import CacheUnavailableError

TIMEOUT = 0.25


MARGIN = 0.25
"""What a call may take beyond its timeout, in seconds: the machine may be busy."""


KEY = "medianest:test"


def fails_in_time(call: Callable[..., Any], *, within: float = TIMEOUT) -> CacheUnavailableError:
    """The error of the call, which must come in time and name no host."""
    began = time.monotonic()
    with pytest.raises(CacheUnavailableError) as caught:
        call()
    assert time.monotonic() - began < within + MARGIN
    assert "127.0.0.1" not in str(caught.value)
    return caught.value
