"""Deterministic test inputs, the same here and in inputs.h: an operand is told in words, its elements follow from a seed.

An operand reads `shape:layout:domain[:dtype]`, e.g. `4x5:t:real` or `-:c:index5:int64` (`-` is a 0-d shape). Layouts: c
contiguous, t transposed, s strided (first axis backwards, every second element of the last), b broadcast (first axis
of size 1 repeated). Element i of the generated base comes from splitmix64(seed, i).
"""

import numpy as np

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64".split()
INTEGERS = DTYPES[1:9]
SIGNED, UNSIGNED, FLOATS = DTYPES[1:5], DTYPES[5:9], DTYPES[9:]
NUMERIC = DTYPES[1:]

FLOAT_SPECIALS = ["nan", "inf", "-inf", "0", "-0", "1", "-1", "0.5", "-2.5", "1e-38", "3e38", "-3e38"]


def raw(seed, n):
    """n 64-bit numbers: splitmix64 with the counter as its state."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def bits(r, count):
    """The top `count` bits."""
    return (r >> np.uint64(64 - count)).astype(np.int64)


def floats(domain, r):
    if domain == "real":
        return (bits(r, 16) - 32768) / 4096
    if domain == "positive":
        return (bits(r, 16) + 1) / 4096
    if domain == "unit":
        return (bits(r, 16) - 32768) / 32768
    if domain == "nonzero":
        return np.where(bits(r, 1) == 1, -1, 1) * (0.125 + (bits(r, 16) & 32767) / 4096)
    if domain == "small":
        return (bits(r, 8) - 128) / 64
    if domain == "coarse":
        return (bits(r, 8) - 128) / 16
    if domain == "distinct":
        return ranks(r) / 4
    if domain == "wide":
        scaled = np.ldexp((bits(r, 16) - 32768) / 4096, (r & np.uint64(31)).astype(int) - 16)
        pick = ((r >> np.uint64(8)) & np.uint64(255)).astype(int)
        specials = np.array([float(s) for s in FLOAT_SPECIALS])
        return np.where(pick < 128, specials[pick % len(specials)], scaled)
    raise ValueError(domain)


def ranks(r):
    """The position of each number in ascending order, minus half their count."""
    out = np.empty(r.size, np.int64)
    out[np.argsort(r, kind="stable")] = np.arange(r.size)
    return out - r.size // 2


def integers(domain, r, dtype):
    unsigned = dtype.kind == "u"
    k = bits(r, 31)
    sign = np.where((r & np.uint64(1)) == 1, -1, 1) if not unsigned else 1
    if domain == "real":
        return k % 201 - (0 if unsigned else 100)
    if domain in ("positive", "nonzero"):
        return (k % 100 + 1) * (1 if domain == "positive" else sign)
    if domain == "unit":
        return k % 2
    if domain == "small":
        return k % 7 - (0 if unsigned else 3)
    if domain == "coarse":
        return k % 17 - (0 if unsigned else 8)
    if domain == "distinct":
        return ranks(r) + (r.size // 2 if unsigned else 0)
    if domain.startswith("index"):  # of an axis of that size, negative ones too
        size = int(domain[5:])
        return k % size if unsigned else k % (2 * size) - size
    if domain.startswith("label"):
        return k % int(domain[5:])
    if domain == "wide":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        specials = np.array([low, high, low + 1, high - 1, 0, 1, 2, high if unsigned else -1], dtype)
        pick = ((r >> np.uint64(8)) & np.uint64(255)).astype(int)
        return np.where(pick < 128, specials[pick % 8], (r & np.uint64(2 ** (8 * dtype.itemsize) - 1)).astype(dtype))
    raise ValueError(domain)


def elements(domain, dtype, seed, n):
    dtype, r = np.dtype(dtype), raw(seed, n)
    if dtype.kind == "b":
        return bits(r, 1).astype(bool)
    if dtype.kind in "iu":
        return integers(domain, r, dtype).astype(dtype)
    with np.errstate(over="ignore"):
        return floats(domain, r).astype(dtype)


def shape_of(text):
    return () if text == "-" else tuple(int(d) for d in text.split("x"))


def operand(spec, dtype, seed):
    """The array that `spec` describes; its own dtype, if it names one, goes before `dtype`."""
    shape, layout, domain, *own = spec.split(":")
    shape, dtype = shape_of(shape), own[0] if own else dtype

    def base(of):
        return elements(domain, dtype, seed, int(np.prod(of, dtype=np.int64))).reshape(of)

    if layout == "c" or not shape:
        return base(shape)
    if layout == "t":
        return base(shape[::-1]).T
    if layout == "s":
        return base(shape[:-1] + (2 * shape[-1] + 1,))[..., 1::2][::-1]
    if layout == "b":
        return np.broadcast_to(base((1,) + shape[1:]), shape)
    raise ValueError(layout)
