"""How agreement is shown: the figures of a textbook, what is missing, and names that cannot steer a terminal."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console

from analyzer.quality.agreement import Agreements, agreement
from analyzer.report.agreement_form import as_json, as_table
from analyzer.source import Window

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
RUBRIC = "helpfulness@00000000"


@dataclass(frozen=True)
class Said:
    """A label, and a judgement."""

    request_id: UUID
    preference: float
    labeler: str = "anna"
    judge: str = "arbiter"
    candidate: str = "llama"
    rubric: str = RUBRIC


def textbook(**names: str) -> Agreements:
    """Of 50 pairs both say win of 20 and loss of 15; the judge alone says win of 5, people alone of 10.

    Agreement is 35/50; by chance it would be 0.5 * 0.6 + 0.5 * 0.4 = 0.5, so kappa is 0.4.
    """
    numbers = count(1)
    labels, judgements = [], []
    for judged, labelled, pairs in ((1, 1, 20), (1, -1, 5), (-1, 1, 10), (-1, -1, 15)):
        for _ in range(pairs):
            request = UUID(int=next(numbers))
            labels.append(Said(request, labelled, **names))
            judgements.append(Said(request, judged, **names))
    return agreement(labels, judgements)


def shown(found: Agreements, width: int = 140) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(as_table(found, 0.95))
    return file.getvalue()


def test_the_table_has_the_figures_of_the_textbook() -> None:
    text = shown(textbook())
    assert "50 labels of 50 pairs by 1 person." in text
    (row,) = [line.split() for line in text.splitlines() if line.startswith("arbiter with people")]
    assert row[3:7] == [RUBRIC, "50", "70", "%"]
    assert "0.40" in row
    cells = [line.split() for line in text.splitlines() if line.split()[:1] in (["loss"], ["tie"], ["win"])]
    assert cells == [["loss", "15", "0", "10"], ["tie", "0", "0", "0"], ["win", "5", "0", "20"]]
    assert "Below 100 pairs these figures say little." in text
    assert "No pair was labelled by two people" in text


def test_programs_get_the_same() -> None:
    said: Any = as_json(textbook(), WINDOW, 0.95)
    (judge,) = said["judges"]
    assert (judge["judge"], judge["rubric"]) == ("arbiter", RUBRIC)
    people = judge["people"]
    assert people["agreement"] == pytest.approx(0.7)
    assert people["kappa"] == pytest.approx(0.4)
    # Wilson's interval of 35 of 50, by its closed form.
    z, n, p = 1.959963984540054, 50, 0.7
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    ends = people["agreement_interval"]
    assert ends["low"] == pytest.approx((middle - half) / (1 + z * z / n))
    assert ends["high"] == pytest.approx((middle + half) / (1 + z * z / n))
    assert (said["labels"], said["pairs"], said["labelers"]) == (50, 50, 1)
    assert said["among_people"] is None


def test_without_labels_it_is_said_how_to_get_some() -> None:
    text = shown(agreement([], []))
    assert "labels export --unlabelled" in text
    assert as_json(agreement([], []), WINDOW, 0.95)["judges"] == []


def test_without_judgements_people_are_compared_with_each_other() -> None:
    """Two who agree on three of four pairs."""
    votes = {"anna": (1, 1, -1, 0), "ben": (1, 1, -1, 1)}
    labels = [Said(UUID(int=n), vote, labeler=who) for who, of in votes.items() for n, vote in enumerate(of)]
    text = shown(agreement(labels, []))
    assert "8 labels of 4 pairs by 2 people." in text
    assert "people with each other" in text
    assert "No judge has judged one of these pairs" in text
    assert "No pair was labelled by two people" not in text


def test_a_narrow_terminal_gets_sentences() -> None:
    text = " ".join(shown(textbook(), width=60).split())
    assert f"arbiter with people ({RUBRIC}): 50 pairs, agree 70 %" in text


def test_names_from_files_cannot_steer_the_terminal() -> None:
    text = shown(textbook(judge="evil\x1b[31m\u202e" + "x" * 100))
    assert not set(text) & {"\x1b", "\u202e"}
    assert "x" * 50 not in text
