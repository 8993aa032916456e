"""The workloads in JAX: as operations run at once, and (".compiled") under jit."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np

import measure
from measure import size_name

random = np.random.default_rng(1)


def normal(*shape):
    return jnp.asarray(random.standard_normal(shape, dtype=np.float32))


def poly10(x):
    a, b = 1.01, 0.5
    return ((((x * a + b) * x - a) * x + b) * x - a) * x + b


def gelu(x):
    return 0.5 * x * (1 + jnp.tanh(0.79788456 * (x + 0.044715 * x * x * x)))


def softmax(x):
    e = jnp.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def chain_gradient(x, w):
    def total(w):
        y = x
        for _ in range(100):
            y = y * w
        return y.sum()
    return jax.grad(total)(w)


def series50():
    r = jnp.float32(0)
    for i in range(51):
        r = r + jnp.power(jnp.float32(2), jnp.float32(-i))
    return r


def ready(f, *shapes):
    """A maker of calls of f on normal arguments that wait for the result."""
    def make():
        arguments = [normal(*shape) for shape in shapes]
        return lambda: jax.block_until_ready(f(*arguments))
    return make


def dense(sizes):
    return [(normal(m, n) * m**-0.5, jnp.zeros(n)) for m, n in zip(sizes, sizes[1:])]


def dense_forward(layers, x):
    for i, (w, b) in enumerate(layers):
        x = x @ w + b
        x = x if i + 1 == len(layers) else jax.nn.relu(x)
    return x


def cross_entropy(logits, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()


def adam(state, gradient):
    value, mean, square, count = state
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)
    rate = measure.LEARNING_RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    value = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), value, mean, square)
    return value, mean, square, count + 1


def momentum(state, gradient):
    value, velocity = state
    velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, gradient)
    return jax.tree.map(lambda p, v: p - measure.LEARNING_RATE * v, value, velocity), velocity


def step(forward, update, state, x):
    """A compiled training step on one batch, which keeps its state (and donates it, as JAX's users do)."""
    labels = jnp.asarray(random.integers(10, size=len(x)))
    gradient = jax.grad(lambda value, x, labels: cross_entropy(forward(value, x), labels))
    compiled = jax.jit(lambda state, x, labels: update(state, gradient(state[0], x, labels)), donate_argnums=0)

    def call():
        nonlocal state
        state = compiled(state, x, labels)
        jax.block_until_ready(state)
    return call


def zeros(value):
    return jax.tree.map(jnp.zeros_like, value)


def mlp_step(batch):
    value = dense([784, 256, 128, 10])
    return step(dense_forward, adam, (value, zeros(value), zeros(value), 1.0), normal(batch, 784))


def lenet_forward(value, x):
    convolutions, layers = value
    for (w, b), padding in zip(convolutions, ("SAME", "VALID")):
        x = jax.lax.conv_general_dilated(x, w, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")) + b
        x = jax.lax.reduce_window(jax.nn.relu(x), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return dense_forward(layers, x.reshape(len(x), -1))


def lenet_step():
    convolutions = [(normal(5, 5, 1, 6) * 0.2, jnp.zeros(6)), (normal(5, 5, 6, 16) * 0.08, jnp.zeros(16))]
    value = convolutions, dense([400, 120, 84, 10])
    return step(lenet_forward, momentum, (value, zeros(value)), normal(64, 28, 28, 1))


def lstm_outputs(value, x):
    """All outputs of an LSTM over time: (time, batch, features) -> (time, batch, units)."""
    kernel, recurrent, bias = value
    state = (jnp.zeros((x.shape[1], len(recurrent))),) * 2

    def turn(state, x):
        h, c = state
        i, f, g, o = jnp.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h
    return jax.lax.scan(turn, state, x)[1]


def lstm_step():
    units, features, steps, batch = measure.LSTM
    value = normal(features, 4 * units) * 0.1, normal(units, 4 * units) * 0.1, jnp.zeros(4 * units)
    x = normal(steps, batch, features)
    gradient = jax.grad(lambda value, x: jnp.square(lstm_outputs(value, x)).mean())
    descend = lambda value, x: jax.tree.map(lambda p, g: p - measure.LEARNING_RATE * g, value, gradient(value, x))
    compiled = jax.jit(descend, donate_argnums=0)

    def call():
        nonlocal value
        value = jax.block_until_ready(compiled(value, x))
    return call


def train_lenet(steps):
    call = lenet_step()
    for _ in range(steps):
        call()


suite = measure.Suite("jax", train_lenet)
suite.add_calls("add16_ns", "ns", 1e9, ready(jnp.add, (16,), (16,)))
suite.add_calls("chain100_fwdbwd_ns", "ns", 1e9 / 100, ready(chain_gradient, (16,), (16,)))
suite.add_calls("chain100_fwdbwd_ns.compiled", "ns", 1e9 / 100, ready(jax.jit(chain_gradient), (16,), (16,)))
suite.add_calls("series50_us", "us", 1e6, lambda: lambda: jax.block_until_ready(series50()))
for f in (poly10, gelu):
    for n in measure.ELEMENTWISE_SIZES:
        name = f"{f.__name__}_{size_name(n)}_us"
        suite.add_calls(name, "us", 1e6, ready(f, (n,)))
        suite.add_calls(name + ".compiled", "us", 1e6, ready(jax.jit(f), (n,)))
suite.add_calls("softmax_1024x1024_us", "us", 1e6, ready(softmax, (1024, 1024)))
suite.add_calls("softmax_1024x1024_us.compiled", "us", 1e6, ready(jax.jit(softmax), (1024, 1024)))
suite.add_calls("softmax_1024x1024_us.library", "us", 1e6, ready(jax.nn.softmax, (1024, 1024)))
for n in measure.GEMM_SIZES:
    suite.add(f"gemm_{n}_gflops", "GFLOP/s",
              lambda timer, n=n: 2e-9 * n**3 / timer(ready(jnp.matmul, (n, n), (n, n))()))
for n in measure.DOT_SIZES:
    suite.add_calls(f"dot_{size_name(n)}_us", "us", 1e6, ready(jnp.matmul, (1, n), (n, 1)))
for batch in measure.MLP_BATCHES:
    suite.add_calls(f"mlp_step_us_b{batch}.compiled", "us", 1e6, lambda batch=batch: mlp_step(batch))
suite.add_calls("lenet_step_us_b64.compiled", "us", 1e6, lenet_step)
suite.add_calls("lstm_step_us.compiled", "us", 1e6, lstm_step)
suite.add_calls("replay_ns", "ns", 1e9, ready(jax.jit(jnp.add), (16,), (16,)))
suite.add_processes(str(pathlib.Path(__file__).with_name("jax_tape.py")))
suite.add_neighbour(lambda: mlp_step(32))
for n in measure.GROWTH_SIZES:
    suite.add(f"growth_add_{size_name(n)}", "op/s", lambda timer, n=n: 1 / timer(ready(jnp.add, (n,), (n,))()))

suite.main()
