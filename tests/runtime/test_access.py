"""Names, tokens and origins: whom a port answers."""

import pytest

from runtime.access import foreign_page, is_own_host, is_secret, is_token


@pytest.mark.parametrize(
    "header",
    ["localhost", "localhost:8081", "LOCALHOST", "127.0.0.1:8081", "127.8.9.10", "[::1]:8081", "[::1]", "a.localhost"],
)
def test_loopback_names_are_ours(header: str) -> None:
    assert is_own_host(header, set())


@pytest.mark.parametrize("header", ["ops.internal:8081", "10.0.0.7:8081", "10.0.0.7"])
def test_the_configured_host_and_the_sockets_own_address_are_ours(header: str) -> None:
    """The second is how Kubernetes' probes name a pod."""
    assert is_own_host(header, {"ops.internal", "10.0.0.7"})


@pytest.mark.parametrize(
    "header",
    ["evil.example", "evil.example:8081", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.8", "", "[::2]"],
)
def test_other_names_are_not(header: str) -> None:
    assert not is_own_host(header, {"ops.internal", "10.0.0.7", None})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer secret", True),
        ("bearer  secret ", True),
        ("Bearer secre", False),
        ("Bearer secrets", False),
        ("Basic secret", False),
        ("secret", False),
        ("", False),
        (None, False),
    ],
)
def test_a_token_is_borne_whole(header: str | None, expected: bool) -> None:
    assert is_token(header, "secret") is expected


def test_secrets_of_any_letters_are_compared() -> None:
    assert is_secret("schlüssel-🔑", "schlüssel-🔑")
    assert not is_secret("schlussel-🔑", "schlüssel-🔑")
    assert not is_secret("\udcff\ud800", "x")


@pytest.mark.parametrize(
    ("headers", "is_foreign"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8082"}, False),
        ({"Origin": "http://127.0.0.1:8082"}, False),
        ({"Origin": "HTTP://127.0.0.1:8082"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8082"}, True),
        ({"Origin": "http://127.0.0.1:3000"}, True),
        ({"Origin": "http://evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "http://[::1"}, True),
        ({"Origin": ""}, True),
    ],
)
def test_pages_of_other_sites_are_known_by_what_browsers_say(headers: dict[str, str], is_foreign: bool) -> None:
    assert (foreign_page(headers, {"127.0.0.1:8082"}) is not None) is is_foreign
