"""Nonces: for one client, for a while, and made by nobody else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn.attribute_forms import Address
from turn.nonces import KEY_BYTES, LIFETIME, Nonces, Verdict

KEY, NEXT, AFTER = (bytes([number]) * KEY_BYTES for number in (1, 2, 3))
CLIENT = ("192.0.2.1", 50_000)
NOW = 1_764_000_000.0


def verdict(nonce: str, *, client: Address = CLIENT, now: float = NOW, anonymity: bool = False) -> Verdict:
    return Nonces(KEY, anonymity=anonymity).verdict(nonce, client, now)


NONCE = Nonces(KEY, anonymity=False).mint(CLIENT, NOW)


def test_it_says_what_the_server_can_do() -> None:
    """RFC 8489, 9.2 and 18.1: bit 0 is the leftmost."""
    assert NONCE.startswith("obMatJos2gAAA")
    assert Nonces(KEY, anonymity=True).mint(CLIENT, NOW).startswith("obMatJos2wAAA")
    assert len(NONCE) == 35


def test_it_holds_for_its_lifetime() -> None:
    assert verdict(NONCE) is Verdict.VALID
    assert verdict(NONCE, now=NOW + LIFETIME) is Verdict.VALID
    assert verdict(NONCE, now=NOW + LIFETIME + 0.001) is Verdict.STALE
    assert verdict(NONCE, now=NOW - 60) is Verdict.VALID
    assert verdict(NONCE, now=NOW - 61) is Verdict.STALE


@pytest.mark.parametrize(
    "client", [("192.0.2.1", 50_001), ("192.0.2.2", 50_000), ("2001:db8::1", 50_000), ("192.0.2.15", 0)]
)
def test_it_is_nobody_elses(client: Address) -> None:
    assert verdict(NONCE, client=client) is Verdict.FORGED
    assert Nonces(KEY, anonymity=False).mint(client, NOW) != NONCE


def test_address_and_port_do_not_run_together() -> None:
    assert (
        verdict(Nonces(KEY, anonymity=False).mint(("192.0.2.1", 11), NOW), client=("192.0.2.11", 1)) is Verdict.FORGED
    )


def test_no_other_spelling_is_valid() -> None:
    for position, character in enumerate(NONCE):
        other = "A" if character != "A" else "B"
        assert verdict(NONCE[:position] + other + NONCE[position + 1 :]) is Verdict.FORGED, position
    for other in (NONCE + "=", NONCE + "==", NONCE + "A", NONCE + " ", NONCE[:-1], f'"{NONCE}"', NONCE + "\0", ""):
        assert verdict(other) is Verdict.FORGED, other


def test_a_code_whose_last_bits_do_not_count_is_still_one_spelling() -> None:
    """16 bytes fill 21 letters and two bits of the next."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(NONCE[-1])
    twin = NONCE[:-1] + alphabet[last ^ 1]
    assert base64.b64decode(NONCE[13:] + "==") == base64.b64decode(twin[13:] + "==")
    assert verdict(twin) is Verdict.FORGED


def test_promises_cannot_be_taken_out() -> None:
    """RFC 8489, 9.2.1."""
    bare = NONCE.replace("obMatJos2gAAA", "obMatJos2AAAA")
    assert verdict(bare) is Verdict.FORGED
    assert verdict(NONCE.removeprefix("obMatJos2gAAA")) is Verdict.FORGED
    assert verdict(NONCE, anonymity=True) is Verdict.FORGED


@given(
    st.text()
    | st.text(max_size=22).map("obMatJos2gAAA".__add__)
    | st.binary(max_size=20).map(base64.b64encode).map(bytes.decode)
)
def test_any_text_gets_a_verdict(nonce: str) -> None:
    assert verdict(nonce) is Verdict.FORGED


def test_the_key_before_still_vouches_and_the_one_before_that_does_not() -> None:
    nonces = Nonces(KEY, anonymity=False)
    nonces.rotate(NEXT)
    assert nonces.verdict(NONCE, CLIENT, NOW) is Verdict.VALID
    assert nonces.mint(CLIENT, NOW) == Nonces(NEXT, anonymity=False).mint(CLIENT, NOW) != NONCE
    nonces.rotate(AFTER)
    assert nonces.verdict(NONCE, CLIENT, NOW) is Verdict.FORGED
    assert nonces.verdict(Nonces(NEXT, anonymity=False).mint(CLIENT, NOW), CLIENT, NOW) is Verdict.VALID


def test_servers_that_share_keys_know_each_others_nonces() -> None:
    here, there = Nonces(KEY, anonymity=False), Nonces(KEY, anonymity=False)
    assert there.verdict(here.mint(CLIENT, NOW), CLIENT, NOW + 1) is Verdict.VALID
