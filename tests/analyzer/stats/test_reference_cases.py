"""Every reference case is either put to the product's own functions or named here with the reason why not."""

import ast
from pathlib import Path

from tests.analyzer.stats.reference import case_ids

NOT_OURS = {
    "wilcoxon_depression": "rank tests answer no question of a policy; the median difference has its own interval",
    "confseq_gamma_exponential_bound": "boundary of the empirical Bernstein sequences, which need the order of values",
    "confseq_poly_stitching": "a stitched boundary; ours are mixtures",
    "confseq_quantile_ab_p": "valid for independent arms only; ours are pairs",
    "conjmix_empbern_cs": "needs every value in its order; bounded scores have the Hoeffding mixture, from sums",
    "predmix_empbern_cs": "needs every value in its order",
    "betting_cs": "needs every value in its order",
    "km_aml_maintained": "all requests have one time-out, so nothing is censored before it",
    "cusum_arl_siegmund": "drift is found by confidence sequences; nobody has to name the size of the shift",
    "rogan_gladen_judge": "a judge is corrected by human labels of a random part, which needs no stable error rates",
}
"""Methods that the product does not use."""


def _used() -> set[str]:
    """Ids in calls of `reference_case` and in parameters called `case_id`, read from the source of the tests."""
    used: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _is_about_cases(node):
                used |= {str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant)}
    return used


def _is_about_cases(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id == "reference_case"
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Constant) and first.value == "case_id"


def test_every_case_is_tested_or_has_a_reason() -> None:
    known = set(case_ids())
    used = _used() & known
    assert known - used - set(NOT_OURS) == set(), "neither tested nor excused"
    assert used & set(NOT_OURS) == set(), "tested and excused"
    assert set(NOT_OURS) - known == set(), "excused and unknown"
