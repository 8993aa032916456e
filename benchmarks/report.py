"""The goals, and the table that holds a run's figures against them."""

import dataclasses
import statistics

PEERS = ["libtorch", "numpy", "jax", "torch_compile"]
HIGHER_IS_BETTER = {"GFLOP/s", "op/s"}


@dataclasses.dataclass
class Goal:
    """What Keen must reach in one row. Times were set on one machine beside the figures `quoted`; on another they move
    with what the same programs measure there."""

    at_most: float = None      # in the row's unit, scaled by measured / quoted
    quoted: dict = None        # {"libtorch": 513}: the first that was measured too gives the scale
    absolute: float = None     # at most this, on any machine
    of: tuple = None           # ("libtorch", 1/3): at most this times what that program measures here
    at_least_of: tuple = None  # ("limit", 0.97)

    def value(self, row):
        """The goal in this run, None where what it needs was not measured. `row` maps program to value."""
        if self.absolute is not None:
            return self.absolute
        if self.of or self.at_least_of:
            program, factor = self.of or self.at_least_of
            return factor * row[program] if program in row else None
        for program, value in self.quoted.items():
            if program in row:
                return self.at_most * row[program] / value
        return None

    def met(self, value, goal):
        return value >= goal if self.at_least_of else value <= goal

    def words(self):
        if self.absolute is not None:
            return f"≤ {self.absolute:g}"
        if self.of or self.at_least_of:
            program, factor = self.of or self.at_least_of
            return f"{'≥' if self.at_least_of else '≤'} {factor:.3g} × {program}"
        program, value = next(iter(self.quoted.items()))
        return f"≤ {self.at_most:g} ({program} {value:g})"


THIRD = Goal(of=("libtorch", 1 / 3))
GEMM = Goal(at_least_of=("limit", 0.97))
GOALS = {
    "add16_ns": Goal(40, {"libtorch": 513, "jax": 6700}),
    "add16_grad_ns": Goal(90, {"libtorch": 1072}),
    "chain100_fwdbwd_ns": Goal(300, {"libtorch": 5880}),
    "chain100_fwdbwd_ns.compiled": Goal(30, {"libtorch": 5880}),
    "series50_us": Goal(7, {"libtorch": 72}),
    "poly10_1e6_us": THIRD,
    "poly10_1e7_us": THIRD,
    "poly10_1e4_us.compiled": Goal(2, {"libtorch": 26}),
    "poly10_1e6_us.compiled": Goal(60, {"limit": 51, "libtorch": 4900}),
    "poly10_1e7_us.compiled": Goal(2300, {"limit": 2140, "libtorch": 127_000}),
    "gelu_1e4_us.compiled": Goal(6, {"libtorch": 36}),
    "gelu_1e6_us.compiled": Goal(340, {"libtorch": 7000}),
    "gelu_1e7_us.compiled": Goal(3600, {"libtorch": 158_000}),
    "softmax_1024x1024_us.library": Goal(250, {"libtorch": 341}),
    "softmax_1024x1024_us.compiled": Goal(250, {"libtorch": 1268}),
    "gemm_64_gflops": GEMM,
    "gemm_256_gflops": GEMM,
    "gemm_1024_gflops": GEMM,
    "gemm_2048_gflops": GEMM,
    "dot_1e3_us": Goal(0.15, {"libtorch": 1.7}),
    "dot_1e5_us": Goal(of=("limit", 1.1)),
    "dot_1e7_us": Goal(of=("limit", 1.1)),
    "mlp_step_us_b32": Goal(520, {"libtorch": 778}),
    "mlp_step_us_b256": Goal(1850, {"libtorch": 2135}),
    "mlp_step_us_b32.compiled": Goal(420, {"libtorch": 778}),
    "mlp_step_us_b256.compiled": Goal(1700, {"libtorch": 2135}),
    "lenet_step_us_b64": Goal(2300, {"libtorch": 4269}),
    "lstm_step_us": Goal(7000, {"libtorch": 12_590}),
    "lstm_step_us.compiled": Goal(4500, {"libtorch": 12_590}),
    "compile_ms": Goal(absolute=60),
    "compile_ms.cached": Goal(absolute=8),
    "growth_compile_1e4": Goal(absolute=5000),
    "growth_wide_1e4": Goal(absolute=5000),
    "kernel_replay_ns": Goal(absolute=60),
    "replay_ns": Goal(120, {"jax": 5000}),
    "build_user_program": Goal(1.2, {"libtorch": 17}),
    "build_user_program.memory": Goal(absolute=250),
    "start": Goal(12, {"libtorch": 360}),
    "start.memory": Goal(absolute=30),
    "installed_size": Goal(absolute=12),
    "neighbour": Goal(absolute=2),
    "memory": Goal(of=("libtorch", 1 / 5)),
}


def rows(results):
    """{"add16_ns": {"keen": 30, "libtorch": 500}}, in the order of measurement. A compiled row without a figure of a
    program that has only the plain one borrows that, since it is what its users get."""
    table = {}
    for name, value in results.items():
        program, workload = name.split(".", 1)
        table.setdefault(workload, {})[program] = value
    for workload, row in table.items():
        plain = table.get(workload.removesuffix(".compiled"), {})
        for program in ("libtorch", "limit"):
            if workload.endswith(".compiled") and program in plain:
                row.setdefault(program, plain[program])
    return table


def judged(results):
    """[{name, keen, best_peer, ratio, goal, met}] for every row in which Keen has a figure."""
    verdicts = []
    for name, row in rows(results).items():
        if "keen" not in row:
            continue
        goal = GOALS.get(name)
        value = goal.value(row) if goal else None
        peers = [row[p] for p in PEERS if p in row]
        higher = name.endswith("_gflops") or name.startswith("growth_add")
        best = (max(peers) if higher else min(peers)) if peers else None
        ratio = None if not best else row["keen"] / best if higher else best / row["keen"]
        verdicts.append({"name": name, **row, "best_peer": best, "times_better": ratio,
                         "goal": goal.words() if goal else None, "goal_here": value,
                         "met": None if value is None else goal.met(row["keen"], value)})
    return verdicts


def number(value):
    if value is None:
        return ""
    if abs(value) >= 1e6:
        return f"{value:.3g}"
    digits = max(0, 2 - len(str(int(abs(value)))) + (abs(value) < 1)) if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def cells(results, units):
    present = [p for p in ["keen", *PEERS, "limit"] if any(n.startswith(p + ".") for n in results)]
    header = ["workload", "unit", *present, "keen is × better than the best peer", "goal", "here", "met"]
    lines = []
    for verdict in judged(results):
        name = verdict["name"]
        lines.append([name, units[f"keen.{name}"], *(number(verdict.get(p)) for p in present),
                      number(verdict["times_better"]), verdict["goal"] or "", number(verdict["goal_here"]),
                      {True: "yes", False: "NO", None: ""}[verdict["met"]]])
    return header, lines


def summary(results):
    verdicts = [v["met"] for v in judged(results) if v["met"] is not None]
    ratios = [v["times_better"] for v in judged(results) if v["times_better"]]
    middle = f"; {statistics.median(ratios):.1f} × better than the best peer in the middle row" if ratios else ""
    return f"{sum(verdicts)} of {len(verdicts)} goals met{middle}"


def about(machine):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (f"{machine['processor']}, {machine['processors']} processors, {machine['threads']} threads, "
            f"{machine['memory']}; {machine['date']}; {versions}\n{machine['command']}")


def text(results, units, machine):
    header, lines = cells(results, units)
    header[header.index("keen is × better than the best peer")] = "× best"
    widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
    left = {0, 1, len(header) - 3, len(header) - 1}

    def laid_out(line):
        return "  ".join(c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))).rstrip()

    return "\n".join([about(machine), "", laid_out(header), *map(laid_out, lines), "", summary(results)])


def markdown(results, units, machine):
    header, lines = cells(results, units)
    rule = ["---", "---"] + ["---:"] * (len(header) - 5) + ["---", "---:", "---"]
    table = ["| " + " | ".join(line) + " |" for line in [header, rule, *lines]]
    return "\n".join([about(machine).replace("\n", "\n\n`") + "`", "", *table, "", summary(results)]) + "\n"
