"""Requests and answers of the isolation benchmark know their number, and its upstream keeps to the recorded times."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.event_stream import STAMP, is_stamped_answer, parts_of
from bench.llm import EVENTS, LONGEST_S, Plan, answer_body, is_stream, number_of, plan_of, read_plans, request_body

RECORDED = """\
config,provider,model,seq,input_tokens,output_tokens,ttft_s,total_s,itl_s,output_tok_per_s,error_code,error
a,p,m,0,550,150,0.5,1.5,,,,
a,p,m,1,550,150,0.25,2.0,,,,
a,p,m,2,550,150,0.5,1.5,,,-100,too few
a,p,m,3,550,150,60.0,90.0,,,,
"""


@given(st.integers(0, 10**9))
def test_a_request_carries_its_number_also_when_its_model_was_replaced(index: int) -> None:
    body = json.loads(request_body(index))
    body["model"] = "another-model"
    assert number_of(request_body(index)) == index
    assert number_of(json.dumps(body, separators=(",", ":")).encode()) == index
    assert body["stream"] == is_stream(index)


def test_a_body_without_a_number_has_none() -> None:
    assert number_of(b'{"messages": []}') is None


@given(st.integers(0, 10**6))
def test_answers_of_two_requests_differ(index: int) -> None:
    assert answer_body(index) != answer_body(index + 2)
    if is_stream(index):
        assert answer_body(index).count(b"\n\n") == EVENTS + 2
    else:
        assert json.loads(answer_body(index))["object"] == "chat.completion"


def test_plans_are_the_recorded_latencies_scaled_without_errors_and_without_the_slowest(tmp_path: Path) -> None:
    directory = tmp_path / "data" / "latency"
    directory.mkdir(parents=True)
    with gzip.open(directory / "llmperf_requests.csv.gz", "wt") as file:
        file.write(RECORDED)
    plans = read_plans(tmp_path, time_scale=0.5)
    assert sorted((p.first_s, p.total_s) for p in plans) == [(0.125, 1.0), (0.25, 0.75)]
    assert plans == read_plans(tmp_path, time_scale=0.5)
    assert LONGEST_S < 90


def test_plans_come_round_again() -> None:
    plans = [Plan(0.1, 0.2), Plan(0.3, 0.4)]
    assert [plan_of(plans, i) for i in range(3)] == [plans[0], plans[1], plans[0]]


@pytest.mark.parametrize("spoil", [b"", b"x"])
def test_a_stamped_answer_is_recognised_whatever_its_stamps(spoil: bytes) -> None:
    stamped = [STAMP.sub(b'": " %020d"' % i, part) for i, part in enumerate(parts_of(5, "0" * 20))]
    body = b"".join(stamped) + spoil
    assert is_stamped_answer(body, 5) == (spoil == b"")
    assert not is_stamped_answer(body, 6)
    assert [int(stamp) for stamp in STAMP.findall(body)] == [0, 1, 2, 3]
