"""What must not be stored of a text is taken out; what must not be harmed stays."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model import Privacy
from store import redaction
from store.redaction import TextRedactor, text_cleaner

ALL = TextRedactor(("email", "phone", "credit_card", "api_key"))


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
    assert TextRedactor(("email",)).text(text) == "[email] +1 555 123 4567"
    assert TextRedactor(("phone",)).text(text) == "a@example.com [phone]"
    assert TextRedactor(()).text(text) == text
    assert TextRedactor(("regex:ACME-\\d+",)).text("see ACME-4711") == "see [redacted]"


@given(st.text(alphabet=st.sampled_from("a1@.-+ ()sk_eyJ0"), max_size=200))
def test_cleaning_twice_changes_nothing_more_and_never_fails(text: str) -> None:
    once = ALL.text(text)
    assert ALL.text(once) == once


SUSPECTS = st.lists(
    st.sampled_from(
        [
            *"aJI1290@.-+ ()/_kß٣😀\"\\\n", "sk-", "_live_", "xox", "earer ", "AKIA", "eyJ", "PRIVATE KEY-----",
            "-----BEGIN ", "4111111111111111", "+1 555 123 4567", "0301234567", "a@example.com",
            "abcdefghij0123456789", "ghp_", "hf_",
        ]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@given(SUSPECTS | st.text(alphabet="+(1٣) .-/", max_size=60))
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


@pytest.mark.parametrize(("bodies", "kept"), [("full", "ask a@example.com"), ("redacted", "ask [email]"), ("none", "")])
def test_what_people_write_is_kept_as_privacy_says(bodies: str, kept: str) -> None:
    assert text_cleaner(Privacy.model_validate({"bodies": bodies}))("ask a@example.com") == kept
