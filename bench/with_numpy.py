"""NumPy, with the BLAS that it brings."""

import common
import numpy as np
from common import PRODUCT_SIDE


def matmul():
    a, b = (np.random.default_rng(k).random((PRODUCT_SIDE, PRODUCT_SIDE), np.float32) for k in range(2))
    c = np.empty_like(a)

    def run(pieces):
        for _ in range(pieces):
            np.matmul(a, b, out=c)

    run(1)
    return run


common.serve({"matmul": matmul, "copy": common.prepare_copy}, f"NumPy {np.__version__}")
