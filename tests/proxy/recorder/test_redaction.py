"""What must not be stored is taken out; what must not be harmed stays."""

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.model import Privacy
from proxy.recorder import redaction
from proxy.recorder.redaction import Redactor
from proxy.recorder.texts import TextKeeper
from proxy.wire.dialect import Answer, ToolCall

ALL = Redactor(("email", "phone", "credit_card", "api_key"))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Write to jane.doe+x@mail.example.co.uk, please", "Write to [email], please"),
        ("née@exämple.de", "[email]"),
        ("+49 (30) 1234-5678", "[phone]"),
        ("call +1 555 123 4567 or (555) 123-4567.", "call [phone] or [phone]."),
        ("0049 170 1234567", "[phone]"),
        ("Tel. 030 1234 5678", "Tel. [phone]"),
        # Test numbers of the card networks
        ("4111 1111 1111 1111", "[credit_card]"),
        ("5500-0000-0000-0004,", "[credit_card],"),
        ("378282246310005", "[credit_card]"),
        ("key sk-proj-AbCdEf1234567890xyz!", "key [api_key]!"),
        ("AKIAIOSFODNN7EXAMPLE", "[api_key]"),
        ("ghp_" + "a1B2" * 9, "[api_key]"),
        ("Authorization: Bearer abcdefghijklmnop.qrst", "Authorization: Bearer [api_key]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4", "[api_key]"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEv\n-----END PRIVATE KEY-----", "[api_key]"),
    ],
)
def test_personal_data_and_secrets_are_replaced_by_their_kind(text: str, clean: str) -> None:
    assert ALL.text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "On 2024-01-15 at 12:30:11 it was 3.14159265358979.",
        "192.168.100.200 and v1.2.3-20240131",
        "4111 1111 1111 1112 fails the Luhn check",
        "order 1234567890123 of 1,234,567,890 items",
        "a@b and @home and user@ and 50% @ 3",
        "risk-free desk-top task-oriented",
        "0.0000012345678",
    ],
)
def test_dates_versions_addresses_of_machines_and_plain_numbers_stay(text: str) -> None:
    assert ALL.text(text) == text


def test_only_what_was_asked_for_is_replaced() -> None:
    text = "a@example.com +1 555 123 4567"
    assert Redactor(("email",)).text(text) == "[email] +1 555 123 4567"
    assert Redactor(("phone",)).text(text) == "a@example.com [phone]"
    assert Redactor(()).text(text) == text
    assert Redactor(("regex:ACME-\\d+",)).text("see ACME-4711") == "see [redacted]"


def test_json_is_taken_apart_so_that_an_escape_hides_nothing() -> None:
    """Strings at any depth, keys too; what is stored is JSON still."""
    body = b'{"m":[{"content":"x\\u0040example.com"}],"k@example.com":1,"card":4111111111111111,"seed":42}'
    assert json.loads(ALL.json(body)) == {
        "m": [{"content": "[email]"}],
        "[email]": 1,
        "card": "[credit_card]",
        "seed": 42,
    }


def test_no_value_goes_with_a_key_that_becomes_anothers() -> None:
    redactor = Redactor(["email"])
    body = b'{"[email] 2": 0, "a@example.com": 1, "b@example.com": 2, "c@example.com": 3}'
    assert sorted(json.loads(redactor.json(body)).values()) == [0, 1, 2, 3]
    assert "example.com" not in redactor.json(body)


def test_a_body_without_anything_to_hide_is_kept_byte_for_byte() -> None:
    body = b'{ "b": 1.50, "a": "\\u00e4" }'
    assert ALL.json(body) == body.decode()


def test_what_is_not_json_is_cleaned_as_text() -> None:
    assert ALL.json(b"not json: a@example.com \xff") == "not json: [email] \ufffd"


@given(st.text(alphabet=st.sampled_from("a1@.-+ ()sk_eyJ0"), max_size=200))
def test_cleaning_twice_changes_nothing_more_and_never_fails(text: str) -> None:
    once = ALL.text(text)
    assert ALL.text(once) == once


_SUSPECTS = st.lists(
    st.sampled_from(
        [
            *"aJI1290@.-+ ()/_kß٣😀\"\\\n", "sk-", "_live_", "xox", "earer ", "AKIA", "eyJ", "PRIVATE KEY-----",
            "-----BEGIN ", "4111111111111111", "+1 555 123 4567", "0301234567", "a@example.com",
            "abcdefghij0123456789", "ghp_", "hf_",
        ]
    ),
    max_size=30,
).map("".join)  # fmt: skip


class Plodding(Redactor):
    """Takes every document apart, and asks every rule about everything."""

    def __init__(self, rules: tuple[str, ...]) -> None:
        super().__init__(rules)
        self._rules = [rule._replace(may_hold=lambda text: True) for rule in self._rules]

    def text(self, text: str) -> str:
        self._clean.clear()
        return super().text(text)


@given(
    st.recursive(
        st.one_of(_SUSPECTS, st.integers(-(10**17), 10**17), st.floats(allow_nan=False), st.none()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_SUSPECTS, inner, max_size=3),
        max_leaves=6,
    ),
    st.booleans(),
    st.sampled_from([None, 1]),
    st.sampled_from([("email", "phone", "credit_card", "api_key"), ("phone",), ("credit_card",), ("api_key",), ()]),
)
@settings(max_examples=400, deadline=None)
def test_looking_first_finds_what_taking_apart_finds(
    value: object, ascii_only: bool, indent: int | None, rules: tuple[str, ...]
) -> None:
    """Whatever the form of the document: escapes, blanks, its own numbers."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    for form in (text, text.replace("/", "\\/"), text[1:]):
        data = form.encode()
        assert Redactor(rules).json(data) == Plodding(rules).json(data)


@given(_SUSPECTS | st.text(alphabet="+(1٣) .-/", max_size=60))
def test_runs_of_numbers_are_those_of_the_plain_pattern(text: str) -> None:
    """However it is written for a fast search: two signs at most, a digit, five or more of the set, a digit."""
    plain = re.compile(r"[+(]{0,2}\d[\d ().\-/]{5,}\d")
    assert [m.span() for m in redaction._runs(text).finditer(text)] == [m.span() for m in plain.finditer(text)]


@pytest.mark.parametrize(
    "text",
    [
        "eyJhbGciOiJI.eyJzdWIiOiIx",
        "eyJhbGciOiJI-eyJzdWIiOiIx.eyJzdWIiOiIx",
        "eyJhbGciOiJI.eyJzdWI.SflKxwRJSM",
        "x_eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM",
    ],
)
def test_what_only_begins_like_a_web_token_stays(text: str) -> None:
    assert ALL.text(text) == text


@pytest.mark.parametrize("before", ["", "t=", "a-", "eyJabcdefgh-", "eyJabcdefgh. ", "eyJ" + "a" * 9000 + " "])
def test_a_web_token_is_found_wherever_it_stands(before: str) -> None:
    clean = ALL.text(before + "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM")
    assert "SflKxwRJSM" not in clean
    assert clean.endswith("[api_key]")


@pytest.mark.parametrize(
    "unit",
    ["a", "1", "a.", "1 ", "@a", "a@", "eyJ", "-eyJ", "eyJaaaaaaaa.", "sk-", "+1", "0 ", "a@a.", "((", "Bearer "],
)
def test_no_text_takes_more_than_a_few_passes(unit: str) -> None:
    """Texts of a megabyte made to be hard: linear work, seconds even on a slow machine, not minutes."""
    begin = time.process_time()
    ALL.text(unit * (1_000_000 // len(unit)))
    assert time.process_time() - begin < 20


def test_bodies_are_kept_as_privacy_says() -> None:
    answer = Answer(
        text="a@example.com", reasoning="b@example.com", tool_calls=(ToolCall("1", "f", '{"x":"c@example.com"}'),)
    )
    request = b'{"q":"d@example.com"}'
    full = TextKeeper(Privacy(bodies="full")).keep(request, answer)
    clean = TextKeeper(Privacy(bodies="redacted")).keep(request, answer)
    assert (full.request, full.response, full.reasoning) == ('{"q":"d@example.com"}', "a@example.com", "b@example.com")
    assert (clean.request, clean.response, clean.reasoning) == ('{"q":"[email]"}', "[email]", "[email]")
    assert "c@example.com" in full.tool_calls
    assert "@" not in clean.tool_calls
    assert not TextKeeper(Privacy(bodies="none")).keeps
