"""The workloads that NumPy can do: no gradients, no training."""

import numpy as np

import measure
from measure import size_name

suite = measure.Suite("numpy")
random = np.random.default_rng(1)


def normal(*shape):
    return random.standard_normal(shape, dtype=np.float32)


def poly10(x):
    a, b = np.float32(1.01), np.float32(0.5)
    return ((((x * a + b) * x - a) * x + b) * x - a) * x + b


def gelu(x):
    f = np.float32
    return f(0.5) * x * (f(1) + np.tanh(f(0.79788456) * (x + f(0.044715) * x * x * x)))


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def series50():
    r = np.float32(0)
    for i in range(51):
        r = r + np.power(np.float32(2), np.float32(-i))
    return r


def binary(f, *shapes):
    def make():
        a, b = (normal(*shape) for shape in shapes)
        return lambda: f(a, b)
    return make


def unary(f, *shape):
    def make():
        x = normal(*shape)
        return lambda: f(x)
    return make


suite.add_calls("add16_ns", "ns", 1e9, binary(np.add, (16,), (16,)))
suite.add_calls("series50_us", "us", 1e6, lambda: series50)
for n in measure.ELEMENTWISE_SIZES:
    suite.add_calls(f"poly10_{size_name(n)}_us", "us", 1e6, unary(poly10, n))
    suite.add_calls(f"gelu_{size_name(n)}_us", "us", 1e6, unary(gelu, n))
suite.add_calls("softmax_1024x1024_us", "us", 1e6, unary(softmax, 1024, 1024))
for n in measure.GEMM_SIZES:
    suite.add(f"gemm_{n}_gflops", "GFLOP/s", lambda timer, n=n: 2e-9 * n**3 / timer(binary(np.matmul, (n, n), (n, n))()))
for n in measure.DOT_SIZES:
    suite.add_calls(f"dot_{size_name(n)}_us", "us", 1e6, binary(np.matmul, (1, n), (n, 1)))
for n in measure.GROWTH_SIZES:
    suite.add(f"growth_add_{size_name(n)}", "op/s", lambda timer, n=n: 1 / timer(binary(np.add, (n,), (n,))()))

suite.main()
