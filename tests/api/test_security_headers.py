"""What browsers are told about pages from here."""

import httpx


async def test_security_headers_are_on_every_answer(http: httpx.AsyncClient) -> None:
    for url in ("/", "/docs", "/healthz", "/v1/rooms", "/nothing"):
        headers = (await http.get(url)).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["permissions-policy"].startswith("camera=(self), microphone=(self), display-capture=(self)")
