"""NumPy's side of each operation: FUNCTIONS[name](attributes, *arrays) gives the result Keen must give.

Where Keen differs from NumPy, the difference is written here (shared documentation: keen/ops/*.h):
  - dtypes promote by `promote`: an integer with a float gives that float (NumPy: float64 for int32 with float32);
  - integers become float32, not float64, in functions with a floating result, and in mean, variance, std, norm;
  - integers modulo or divided by zero give 0, powers with a negative integer exponent 0 or ±1 (NumPy raises).
Functions that no processor computes exactly are evaluated in the next wider type and rounded once: NumPy's own float32
loops err by up to 4 units in the last place.
"""

import numpy as np
from scipy.special import erf as scipy_erf

import images


def promote(*arrays):
    dtypes = {a.dtype for a in arrays}
    kinds = {d.kind for d in dtypes}
    if "f" in kinds:
        dtypes = {d for d in dtypes if d.kind == "f"}
    common = np.result_type(*dtypes)
    return [a.astype(common) for a in arrays]


def floating(a):
    return a.astype(np.float32) if a.dtype.kind in "biu" else a


def wider(a):
    return a.astype(np.float64 if a.dtype == np.float32 else np.longdouble)


def promoted(f):
    return lambda attributes, *arrays: f(*promote(*arrays))


def promoted_floating(f):
    return lambda attributes, *arrays: f(*map(floating, promote(*arrays)))


def rounded_once(f):
    """f of one array in the next wider type."""

    def function(attributes, x):
        x = floating(x)
        return f(wider(x)).astype(x.dtype)

    return function


def integer_power(a, b):
    if a.dtype.kind not in "iu":
        return np.power(wider(a), wider(b)).astype(a.dtype)
    if a.dtype.kind == "u":
        return np.power(a, b)
    negative = b < 0
    powers = np.power(a, np.where(negative, 0, b).astype(a.dtype))
    odd = np.where(b % 2 != 0, -1, 1)
    return np.where(negative, np.where(a == 1, 1, np.where(a == -1, odd, 0)), powers).astype(a.dtype)


def longdouble_erf(x):
    return scipy_erf(x.astype(np.float64))


def as_is(f):
    """floor and its kin leave whole numbers alone."""
    return lambda attributes, x: x if x.dtype.kind in "biu" else f(x)


def reduction(f, wide_sums=False):
    def function(attributes, x):
        return f(x, axis=attributes.get("axes"), keepdims=bool(attributes.get("keepdims", 0)))

    return function


def floating_reduction(f):
    """A reduction with a floating result, in the wider type."""

    def function(attributes, x):
        x = floating(x)
        axes, keepdims = attributes.get("axes"), bool(attributes.get("keepdims", 0))
        return np.asarray(f(wider(x), axes, keepdims, attributes)).astype(x.dtype)

    return function


def argument(f):
    def function(attributes, x):
        if "axis" not in attributes:
            return np.asarray(f(x), np.int64)
        return np.asarray(f(x, axis=attributes["axis"], keepdims=bool(attributes.get("keepdims", 0))), np.int64)

    return function


def variance(x, axes, keepdims, attributes):
    return np.var(x, axis=axes, keepdims=keepdims, ddof=attributes.get("ddof", 0))


def logsumexp(x, axes, keepdims, attributes):
    if x.size == 0:
        return np.log(np.sum(x, axis=axes, keepdims=keepdims))
    return np.logaddexp.reduce(x, axis=tuple(range(x.ndim)) if axes is None else axes, keepdims=keepdims)


def log_softmax(x, axis):
    top = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return top - np.log(np.sum(np.exp(top), axis=axis, keepdims=True))


def softmax_like(f):
    def function(attributes, x):
        x = floating(x)
        return f(wider(x), attributes["axis"]).astype(x.dtype)

    return function


def sparse_cross_entropy(attributes, labels, logits):
    rows = np.arange(labels.size)
    return -log_softmax(wider(logits), 1)[rows, labels.astype(np.int64)].astype(logits.dtype)


def sparse_cross_entropy_gradient(attributes, labels, logits, dy):
    p = np.exp(log_softmax(wider(logits), 1))
    p[np.arange(labels.size), labels.astype(np.int64)] -= 1
    return (p * wider(dy)[:, None]).astype(logits.dtype)


def parse_index(text):
    """`1/::-1/.../new/2:5` as a NumPy index."""
    words = {"...": Ellipsis, "new": None}
    out = []
    for word in text.split("/"):
        if word in words:
            out.append(words[word])
        elif ":" in word:
            out.append(slice(*(int(w) if w else None for w in word.split(":"))))
        else:
            out.append(int(word))
    return tuple(out)


def scatter(attributes, indices, updates):
    out = np.zeros(attributes["shape"], updates.dtype)
    np.add.at(out, indices, updates)
    return out


def put_along_axis(attributes, indices, updates):
    out = np.zeros(attributes["shape"], updates.dtype)
    axis, grid = attributes["axis"], list(np.indices(indices.shape, sparse=True))
    grid[axis] = indices
    np.add.at(out, tuple(grid), updates)
    return out


def slice_gradient(attributes, dy):
    out = np.zeros(attributes["shape"], dy.dtype)
    out[parse_index(attributes["index"])] = dy
    return out


def set_elements(attributes, x, value):
    out = x.copy()
    out[parse_index(attributes["index"])] = value.astype(x.dtype)
    return out


def matmul(attributes, a, b):
    a, b = promote(a, b)
    if attributes.get("transpose_a"):
        a = np.swapaxes(a, -1, -2)
    if attributes.get("transpose_b"):
        b = np.swapaxes(b, -1, -2)
    return np.asarray(np.matmul(a, b))


def pad(attributes, x):
    if x.ndim == 0:
        return x
    return np.pad(x, list(zip(attributes["before"], attributes["after"])), constant_values=attributes["value"])


def where(attributes, condition, a, b):
    return np.where(condition, *promote(a, b))


def one_hot(attributes, indices):
    return np.eye(attributes["depth"], dtype=attributes["dtype"])[indices]


def list_of(attributes):
    return [attributes["parts"]] if "parts" in attributes else [np.cumsum(attributes["sizes"])[:-1]]


def binary(name):
    return promoted(getattr(np, name))


def gelu_argument(x):
    return np.sqrt(2 / x.dtype.type(np.pi)) * (x + x.dtype.type(0.044715) * x**3)


def gelu_gradient(dy, x):
    t = np.tanh(gelu_argument(x))
    slope = np.sqrt(2 / x.dtype.type(np.pi)) * (1 + 3 * x.dtype.type(0.044715) * x * x)
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)


def normal_integral(x):
    return (0.5 * (1 + longdouble_erf(x / np.sqrt(x.dtype.type(2))))).astype(x.dtype)


FUNCTIONS = {
    **{name: binary(name) for name in "add subtract multiply floor_divide mod maximum minimum equal not_equal less less_equal "
       "greater greater_equal logical_and logical_or logical_xor".split()},
    "divide": promoted_floating(np.divide),
    "pow": promoted(integer_power),
    **{name: promoted(getattr(np, name)) for name in "negative abs sign square logical_not".split()},
    **{name: rounded_once(getattr(np, name)) for name in "sqrt exp expm1 log log1p sin cos tanh".split()},
    "rsqrt": rounded_once(lambda x: 1 / np.sqrt(x)),
    "reciprocal": promoted_floating(lambda x: x.dtype.type(1) / x),
    "sigmoid": rounded_once(lambda x: 1 / (1 + np.exp(-x))),
    "softplus": rounded_once(lambda x: np.logaddexp(0, x)),
    "erf": rounded_once(longdouble_erf),
    "gelu": rounded_once(lambda x: 0.5 * x * (1 + np.tanh(gelu_argument(x)))),
    "gelu_gradient": promoted(gelu_gradient),
    "gelu_exact": rounded_once(lambda x: x * normal_integral(x)),
    "gelu_exact_gradient": promoted(lambda dy, x: dy * (normal_integral(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * x.dtype.type(np.pi)))),
    "relu": promoted(lambda x: np.maximum(x, x.dtype.type(0))),
    "relu_gradient": promoted(lambda dy, y: np.where(y > 0, dy, dy.dtype.type(0))),
    **{name: as_is(getattr(np, name)) for name in ["floor", "ceil"]},
    "round": as_is(np.rint),
    **{name: promoted_floating(getattr(np, name)) for name in ["isnan", "isinf", "isfinite"]},
    "clip": lambda attributes, x: np.clip(x, attributes["low"], attributes["high"]).astype(x.dtype),
    "where": where,
    "cast": lambda attributes, x: x.astype(attributes["dtype"]),
    "stop_gradient": lambda attributes, x: x,
    "contiguous": lambda attributes, x: x,
    "to_device": lambda attributes, x: x,
    "sum": reduction(np.sum),
    "prod": reduction(np.prod),
    "max": reduction(np.max),
    "min": reduction(np.min),
    "any": reduction(np.any),
    "all": reduction(np.all),
    "argmax": argument(np.argmax),
    "argmin": argument(np.argmin),
    "mean": floating_reduction(lambda x, axes, keepdims, _: np.mean(x, axis=axes, keepdims=keepdims)),
    "variance": floating_reduction(variance),
    "std": floating_reduction(lambda *a: np.sqrt(variance(*a))),
    "norm": floating_reduction(lambda x, axes, keepdims, _: np.sqrt(np.sum(x * x, axis=axes, keepdims=keepdims))),
    "logsumexp": floating_reduction(logsumexp),
    "axis_count": lambda attributes, x: np.float32(np.prod([x.shape[i] for i in attributes["axes"]])),
    "reshape": lambda attributes, x: x.reshape(attributes["shape"]),
    "transpose": lambda attributes, x: x.transpose(attributes.get("permutation")),
    "squeeze": lambda attributes, x: np.squeeze(x, attributes.get("axes")),
    "expand_dims": lambda attributes, x: np.expand_dims(x, attributes["axis"]),
    "broadcast_to": lambda attributes, x: np.broadcast_to(x, attributes["shape"]),
    "flip": lambda attributes, x: np.flip(x, attributes.get("axes")),
    "tile": lambda attributes, x: np.tile(x, attributes["multiples"]),
    "pad": pad,
    "concat": lambda attributes, *arrays: np.concatenate(promote(*arrays), attributes["axis"]),
    "stack": lambda attributes, *arrays: np.stack(promote(*arrays), attributes["axis"]),
    "split": lambda attributes, x: np.split(x, *list_of(attributes), axis=attributes["axis"])[attributes["pick"]],
    "full": lambda attributes, value: np.full(attributes["shape"], value, value.dtype),
    "slice": lambda attributes, x: x[parse_index(attributes["index"])],
    "slice_gradient": slice_gradient,
    "set": set_elements,
    "gather": lambda attributes, x, indices: np.take(x, indices, attributes["axis"]),
    "scatter": scatter,
    "take_along_axis": lambda attributes, x, indices: np.take_along_axis(x, indices.astype(np.int64), attributes["axis"]),
    "put_along_axis": put_along_axis,
    "one_hot": one_hot,
    "matmul": matmul,
    "softmax": softmax_like(lambda x, axis: np.exp(log_softmax(x, axis))),
    "log_softmax": softmax_like(log_softmax),
    "sparse_softmax_cross_entropy": sparse_cross_entropy,
    "sparse_cross_entropy_gradient": sparse_cross_entropy_gradient,
    **images.FUNCTIONS,
}
