#!/usr/bin/env python3
"""Fails when a translation unit took too long to compile, or a clean build as a whole.

Reads Ninja's log of a build folder. Usage: check_build_times.py <build folder> [--unit 40] [--total 240] [--without tests/]
The total is wall-clock time from the first command's start to the last one's end, so give --total after a clean build only.
With --without it is that time less the share that the units below the folder had in the compiling: the release build of a
user holds no tests.
"""

import argparse
import os
import sys


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--unit", type=float, default=40, help="seconds for one translation unit")
    parser.add_argument("--total", type=float, help="seconds for the whole build")
    parser.add_argument("--without", help="a folder whose units are no part of the total")
    arguments = parser.parse_args()
    spans = {}
    with open(os.path.join(arguments.build, ".ninja_log"), encoding="utf-8") as log:
        for line in log:
            if not line.startswith("#"):
                start, end, _, output, _ = line.rstrip("\n").split("\t")
                spans[output] = (int(start) / 1000, int(end) / 1000)
    units = sorted(((end - start, output) for output, (start, end) in spans.items() if output.endswith(".o")), reverse=True)
    total = max(end for _, end in spans.values()) - min(start for start, _ in spans.values())
    compiling = sum(seconds for seconds, _ in units)
    if arguments.without:
        left_out = sum(seconds for seconds, output in units if output.startswith(arguments.without))
        print(f"{left_out:.0f} s of compiling are under {arguments.without}, {total:.0f} s is the whole build")
        total *= 1 - left_out / compiling
    print(f"{len(units)} translation units, {compiling:.0f} s of compiling, {total:.0f} s in all")
    for seconds, output in units[:8]:
        print(f"{seconds:7.1f} s  {output}")
    slow = [output for seconds, output in units if seconds > arguments.unit]
    if slow:
        print(f"over {arguments.unit:g} s: {', '.join(slow)}")
    if arguments.total and total > arguments.total:
        print(f"the build took {total:.0f} s, more than {arguments.total:g} s")
        slow.append("total")
    sys.exit(1 if slow else 0)


main()
