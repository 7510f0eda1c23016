"""Counting what a client says of its own addresses."""

from sfu.attributes import MAX_CANDIDATES, Candidate
from sfu.remote_candidates import CandidateCount, RemoteCandidates
from sfu.sdp import SessionDescription

OFFER = (
    "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    "a=candidate:1 1 udp 2113937151 5f1c.local 51000 typ host\r\n"
    "a=candidate:2 1 UDP 1677729535 203.0.113.5 51000 typ srflx raddr 0.0.0.0 rport 0\r\n"
    "a=candidate:3 1 tcp 1518214911 5f1c.local 9 typ host tcptype active\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    "a=candidate:1 1 udp 2113937151 5f1c.local 51000 typ host\r\n"
)


def candidate(text: str) -> Candidate:
    return Candidate.parse(text)


def test_each_counts_once_however_many_sections_name_it() -> None:
    candidates = RemoteCandidates()
    candidates.add_all(SessionDescription.parse(OFFER))
    assert candidates.counts() == [
        CandidateCount("host", "udp", 1, 1),
        CandidateCount("host", "tcp", 1, 1),
        CandidateCount("srflx", "udp", 1, 0),
    ]


def test_trickled_ones_join_and_words_we_do_not_know_are_others() -> None:
    candidates = RemoteCandidates()
    candidates.add_all(SessionDescription.parse(OFFER.split("a=candidate")[0]))
    candidates.add([candidate("1 1 udp 1 192.0.2.9 9 typ relay"), candidate("1 1 sctp 1 192.0.2.9 9 typ <b>")])
    assert candidates.counts() == [CandidateCount("relay", "udp", 1, 0), CandidateCount("other", "other", 1, 0)]


def test_a_client_that_goes_on_naming_some_is_not_followed() -> None:
    candidates = RemoteCandidates()
    candidates.add_all(SessionDescription.parse(OFFER))
    for port in range(2 * MAX_CANDIDATES):
        candidates.add([candidate(f"1 1 udp 1 192.0.2.9 {port} typ host")])
    assert sum(count.count for count in candidates.counts()) == MAX_CANDIDATES
