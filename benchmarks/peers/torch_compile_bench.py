"""The workloads that torch.compile (Inductor) is used for. Compiling takes seconds a row."""

import torch

import measure
from measure import size_name

torch.set_num_threads(2)
suite = measure.Suite("torch_compile")


def poly10(x):
    a, b = 1.01, 0.5
    return ((((x * a + b) * x - a) * x + b) * x - a) * x + b


def gelu(x):
    return 0.5 * x * (1 + torch.tanh(0.79788456 * (x + 0.044715 * x * x * x)))


def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)


def compiled(f, *shape):
    def make():
        torch.compiler.reset()
        fast, x = torch.compile(f), torch.randn(shape)
        return lambda: fast(x)
    return make


def mlp_step(batch):
    nn = torch.nn
    torch.compiler.reset()
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=measure.LEARNING_RATE)
    x, labels = torch.randn(batch, 784), torch.randint(10, (batch,))
    loss = torch.compile(lambda x, labels: nn.functional.cross_entropy(model(x), labels))
    update = torch.compile(optimizer.step)

    def call():
        optimizer.zero_grad()
        loss(x, labels).backward()
        update()
    return call


for f in (poly10, gelu):
    for n in measure.ELEMENTWISE_SIZES:
        suite.add_calls(f"{f.__name__}_{size_name(n)}_us.compiled", "us", 1e6, compiled(f, n))
suite.add_calls("softmax_1024x1024_us.compiled", "us", 1e6, compiled(softmax, 1024, 1024))
for batch in measure.MLP_BATCHES:
    suite.add_calls(f"mlp_step_us_b{batch}.compiled", "us", 1e6, lambda batch=batch: mlp_step(batch))

suite.main()
