"""How a client connects: by one peer connection for both directions, or by two."""

import pytest

_NAMES = ["one-connection", "two-connections"]

both_modes = pytest.mark.parametrize("single", [True, False], ids=_NAMES)
"""For what depends on it."""

each_mode = pytest.mark.parametrize("single", [True, pytest.param(False, marks=pytest.mark.calls)], ids=_NAMES)
"""For what is decided above it: by two connections only in `make test-calls`."""
