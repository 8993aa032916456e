#!/usr/bin/env python3
"""Writes reference.txt and reference.bin, NumPy's results that numpy.test.cpp compares Keen's with.

Run by developers after changing it, with NumPy 2 and SciPy: make_reference.py. Nothing else is needed to read the files:

reference.txt has one line for each group of cases,
    name | attributes | operands | dtypes | tolerance
attributes being `key=value` words, operands as support/inputs.py says (the seed is 16 * line number + operand number),
dtypes the dtypes the operands are drawn in (`int8` for all, or `int8+float32` one each), and the tolerance `exact`
(every bit but the sign of zeros), `ulp N` or `close RTOL` (relative to the largest magnitude of the result).

reference.bin has for each line and dtype: one byte dtype (place in keen::DType), one byte rank, each dimension as four
bytes, and the elements in row-major order, all little endian.
"""

import pathlib
import struct
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
from inputs import DTYPES, FLOATS, INTEGERS, NUMERIC, SIGNED, UNSIGNED, operand  # noqa: E402
from numpy_functions import FUNCTIONS  # noqa: E402

KEEN_DTYPES = DTYPES[:9] + ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"]
LAYOUTS = "67:c 2x3x4:t 4x5:s 4x5:b -:c 0x3:c".split()
PAIRS = [p.split() for p in (
    "67:c 67:c", "4x5:t 4x5:t", "4x5:s 4x5:s", "4x5:b 4x5:c", "4x5:c 5:s", "4x1:c 1x5:t", "2x3x4:t 3x1:c", "-:c -:c",
    "3x4:c -:c", "-:c 7:c", "0x3:c 0x3:c", "0x3:t 3:c", "2x0:c -:c")]
LINES = []


def add(name, operands, dtypes=DTYPES, tolerance="exact", domain="real", **attributes):
    """`operands`: specs separated by blanks; those without a domain get `domain`."""
    specs = [s if s.count(":") > 1 else f"{s}:{domain}" for s in operands.split()]
    LINES.append((name, attributes, specs, dtypes, tolerance))


def unary(name, dtypes=DTYPES, tolerance="exact", domain="real", wide=True, **attributes):
    for layout in LAYOUTS:
        add(name, layout, dtypes, tolerance, domain, **attributes)
    if wide:
        add(name, "40:c:wide", dtypes, tolerance, **attributes)


def binary(name, dtypes=DTYPES, tolerance="exact", domains="real real", wide=True):
    a, b = domains.split()
    for left, right in PAIRS:
        add(name, f"{left}:{a} {right}:{b}", dtypes, tolerance)
    if wide:
        add(name, "60:c:wide 60:c:wide", dtypes, tolerance)


def meets(a, b):
    return not ((a == "uint64" and b in SIGNED) or (b == "uint64" and a in SIGNED))


def mixed(name, operands, dtypes=DTYPES, tolerance="exact", **attributes):
    """Every pair of dtypes that promotes."""
    add(name, operands, [f"{a}+{b}" for a in dtypes for b in dtypes if a != b and meets(a, b)], tolerance, **attributes)


def elementwise():
    for name in "add multiply maximum minimum equal not_equal less less_equal greater greater_equal".split():
        binary(name)
    for name in "floor_divide mod".split():
        binary(name, NUMERIC, "exact", "real nonzero", wide=False)
        add(name, "60:c:wide 60:c:wide", INTEGERS)
        add(name, "20:c:real 20:c:unit", INTEGERS)  # by zero
    binary("subtract", NUMERIC)
    binary("divide", domains="real nonzero")
    binary("pow", FLOATS, "ulp 2", "positive small", wide=False)
    add("pow", "90:c:wide 90:c:wide", FLOATS, "ulp 2")
    binary("pow", INTEGERS, "exact", "small small")
    for name in "logical_and logical_or logical_xor".split():
        binary(name, ["bool"])
    mixed("add", "5:c 5:c")
    mixed("multiply", "3:c 2x1:c")
    mixed("divide", "5:c:real 5:c:nonzero")
    mixed("less", "5:c 5:c")
    unary("logical_not", ["bool"])
    for name in "negative abs sign square".split():
        unary(name, NUMERIC)
    unary("relu", NUMERIC)
    for name in "sqrt rsqrt log".split():
        unary(name, tolerance="exact" if name == "sqrt" else "ulp 2", domain="positive")
    unary("log1p", tolerance="ulp 2", domain="positive")
    for name in "exp expm1 sin cos tanh sigmoid softplus erf".split():
        unary(name, tolerance="ulp 4" if name in ("sigmoid", "softplus") else "ulp 2")
    for name in "gelu gelu_exact".split():
        unary(name, tolerance="close 1e-6", domain="small", wide=False)
    unary("reciprocal", domain="nonzero")
    for name in "floor ceil round isnan isinf isfinite".split():
        unary(name)
    for left, right in PAIRS:
        add("relu_gradient", f"{left} {right}", FLOATS)
        for name in "gelu_gradient gelu_exact_gradient".split():
            add(name, f"{left} {right}", FLOATS, "close 1e-6", "small")
    unary("clip", NUMERIC, low=2, high=9)


def conversions():
    for to in DTYPES + ["float16", "complex64", "complex128"]:
        sources = [d for d in DTYPES if not (to in UNSIGNED and d in FLOATS)]
        unary("cast", sources, wide=False, dtype=to)
        if to in UNSIGNED:
            unary("cast", FLOATS, domain="positive", wide=False, dtype=to)
        add("cast", "40:c:wide", DTYPES if to in FLOATS + ["bool", "complex128"] else DTYPES[:9] if to in INTEGERS else ["bool"], dtype=to)
    for name in ["stop_gradient", "contiguous", "to_device"]:
        unary(name, wide=False)
    for place in ("67:c 67:c 67:c", "4x5:t 4x5:t 4x5:c", "4x5:s 4x5:s 4x5:s", "4x5:b 4x1:c 5:c", "4x5:c 4x5:b 4x5:b", "-:c -:c -:c",
                  "-:c 3x4:c 4:c", "0x3:c 0x3:c 3:c"):
        condition, a, b = place.split()
        add("where", f"{condition}:real:bool {a} {b}")
    add("where", "6:c:real:bool 6:c 6:c", [f"bool+{a}+{b}" for a in DTYPES for b in DTYPES if meets(a, b)])


def reductions():
    axes = [dict(), dict(keepdims=1)]
    layouts = [("3x5x70:c", [(0,), (1,), (2,), (0, 2)]), ("2x3x4:t", [(0,), (1, 2)]), ("4x5:s", [(0,), (1,)]),
               ("4x5:b", [(0,), (1,)]), ("-:c", [()])]
    tolerances = {"mean": "ulp 1", "prod": "close 1e-6", "variance": "close 1e-6", "std": "close 1e-6", "norm": "ulp 2", "logsumexp": "close 1e-6"}
    for name in "sum mean prod max min any all variance std norm logsumexp".split():
        tolerance, domain = tolerances.get(name, "exact"), "small" if name in ("prod", "any", "all") else "real"
        for spec, lists in layouts:
            for list_ in [dict()] + [dict(axes=a) for a in lists]:
                for keep in axes:
                    if spec.startswith("3x5") and keep and list_:
                        continue
                    add(name, spec, DTYPES, tolerance, domain, **list_, **keep)
        add(name, "3x0:c", DTYPES, tolerance, domain, axes=(0,))
        if name not in ("max", "min"):
            for a in [dict(), dict(axes=(1,)), dict(axes=(1,), keepdims=1)]:
                if name not in ("mean", "variance", "std"):
                    add(name, "3x0:c", DTYPES, tolerance, domain, **a)
        if name not in ("variance", "std", "norm", "logsumexp"):
            add(name, "5x8:c:wide", INTEGERS if name in ("sum", "prod") else DTYPES[1:3] if name == "mean" else DTYPES,
                "ulp 1" if name == "mean" else "exact", axes=(1,))
    add("variance", "4x6:c", FLOATS, "close 1e-6", axes=(1,), ddof=1)
    for name in ("argmax", "argmin"):
        for spec, axes_ in [("3x5x70:c", (0, 1, 2)), ("2x3x4:t", (0, 2)), ("4x5:s", (0, 1)), ("4x5:b", (0, 1)), ("5x8:c:wide", (1,)), ("3x0:c", (0,))]:
            for axis in axes_:
                add(name, spec, domain="small", axis=axis, keepdims=axis % 2)
        for spec in ["4x5:t", "67:c", "-:c"]:
            add(name, spec, domain="small")
    for spec in ["3x4:c", "3x4:t"]:
        add("axis_count", spec, axes=(0, 1))


def shapes():
    for spec, to in [("4x6:c", (2, 12)), ("4x6:t", (3, 8)), ("4x6:s", (24,)), ("4x6:b", (2, 2, 6)), ("-:c", (1, 1)), ("0x3:c", (3, 0, 2)), ("4x6:s", (4, 2, 3))]:
        add("reshape", spec, shape=to)
    for spec, p in [("2x3x4:c", (1, 2, 0)), ("2x3x4:t", (0, 2, 1)), ("4x5:s", (1, 0)), ("4x5:b", (1, 0)), ("-:c", ()), ("0x3:c", (1, 0)),
                    ("2x1x2x1x2x1x2x3:c", (7, 0, 6, 1, 5, 2, 4, 3))]:
        add("transpose", spec, permutation=p)
    for spec, to in [("4x1:c", (4, 3)), ("2x4:t", (3, 2, 4)), ("1x5:s", (2, 5)), ("3x4:b", (2, 3, 4)), ("-:c", (2, 3)), ("0x1:c", (0, 4)), ("3:c", (0, 3))]:
        add("broadcast_to", spec, shape=to)
    for spec in ["1x4x1:c", "1x4x1:t", "1x3:s", "3x1:b", "-:c", "0x1:c"]:
        add("squeeze", spec)
        add("expand_dims", spec, axis=-1)
    add("squeeze", "1x4x1:c", axes=(-1,))
    for spec in LAYOUTS:
        add("flip", spec)
        add("tile", spec, multiples=(2,) * (0 if spec[0] == "-" else spec.count("x") + 1))
        rank = 0 if spec[0] == "-" else spec.count("x") + 1
        add("pad", spec, before=(1,) * rank, after=(2, 0, 3)[:rank], value=1)
        add("full", "-:c", shape=(2, 3))
    add("full", "-:c", shape=(0, 3))
    add("tile", "2x3:c", multiples=(0, 2))
    for operands, axis in [("67:c 5:c", 0), ("2x3:t 4x3:t", 0), ("4x5:s 4x2:c", 1), ("4x5:b 4x5:s", -1), ("0x3:c 2x3:c", 0), ("0x3:c 0x3:c", 1),
                           ("2x3x4:t 2x3x1:c 2x3x2:s", 2)]:
        add("concat", operands, axis=axis)
    mixed("concat", "2x2:c 1x2:c", axis=0)
    for operands, axis in [("67:c 67:c", 0), ("2x3:t 2x3:c", 1), ("4x5:s 4x5:b", 2), ("-:c -:c", 0), ("0x3:c 0x3:c", 1)]:
        add("stack", operands, axis=axis)
    for spec, attributes in [("6x4:c", dict(parts=3, axis=0)), ("4x6:t", dict(parts=2, axis=1)), ("4x5:s", dict(sizes=(2, 0, 3), axis=1)),
                             ("4x5:b", dict(parts=2, axis=-2)), ("0x3:c", dict(parts=3, axis=1))]:
        for pick in range(2):
            add("split", spec, pick=pick, **attributes)


def indexing():
    places = [("4x5:c", "1"), ("4x5:t", ":/-2"), ("4x5:s", "::-1/1:4"), ("4x5:b", "1:/::2"), ("-:c", "new"), ("0x3:c", ":/1:"), ("4x5x2:c", ".../1"),
              ("4x5x2:t", "-1/new/4:1:-2/..."), ("4x5:c", "10:/:"), ("5:c", "-3:100"), ("5:c", "-100:-1:3"), ("5:s", "::-7"), ("3:c", "...")]
    for spec, index in places:
        add("slice", spec, index=index)
    for spec, shape, index in [("2x3:c", (4, 3), "1:3"), ("3x2:t", (3, 5), "::-1/1::2"), ("2x2:s", (5, 2), "::3"), ("2x3:b", (2, 3), ":"), ("-:c", (), "..."),
                               ("0x3:c", (2, 3), "2:")]:
        add("slice_gradient", spec, shape=shape, index=index)
    for x, value, index in [("4x5:c", "5:c", "1"), ("4x5:t", "4:s", ":/-2"), ("4x5:s", "-:c", "::-2/1:4"), ("4x5:b", "4x1:c", ":/::2"), ("3:c", "0:c", "3:")]:
        add("set", f"{x} {value}", index=index)
    for dtype in INTEGERS:
        for x, indices, axis in [("6x4:c", "5:c", 0), ("2x6x3:t", "2x2:t", 1), ("4x6:s", "3:s", -1), ("6x3:b", "2x3:b", 0), ("6:c", "-:c", 0), ("6x0:c", "4:c", 0), ("6x3:c", "0:c", 0)]:
            if dtype in ("int32", "int64") or x == "6x4:c":
                add("gather", f"{x} {indices}:index6:{dtype}", axis=axis)
        for indices, updates, shape in [("5:c", "5x3:c", (4, 3)), ("6:s", "6x2x2:t", (4, 2, 2)), ("3:c", "3:s", (4,)), ("5:c", "5x2:b", (4, 2)), ("0:c", "0x3:c", (4, 3))]:
            if dtype in ("int32", "int64") or updates == "5x3:c":
                add("scatter", f"{indices}:index4:{dtype} {updates}", NUMERIC, shape=shape)
        for x, indices, axis in [("4x5:c", "4x3:c", 1), ("5x2x3:t", "2x2x3:t", 0), ("4x5:s", "4x5:s", -1), ("5x3:b", "2x3:b", 0), ("0x5:c", "0x2:c", 1)]:
            if dtype in ("int32", "int64") or x == "4x5:c":
                add("take_along_axis", f"{x} {indices}:index{5}:{dtype}", axis=axis)
                shape = list(int(d) for d in x.split(":")[0].split("x"))
                add("put_along_axis", f"{indices}:index5:{dtype} {indices.split(':')[0]}:{x[-1]}", NUMERIC, shape=tuple(shape), axis=axis % len(shape))
        for spec in ["5:c", "2x3:t", "4:s", "3x2:b", "-:c", "0:c"]:
            add("one_hot", f"{spec}:label7", [dtype], depth=7, dtype="float32" if spec != "5:c" else "int16")


def products():
    for a, b, attributes in [("4x7:c", "7x5:c", {}), ("4x7:t", "7x5:t", {}), ("4x7:s", "7x5:s", {}), ("4x7:b", "7x5:b", {}), ("7x4:c", "5x7:c", dict(transpose_a=1, transpose_b=1)),
                             ("4x7:c", "5x7:t", dict(transpose_b=1)), ("2x3x4:c", "4x2:c", {}), ("2x1x3x4:t", "3x4x2:s", {}), ("3x3x2:b", "3x2x3:c", {}),
                             ("7:c", "7:s", {}), ("7:c", "7x3:c", {}), ("2x3x7:c", "7:c", {}), ("0x3:c", "3x2:c", {}), ("3x0:c", "0x2:c", {}), ("2x0x3:c", "2x3x4:c", {}),
                             ("33x40:c", "40x35:t", {})]:
        add("matmul", f"{a} {b}", NUMERIC, "exact", "coarse", **attributes)
    mixed("matmul", "2x3:c 3x2:c", NUMERIC, domain="coarse")
    for name in ("softmax", "log_softmax"):
        for spec, axis in [("3x70:c", -1), ("2x3x4:t", 1), ("4x5:s", 0), ("4x5:b", -1), ("0x3:c", 1), ("3x0:c", 1), ("3x7:c", 0)]:
            add(name, spec, DTYPES, "close 1e-6", axis=axis)
    for dtype in INTEGERS:
        for labels, logits in [("5:c", "5x7:c"), ("4:s", "4x7:t"), ("3:c", "3x7:s"), ("3:b", "3x7:b"), ("0:c", "0x7:c")]:
            if dtype == "int64" or logits == "5x7:c":
                add("sparse_softmax_cross_entropy", f"{labels}:label7:{dtype} {logits}", FLOATS, "close 1e-6")
                add("sparse_cross_entropy_gradient", f"{labels}:label7:{dtype} {logits} {labels}", FLOATS, "close 1e-6")


def pictures():
    for layout in "ctsb":
        for x, f, y, attributes in [
                ("2x5x6x3", "3x2x3x4", (2, 3, 5, 4), dict(strides=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1)),
                ("1x7x6x4", "3x3x2x4", (1, 4, 3, 4), dict(strides=(2, 2), padding=(1, 1, 0, 1), dilation=(1, 1), groups=2)),
                ("2x7x7x2", "2x3x2x3", (2, 5, 3, 3), dict(strides=(1, 1), padding=(0, 0, 0, 0), dilation=(2, 2), groups=1)),
                ("0x5x5x1", "2x2x1x2", (0, 4, 4, 2), dict(strides=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1))]:
            dims = lambda text: tuple(int(d) for d in text.split("x"))
            dy = "x".join(map(str, y)) + f":{layout}:coarse"
            close = "close 1e-6"
            add("conv2d", f"{x}:{layout} {f}:{layout}", FLOATS, close, "coarse", **attributes)
            add("conv2d_input_gradient", f"{f}:{layout} {dy}", FLOATS, close, "coarse", shape=dims(x), **attributes)
            add("conv2d_filter_gradient", f"{x}:{layout} {dy}", FLOATS, close, "coarse", shape=dims(f), **attributes)
        for x, y, attributes in [("2x4x6x3", (2, 2, 3, 3), dict(window=(2, 2), strides=(2, 2), padding=(0, 0, 0, 0))),
                                 ("1x5x5x2", (1, 3, 3, 2), dict(window=(3, 2), strides=(2, 2), padding=(1, 1, 0, 1))),
                                 ("2x5x4x1", (2, 3, 3, 1), dict(window=(3, 2), strides=(1, 1), padding=(0, 0, 0, 0))),
                                 ("0x4x4x1", (0, 2, 2, 1), dict(window=(2, 2), strides=(2, 2), padding=(0, 0, 0, 0)))]:
            dy = "x".join(map(str, y)) + f":{layout}:coarse"
            add("max_pool2d", f"{x}:{layout}", FLOATS, domain="distinct", **attributes)
            add("max_pool2d_second", f"{x}:{layout}:distinct {x}:{layout}:coarse", FLOATS, **attributes)
            add("max_pool2d_gradient", f"{x}:{layout}:distinct {dy}", FLOATS, **attributes)
            add("avg_pool2d", f"{x}:{layout}", FLOATS, "close 1e-6", domain="coarse", **attributes)
            add("avg_pool2d_gradient", dy, FLOATS, "close 1e-6", shape=tuple(int(d) for d in x.split("x")), **attributes)


def attribute_text(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def result_bytes(result):
    code = KEEN_DTYPES.index(result.dtype.name)
    return struct.pack(f"<BB{result.ndim}I", code, result.ndim, *result.shape) + np.ascontiguousarray(result).tobytes()


def main():
    for group in (elementwise, conversions, reductions, shapes, indexing, products, pictures):
        group()
    index, data, cases = [], [], 0
    for line, (name, attributes, specs, dtypes, tolerance) in enumerate(LINES):
        for combination in dtypes:
            each = combination.split("+") if "+" in combination else [combination] * len(specs)
            arrays = [operand(s, d, 16 * line + i) for i, (s, d) in enumerate(zip(specs, each))]
            with np.errstate(all="ignore"):
                data.append(result_bytes(np.asarray(FUNCTIONS[name](attributes, *arrays))))
            cases += 1
        words = " ".join(f"{k}={attribute_text(v)}" for k, v in attributes.items())
        index.append(" | ".join([name, words, " ".join(specs), " ".join(dtypes), tolerance]))
    (HERE / "reference.txt").write_text("\n".join(index) + "\n")
    (HERE / "reference.bin").write_bytes(b"".join(data))
    print(f"{len(LINES)} lines, {cases} cases, {sum(map(len, data))} bytes")


main()
