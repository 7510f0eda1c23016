"""The process's certificate."""

from tests.sfu.handshakes import certificate


def test_every_process_has_its_own_and_announces_it_by_sha_256() -> None:
    first, second = certificate(), certificate()
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint.algorithm == "sha-256"
    assert len(first.fingerprint.digest) == 32
