#!/usr/bin/env python3
"""Runs Keen, its peers and the limits side by side and prints the ratios: `make bench`.

    compare.py BUILD [--only PATTERN...] [--quick] [--rounds N] [--json FILE] [--markdown FILE] [--plot FOLDER]

Programs take turns, group of workloads by group, on the same two processors with two threads each. A figure is the
median over the rounds of each program's own medians over repeated blocks. Peers come from the environment that
peers/setup.sh makes; those that are not installed leave an empty column.
"""

import argparse
import collections
import fnmatch
import json
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import plot
import programs
import report

# Workloads that are launched together; "once" measures whole processes, which one round settles.
GROUPS = [
    ["add16_*", "chain100_*", "series50_us", "replay_ns", "kernel_replay_ns"],
    ["poly10_*"],
    ["gelu_*"],
    ["softmax_*"],
    ["gemm_*"],
    ["dot_*"],
    ["mlp_step_*"],
    ["lenet_step_*", "lstm_step_*"],
    ["neighbour"],
]
ONCE = [["start"], ["build_user_program"], ["installed_size", "memory", "compile_ms"], ["growth_*"]]


def chosen(groups, only):
    """The groups cut down to what --only asks for."""
    if not only:
        return groups
    cut = [[o for o in only for p in group if fnmatch.fnmatch(o, p) or fnmatch.fnmatch(p, o) or o == p] for group in groups]
    return [group for group in cut if group]


def measure(candidates, options, note):
    """{"keen.add16_ns": [value of each round]} and the unit of each name."""
    values, units = collections.defaultdict(list), {}
    rounds = [chosen(GROUPS, options.only)] * options.rounds
    rounds[0] = rounds[0] + chosen(ONCE, options.only)
    for number, groups in enumerate(rounds, 1):
        for group in groups:
            for program in candidates:
                note(f"round {number}: {program.name} {' '.join(group)}")
                for name, (value, unit) in program.run(group, options.quick, options.patience).items():
                    values[name].append(value)
                    units[name] = unit
    return values, units


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, nargs="?", default="build")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="workloads by name or shell pattern")
    parser.add_argument("--programs", nargs="+", metavar="NAME", help="keen, limit, libtorch, numpy, jax, torch_compile")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="shorter blocks, one round")
    parser.add_argument("--patience", type=int, default=2, help="repetitions of a launch that other processes disturbed")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FOLDER", help="growth curves as SVG")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else max(options.rounds, 1)
    show = sys.stderr.isatty()

    def note(text):
        if show:
            print("\r\033[K" + text[:100], end="", file=sys.stderr, flush=True)

    candidates = programs.find(options.build, options.programs, note)
    values, units = measure(candidates, options, note)
    note("")
    results = {name: statistics.median(v) for name, v in values.items()}
    machine = programs.machine(candidates)
    print(report.text(results, units, machine))
    for line in programs.disturbances(candidates):
        print(line)
    if options.markdown:
        options.markdown.write_text(report.markdown(results, units, machine))
    if options.json:
        document = {"machine": machine, "units": units, "results": results, "rounds": values,
                    "goals": report.judged(results)}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    if options.plot:
        plot.growth(results, options.plot)


if __name__ == "__main__":
    main()
