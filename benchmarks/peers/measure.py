"""The timer and the command line of the Python peers: the same blocks and the same lines as harness/suite.h."""

import argparse
import fnmatch
import json
import math
import os
import statistics
import subprocess
import sys
import time

ELEMENTWISE_SIZES = [10_000, 1_000_000, 10_000_000]
DOT_SIZES = [1_000, 100_000, 10_000_000]
GEMM_SIZES = [64, 256, 1024, 2048]
MLP_BATCHES = [32, 256]
LSTM = 128, 64, 32, 32  # units, features, steps, batch
GROWTH_SIZES = [10**k for k in range(9)]
LEARNING_RATE = 1e-5


def size_name(n):
    return f"1e{round(math.log10(n))}"


class Timer:
    def __init__(self, quick=False):
        self.warm_up, self.block, self.blocks, self.budget = (0.02, 0.005, 5, 0.3) if quick else (0.05, 0.015, 11, 1.0)

    def __call__(self, f):
        """Seconds one call of f takes: the median of repeated blocks after a warm-up."""
        calls, spent, taken = 1, 0.0, 0.0
        while spent < self.warm_up or taken < self.block:
            taken = self._run(f, calls)
            spent += taken
            if taken < self.block:
                calls = math.ceil(calls * min(max(1.2 * self.block / max(taken, 1e-9), 1), 10)) + 1
        samples, spent = [], 0.0
        while len(samples) < self.blocks and (len(samples) < 3 or spent < self.budget):
            taken = self._run(f, calls)
            spent += taken
            samples.append(taken / calls)
        return statistics.median(samples)

    @staticmethod
    def _run(f, calls):
        start = time.perf_counter()
        for _ in range(calls):
            f()
        return time.perf_counter() - start


class BusyNeighbour:
    """A process that does nothing but compute, for the length of a `with`."""

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        time.sleep(0.1)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def run_command(*command):
    """(seconds, peak MB) of a command, through bench_usage."""
    launcher = os.environ["KEEN_BENCH_USAGE"]
    seconds, peak = subprocess.run([launcher, *command], check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(peak)


class Suite:
    def __init__(self, program, train_lenet=None):
        self.program, self.train_lenet, self.workloads = program, train_lenet, []

    def add(self, name, unit, run):
        """`run(timer)` gives the value in that unit."""
        self.workloads.append((name, unit, run))

    def add_calls(self, name, unit, scale, make):
        """`make()` gives a function; the value is the time of one call in seconds times `scale`."""
        self.add(name, unit, lambda timer: scale * timer(make()))

    def add_processes(self, tape):
        """start (of the script `tape`) and memory, as in harness/process.h."""
        def start():
            costs = [run_command(sys.executable, tape) for _ in range(5)]
            return [statistics.median(c) for c in zip(*costs)]
        self.add("start", "ms", lambda _: start()[0] * 1e3)
        self.add("start.memory", "MB", lambda _: start()[1])
        if self.train_lenet:
            command = (sys.executable, os.path.abspath(sys.argv[0]), "--train-lenet", "200")
            self.add("memory", "MB", lambda _: run_command(*command)[1])

    def add_neighbour(self, make_step, name="neighbour"):
        def run(timer):
            step = make_step()
            alone = timer(step)
            with BusyNeighbour():
                return timer(step) / alone
        self.add(name, "x", run)

    def main(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("names", nargs="*")
        parser.add_argument("--list", action="store_true")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--quick", action="store_true")
        parser.add_argument("--threads", type=int, default=2, help="must be set before the libraries load: see run.py")
        parser.add_argument("--train-lenet", type=int, metavar="STEPS")
        options = parser.parse_args()
        if options.train_lenet:
            return self.train_lenet(options.train_lenet)
        timer, results = Timer(options.quick), {}
        for name, unit, run in self.workloads:
            if options.names and not any(name.startswith(n + ".") or fnmatch.fnmatch(name, n) for n in options.names):
                continue
            if options.list:
                print(name, unit, sep="\t")
                continue
            value = run(timer)
            results[f"{self.program}.{name}"] = {"value": value, "unit": unit}
            if not options.json:
                print(f"{self.program}.{name}\t{value:.5g}\t{unit}", flush=True)
        if options.json:
            print(json.dumps(results, indent=2))
