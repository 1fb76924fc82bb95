"""Names of people who label."""

import pytest

from analyzer.dashboard.labelling.people import MAX_NAME_CHARS, NameFault, as_cookie, labeler, of_cookie


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ada", "Ada"),
        ("  Ada \t Lovelace\n", "Ada Lovelace"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("李小龙", "李小龙"),
        ('a;b=c,d"e', 'a;b=c,d"e'),
    ],
)
def test_a_name_is_tidied_and_survives_the_cookie(text: str, name: str) -> None:
    assert labeler(text) == name
    cookie = as_cookie(name)
    assert cookie.isascii()
    assert not set(cookie) & set('; ,"\\')
    assert of_cookie(cookie) == name


@pytest.mark.parametrize("text", ["", " \t\n", "a" * (MAX_NAME_CHARS + 1), "a\x00b", "a\u202eb", "\ud800"])
def test_what_is_no_name_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(NameFault, match="write a name"):
        labeler(text)


@pytest.mark.parametrize("value", [None, "", "%20", "%ff%fe", "%00", "a" * 500])
def test_a_cookie_that_holds_none_is_none(value: str | None) -> None:
    assert of_cookie(value) is None
