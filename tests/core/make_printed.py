#!/usr/bin/env python3
"""Writes printed.txt: tensors as NumPy prints them, which print.test.cpp compares with Keen's.

Run by developers after changing it, with NumPy 2. Each entry is a line `# operand dtype scale` (the operand in the words
of support/inputs.py, its elements multiplied by scale) and the lines of str(array).
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))
from inputs import operand  # noqa: E402

CASES = [(f"{shape}:{domain}", dtype, 1)
         for shape in "5:c 3x4:c 2x3x4:t 3x5:s 3x2:b 0:c 0x3:c 2x0x3:c 40:c 3x30:c 1001:c 30x40:c 5x6x50:c 2x2x2x2:c".split()
         for dtype, domain in [("bool", "real"), ("int8", "real"), ("int64", "wide"), ("uint64", "wide"), ("float32", "coarse"),
                               ("float32", "real"), ("float64", "unit"), ("float64", "wide")]]
CASES += [(f"12:c:{domain}", dtype, scale) for domain in ("real", "coarse") for dtype in ("float32", "float64")
          for scale in (1e-12, 1e-5, 1e-3, 0.1, 1 / 3, 7, 1e3, 1e5, 1e7, 1e8, 1e12, 1e30)]
CASES += [(f"{shape}:distinct", dtype, 1 / 3) for shape in ("9:c", "4x3:c", "1:c", "1x1:c") for dtype in ("float32", "float64", "float16")]
CASES += [("-:c:real", dtype, 1) for dtype in ("bool", "int32", "uint8")] + [("-:c:nonzero", dtype, 1 / 7) for dtype in ("float32", "float64")]
CASES += [("-:c:nonzero", dtype, scale) for dtype in ("float16", "float32", "float64", "complex64")
          for scale in (1e-5, 300, 1e3, 2e4, 1e5, 1e6, 1e9, 1e15, 1e16) if dtype != "float16" or scale <= 1e4]


def main():
    lines = []
    for i, (spec, dtype, scale) in enumerate(CASES):
        array = operand(spec, "float64" if dtype in ("float16", "complex64") else dtype, i)
        if scale != 1:
            array = array.astype(np.float64) * scale
        lines += [f"# {spec} {dtype} {scale!r}", str(array.astype(dtype))]
    (HERE / "printed.txt").write_text("\n".join(lines) + "\n")
    print(len(CASES), "arrays")


main()
