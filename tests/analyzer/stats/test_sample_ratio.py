from analyzer.stats.sample_ratio import chi_square
from tests.analyzer.stats.reference import reference_case


def test_kohavi_mismatch() -> None:
    case = reference_case("srm_kohavi")
    statistic, p = chi_square(case.inputs["observed"], case.inputs["expected_share"])
    case.check(chi2=statistic, p=p)
