"""Files of labels: what is understood, and every way in which a row can be wrong, with its line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from analyzer.labels_in import reading
from analyzer.labels_in.columns import LABELS_FILE, RowCheck
from analyzer.labels_in.key import NONCE_BYTES, make_key, read_key
from analyzer.labels_in.reading import FileOfLabels, read_labels
from store.transfer.forms import PairsFileError
from store.transfer.reading import PairsFile

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST = UUID("0195f0a0-0000-7000-8000-000000000001")
PAIR = {"request_id": str(REQUEST), "candidate": "llama"}
KEY = make_key(REQUEST, "llama", bytes(NONCE_BYTES))


def rubric(name: str | None) -> str:
    if name in {None, "helpfulness"}:
        return "helpfulness@00000000"
    raise ValueError(f"{name} is no rubric")


def read(path: Path, labeler: str | None = "anna") -> FileOfLabels:
    check = RowCheck(labeler, rubric, NOW)
    return read_labels(PairsFile(path, layout=LABELS_FILE, check=check), check)


@pytest.fixture
def lines(tmp_path: Path) -> Any:
    """Rows -> what a file of them holds."""

    def made(*rows: dict[str, Any], labeler: str | None = "anna") -> FileOfLabels:
        path = tmp_path / "l.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return read(path, labeler)

    return made


@pytest.mark.parametrize(
    ("said", "preference"),
    [
        ({"winner": "candidate"}, 1.0),
        ({"winner": " Primary "}, -1.0),
        ({"winner": "TIE"}, 0.0),
        ({"preference": 0.25}, 0.25),
        ({"preference": -1}, -1.0),
        ({"score_primary": 3, "score_candidate": 8}, None),
    ],
)
def test_ways_to_say_what_was_better(said: dict[str, Any], preference: float | None, lines: Any) -> None:
    found = lines(PAIR | said)
    assert found.survey.faults == []
    (label,) = found.labels
    assert (label.request_id, label.candidate, label.labeler) == (REQUEST, "llama", "anna")
    assert (label.preference, label.rubric, label.labeled_at) == (preference, "helpfulness@00000000", None)


def test_a_row_knows_better_than_the_option_who_said_it(lines: Any) -> None:
    (label,) = lines(PAIR | {"winner": "tie", "labeler": " ben "}).labels
    assert label.labeler == "ben"


@pytest.mark.parametrize("winner", ["a", "B", "tie"])
def test_a_sheet_comes_back_with_the_arms_in_their_places(winner: str, lines: Any) -> None:
    """Preference is +1 exactly when the letter that won is the one that the key gave the candidate."""
    (label,) = lines({"key": KEY, "winner": winner, "prompt": "p", "answer_a": "x", "answer_b": "y"}).labels
    letter = "a" if read_key(KEY).candidate_is_a else "b"
    expected = 0.0 if winner == "tie" else 1.0 if winner.lower() == letter else -1.0
    assert (label.request_id, label.candidate, label.preference) == (REQUEST, "llama", expected)


def test_rows_of_a_sheet_that_nobody_filled_in_are_counted(lines: Any) -> None:
    found = lines({"key": KEY, "winner": ""}, {"key": KEY}, {"key": KEY, "winner": "a"})
    assert (found.unfilled, len(found.labels), found.bad) == (2, 1, 0)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"candidate": "llama", "winner": "tie"}, "request_id: missing; a row names its pair"),
        ({"request_id": str(REQUEST), "winner": "tie"}, "candidate: missing; a row names its pair"),
        (PAIR, "says nothing; give winner, preference, or both scores"),
        (PAIR | {"winner": ""}, "says nothing"),
        (PAIR | {"winner": "b"}, "winner: 'b' is none of primary, candidate, tie (without the key of a sheet)"),
        ({"key": KEY, "winner": "primary"}, "winner: 'primary' is none of a, b, tie (with a key)"),
        ({"key": KEY, "winner": "a"} | PAIR, "key: names the pair, so request_id and candidate cannot stand beside"),
        ({"key": KEY, "preference": 1}, "key: names the pair, so preference cannot stand beside it"),
        ({"key": "nonsense", "winner": "a"}, "key: 'nonsense' "),
        (PAIR | {"winner": "tie", "preference": 0}, "winner: stands beside preference; give one of the two"),
        (PAIR | {"preference": 1.5}, "preference: 1.5 is not within -1 to 1"),
        (PAIR | {"preference": "better"}, "preference: 'better' is not a number"),
        (PAIR | {"score_primary": 3}, "has the score of one answer only"),
        (PAIR | {"score_primary": 0, "score_candidate": 5}, "score_primary: 0.0 is not within 1 to 10"),
        (PAIR | {"winner": "tie", "inclusion_probability": 0}, "inclusion_probability: 0.0 is no probability"),
        (PAIR | {"winner": "tie", "rationale": "x" * 20_001}, "rationale: longer than 20,000 characters"),
        (PAIR | {"winner": "tie", "labeler": "a\u202eb"}, "labeler: 'a\\u202eb' has characters that cannot be printed"),
        (PAIR | {"winner": "tie", "rubric": "kindness"}, "rubric: kindness is no rubric"),
        (PAIR | {"winner": "tie", "labeled_at": "2026-03-04"}, "labeled_at: 2026-03-04 00:00 UTC lies in the future"),
        (PAIR | {"winer": "tie"}, "winer: no such column; the nearest is 'winner'"),
    ],
)
def test_what_is_wrong_is_said_with_the_line(row: dict[str, Any], said: str, lines: Any) -> None:
    found = lines(PAIR | {"winner": "tie"}, row)
    assert (found.bad, len(found.labels)) == (1, 1)
    place, _, text = found.survey.faults[0].partition(": ")
    assert place.endswith("l.jsonl:2")
    assert text.startswith(said)


def test_somebody_must_have_said_it(lines: Any) -> None:
    found = lines(PAIR | {"winner": "tie"}, labeler=None)
    assert "labeler: missing" in found.survey.faults[0]


def test_the_same_pair_twice_is_bad_and_by_another_person_is_not(lines: Any) -> None:
    found = lines(PAIR | {"winner": "tie"}, PAIR | {"winner": "candidate"}, PAIR | {"winner": "tie", "labeler": "ben"})
    assert [label.labeler for label in found.labels] == ["anna", "ben"]
    assert found.bad == 1
    (fault,) = found.survey.faults
    assert fault.endswith(f"the same pair, labeler and rubric as in {found.labels[0].place}")


def test_what_spreadsheets_make_of_csv(tmp_path: Path) -> None:
    """A byte order mark, line ends of Windows, capital letters, cells left empty, a rationale of two lines."""
    path = tmp_path / "l.csv"
    path.write_bytes(
        b"\xef\xbb\xbfrequest_id,candidate,winner,score_primary,score_candidate,rationale\r\n"
        + f'{REQUEST},llama,Candidate,,,"clear,\nand short"\r\n'.encode()
    )
    (label,) = read(path).labels
    assert (label.preference, label.score_primary, label.rationale) == (1.0, None, "clear,\nand short")


def test_a_file_that_is_too_long_is_refused(tmp_path: Path, lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 2)
    with pytest.raises(PairsFileError, match="more than 2 rows; split it"):
        lines(*[PAIR | {"winner": "tie", "labeler": f"p{n}"} for n in range(3)])
