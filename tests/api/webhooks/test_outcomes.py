"""Which answers are worth another attempt."""

import pytest

from api.webhooks.outcomes import of_status


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, "delivered"),
        (204, "delivered"),
        (299, "delivered"),
        (301, "refused"),
        (307, "refused"),
        (400, "refused"),
        (401, "refused"),
        (408, "failed"),
        (410, "refused"),
        (425, "failed"),
        (429, "failed"),
        (500, "failed"),
        (503, "failed"),
    ],
)
def test_statuses(status: int, result: str) -> None:
    outcome = of_status(status)
    assert outcome.result == result
    assert (str(status) in outcome.reason) == (result != "delivered")
