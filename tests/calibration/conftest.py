import numpy as np
import pytest

from tests.calibration.traffic import Rng


@pytest.fixture
def rng() -> Rng:
    return np.random.default_rng(11)
