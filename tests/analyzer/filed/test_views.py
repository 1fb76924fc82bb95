"""Rows that are made of columns again say the same of conduct and surroundings as the rows themselves."""

from pathlib import Path
from random import Random

import numpy as np
import pytest

from analyzer.filed.building import ColumnBuilder
from analyzer.filed.views import CONDUCT, SURROUNDINGS, rows_of
from analyzer.integrity.filed import conduct_of_rows
from analyzer.reading import Setting
from analyzer.surroundings.figures import WARMTHS
from analyzer.surroundings.filed import surroundings_of_rows
from tests.analyzer.filed.making import Row, jsonl, plain, read, varied

SETTING = Setting(loop_lag_ms=10.0)


def surrounded(n: int) -> list[Row]:
    random = Random(n)
    rows = varied(n, seed=n)
    for row in rows:
        row |= {"start_skew_ms": random.choice([None, random.uniform(-1, 30)]), "loop_lag_ms": random.uniform(0, 20)}
        for arm in ("primary", "candidate"):
            row |= {
                f"{arm}_model": random.choice([None, "m1", "m2"]),
                f"{arm}_cached_tokens": random.choice([None, 0, 7]),
                f"{arm}_connection_reused": random.random() < 0.5,
            }
    return rows


@pytest.mark.parametrize("n", [0, 1, 900])
def test_conduct_and_surroundings_are_those_of_the_rows(n: int) -> None:
    rows = surrounded(n)
    builder = ColumnBuilder()
    for row in rows:
        builder.add(row)
    pairs, _ = builder.columns()
    models = tuple(builder.models.codes)

    def views(names: tuple[str, ...]) -> list[Row]:
        return [dict(row) for row in rows_of(pairs, np.arange(n), names, models)]

    assert conduct_of_rows(views(CONDUCT), SETTING) == conduct_of_rows(rows, SETTING)
    assert surroundings_of_rows(views(SURROUNDINGS), SETTING) == surroundings_of_rows(rows, SETTING)
    for row, view in zip(rows, views(SURROUNDINGS), strict=True):
        for name, value in view.items():
            assert value == row[name] if name != "changed" else ("n" in value) == ("n" in row[name])


def test_what_a_file_does_not_say_stays_unknown(tmp_path: Path) -> None:
    file = read(jsonl(tmp_path / "a.jsonl", [plain(i) for i in range(50)]))
    window = file.window()
    experiments = file.experiments(window)
    surroundings = file.surroundings(window, experiments, SETTING)["swift"]
    assert surroundings.models == ()
    assert surroundings.alike is not None
    assert {*surroundings.alike.cache, *surroundings.alike.connection} == {WARMTHS.index("unknown")}
    assert file.conduct(window, experiments, SETTING)["swift"].start is None
