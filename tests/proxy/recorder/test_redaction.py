"""What must not be stored of a body is taken out, whatever form it has."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from config.model import Privacy
from proxy.recorder.redaction import Redactor
from proxy.recorder.texts import TextKeeper
from proxy.wire.dialect import Answer, ToolCall
from tests.store.test_redaction import SUSPECTS

ALL = Redactor(("email", "phone", "credit_card", "api_key"))


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
        st.one_of(SUSPECTS, st.integers(-(10**17), 10**17), st.floats(allow_nan=False), st.none()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SUSPECTS, inner, max_size=3),
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
