"""What was declared before looking is stored with the experiment, and nothing where nothing was."""

from pathlib import Path

import msgspec
import pytest

from config.experiment import experiments
from config.policy import Policy
from proxy.recorder.priced import terms_of
from proxy.shadow.capture.segment import Setup
from tests.proxy.recorder.stage import SETUP, LogWriter, Shelf, config, record, whole_exchange

POLICY = '{"guardrails":[],"level":0.95,"planned_pairs":700,"primary_metrics":[]}'


@pytest.mark.parametrize(("policy", "planned"), [(POLICY, 700), ("", None)])
async def test_the_policy_of_a_segment_is_that_of_its_experiments(
    tmp_path: Path, policy: str, planned: int | None
) -> None:
    worker = LogWriter(tmp_path, setup=msgspec.structs.replace(SETUP, policy=policy, planned_pairs=planned))
    shelf = Shelf()
    worker.write(*whole_exchange(1))
    worker.die()
    await record(tmp_path, shelf)
    found = [(row["id"], row["policy"], row["planned_pairs"]) for row in shelf.rows["experiments"]]
    assert found == [("e-llama", policy, planned), ("e-qwen", policy, planned)]


async def test_two_policies_are_two_experiments_and_each_keeps_its_own(tmp_path: Path) -> None:
    """As after a reload: the second stream has other ids."""
    shelf = Shelf()
    for number, (policy, planned) in enumerate([("", None), (POLICY, 700)]):
        setup = Setup(7, 60.0, {"llama": (f"e-{number}", "{}")}, policy, planned)
        worker = LogWriter(tmp_path, ("llama",), setup=setup)
        worker.write(*whole_exchange(number))
        worker.die()
    await record(tmp_path, shelf)
    assert {(row["id"], row["policy"], row["planned_pairs"]) for row in shelf.rows["experiments"]} == {
        ("e-0", "", None),
        ("e-1", POLICY, 700),
    }
    assert {row["experiment"] for row in shelf.rows["pairs"]} == {"e-0", "e-1"}


def test_another_policy_lifts_no_stop_of_a_budget(tmp_path: Path) -> None:
    """Answers without a cost stop a candidate until its terms change; a policy is none of them, another model is."""
    plain = config(tmp_path)
    policy = Policy.model_validate({"guardrails": [{"metric": "error_rate"}]})
    other = plain.candidates[0].model_copy(update={"model": "other"})
    changed: list[dict[str, object]] = [{}, {"policy": policy}, {"candidates": (other,)}]
    configs = [plain.model_copy(update=update) for update in changed]
    found = [experiments(c)["llama"] for c in configs]
    assert len({e.id for e in found}) == 3
    terms = [terms_of(c.candidates[0], e) for c, e in zip(configs, found, strict=True)]
    assert terms[0] == terms[1] != terms[2]
