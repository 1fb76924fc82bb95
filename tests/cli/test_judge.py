"""`shadowbench judge`: a window judged once more, and judges beside people."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cli.main import run
from tests.cli.judged import CONFIG, PAIRS, RUBRIC, Asked, asked_judge, key_of, write_lines
from tests.fakes.judge import Reply


def label(ask: Asked, path: Path, labeler: str, winners: Sequence[str]) -> None:
    write_lines(path, [{**key_of(n), "labeler": labeler, "winner": winner} for n, winner in enumerate(winners)])
    assert ask("labels", "import", str(path))[0] == 0


def label_ten_pairs(ask: Asked, folder: Path) -> None:
    label(ask, folder / "a.jsonl", "anna", ["candidate"] * 6 + ["tie", "primary", "primary", "primary"])
    label(ask, folder / "b.jsonl", "ben", ["candidate"] * 5 + ["primary", "candidate", "primary"])


def test_before_anybody_labelled_it_is_said_how_to(ask: Asked) -> None:
    code, out, err = ask("judge", "agreement")
    assert (code, err) == (0, "")
    assert "labels export --unlabelled" in out


def test_agreement_of_the_judge_with_people_and_of_people(ask: Asked, tmp_path: Path) -> None:
    """The judge always prefers the candidate; anna in 6 of 10 pairs, ben in 5 of the same 8.

    Both agree where ben says candidate, and on pair 7: with ties for disagreement, people say win of 5 pairs, tie of
    2 and loss of 3 (two of which anna labelled alone).
    """
    label_ten_pairs(ask, tmp_path)
    code, out, err = ask("judge", "agreement", "--format", "json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert (said["labels"], said["pairs"], said["labelers"]) == (18, 10, 2)
    (judge,) = said["judges"]
    assert (judge["judge"], judge["rubric"]) == ("j", RUBRIC)
    assert judge["people"]["table"] == [[0, 0, 0], [0, 0, 0], [3, 2, 5]]
    assert judge["people"]["agreement"] == pytest.approx(0.5)
    assert judge["people"]["kappa"] == pytest.approx(0.0), "who always says the same agrees by chance alone"
    assert said["among_people"]["pairs"] == 8
    assert said["among_people"]["agreement"] == pytest.approx(6 / 8)
    code, out, _ = ask("judge", "agreement")
    assert code == 0
    assert "18 labels of 10 pairs by 2 people." in out


@pytest.mark.parametrize(
    ("arguments", "counts"),
    [
        (["--candidate", "nobody"], (0, 0)),
        (["--since", "1m"], (0, 0)),
        (["--rubric", "instruction_following"], (18, 0)),
    ],
)
def test_what_is_asked_for_is_all_that_counts(
    arguments: list[str], counts: tuple[int, int], ask: Asked, tmp_path: Path
) -> None:
    label_ten_pairs(ask, tmp_path)
    said = json.loads(ask("judge", "agreement", "--format", "json", *arguments)[1])
    assert (said["labels"], len(said["judges"])) == counts


def test_the_group_alone_shows_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge"]) == 64
    assert "agreement" in capsys.readouterr().err


@pytest.fixture
def ask_with(judged: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`judge run` on the store of judged pairs, with settings of the judge as YAML."""

    def asked(judge: str, *arguments: str) -> tuple[int, str, str]:
        config = tmp_path / "own.yaml"
        text = CONFIG.replace("./data", str(judged / "data")).replace("{models: []}", judge)
        config.write_text(text)
        code = run(["judge", "run", "-c", str(config), *arguments])
        said = capfd.readouterr()
        return code, said.out, said.err

    return asked


def judge_at(url: str, **more: object) -> str:
    """A judge's section, as YAML that is JSON."""
    price = {"input_per_mtok": "2.5", "output_per_mtok": "10"}
    model = {"name": "arbiter", "url": url, "model": "arbiter-1", "price": price, "attempts": 1}
    return json.dumps({"sample": 1, "repeats": 0, "canaries": 0, "models": [model], **more})


AskWith = Callable[..., tuple[int, str, str]]
BY = ("--rubric", "factual_consistency", "--yes")


def test_a_run_says_what_it_takes_then_what_it_took(ask_with: AskWith) -> None:
    """Every pair is asked about twice; the bill is the upstream's own; the next run finds nothing to do."""
    with asked_judge(lambda call: Reply.winner("A")) as upstream:
        code, out, err = ask_with(judge_at(upstream.url), *BY)
        assert (code, err) == (0, "")
        first, to_judge, budget, pairs, bill = out.splitlines()
        assert f"{PAIRS} pairs in the window, {PAIRS} with texts; 0 are judged, 0 needed no judge" in first
        assert to_judge.startswith(f"to judge: about {PAIRS} pairs in {2 * PAIRS} calls, about $")
        assert budget == "budget: $0.00 of $10.00 are spent today"
        assert pairs == f"pairs: {PAIRS} were judged"
        assert len(upstream.calls) == 2 * PAIRS
        assert bill.startswith(f"{2 * PAIRS} calls, ${upstream.usd:.4f} (${upstream.usd / PAIRS * 1000:.2f} per 1,000")
        code, out, _ = ask_with(judge_at(upstream.url), *BY, "--format", "json")
        said = json.loads(out)
        assert code == 0
        assert (said["estimate"]["judged"], said["estimate"]["to_judge"]) == (PAIRS, 0)
        assert (said["outcome"]["known"], said["outcome"]["calls"]) == (PAIRS, 0)
        assert said["budget"]["usd_per_day"] == "10"
        assert float(said["budget"]["usd_spent"]) == pytest.approx(float(upstream.usd))
        assert len(upstream.calls) == 2 * PAIRS


def test_what_is_left_at_the_end_of_the_money_is_said_and_is_no_success(ask_with: AskWith) -> None:
    with asked_judge(lambda call: Reply.winner("A")) as upstream:
        judge = judge_at(upstream.url, budget={"usd_per_day": "0.2"}, mode="pointwise")
        code, out, err = ask_with(judge, "--yes", "--rubric", "instruction_following")
    assert code == 70
    assert "it will stop there" in out or "per 1,000 judged pairs" in out
    (line,) = err.splitlines()
    assert line.startswith("judge run: stopped: the day's budget (judge.budget.usd_per_day: $0.2) is spent")
    assert line.endswith("pairs of the window are left")


def test_a_dry_run_asks_nobody(ask_with: AskWith) -> None:
    code, out, err = ask_with(judge_at("http://127.0.0.1:9"), "--dry-run", "--rubric", "instruction_following")
    assert (code, err) == (0, "")
    assert "to judge: about " in out
    assert "were judged" not in out


def test_a_window_without_pairs_is_no_error(ask_with: AskWith) -> None:
    code, out, err = ask_with(judge_at("http://127.0.0.1:9"), "--yes", "--since", "1m")
    assert (code, err) == (0, "")
    assert out == "nothing can be judged: the window has no pairs of which both arms answered in text\n"


@pytest.mark.parametrize(
    ("judge", "arguments", "says"),
    [
        (judge_at("http://127.0.0.1:9"), [], "nobody can be asked here; say --yes to judge, or --dry-run"),
        ("{models: []}", ["--yes"], "judge.models names nobody to ask"),
        (judge_at("http://127.0.0.1:9"), ["--yes", "--rubric", "kind"], "--rubric: kind: is no rubric; write helpful"),
        (judge_at("http://127.0.0.1:9"), ["--yes", "--candidate", "lama"], "no candidate 'lama' is configured or has"),
        (judge_at("http://127.0.0.1:9", models=[]), ["--yes", "--until", "2d"], "ends (20"),
    ],
)
def test_wrong_usage_of_a_run_is_one_line(judge: str, arguments: list[str], says: str, ask_with: AskWith) -> None:
    code, out, err = ask_with(judge, *arguments)
    assert (code, out) == (64, "")
    assert says in err
    assert err.count("\n") == 1


def test_without_a_judge_nobody_is_asked(judged: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "none.yaml"
    config.write_text("primary: {url: 'http://127.0.0.1:9'}\n")
    assert run(["judge", "run", "--yes", "-c", str(config)]) == 64
    assert "the configuration has no `judge`" in capfd.readouterr().err
