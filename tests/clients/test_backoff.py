from clients.backoff import Backoff


def test_waits_double_up_to_the_most_and_start_again_after_success() -> None:
    backoff = Backoff(lambda: 1.0, first=0.5, most=4.0)
    assert [backoff.next() for _ in range(5)] == [0.5, 1.0, 2.0, 4.0, 4.0]
    backoff.reset()
    assert backoff.next() == 0.5


def test_half_of_a_wait_is_random() -> None:
    assert Backoff(lambda: 0.0, first=2.0).next() == 1.0


def test_what_the_server_asks_for_is_obeyed_within_reason() -> None:
    backoff = Backoff(lambda: 0.0)
    assert backoff.next(7.0) == 7.0
    assert backoff.next(86_400.0) == 60.0
