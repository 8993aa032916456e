#!/usr/bin/env python3
"""Counts the instructions of eager operations under callgrind: figures that repeat exactly, where times do not.

    instructions.py BUILD [--json] [--functions NAME]

Lines are `keen.NAME_instructions<TAB>value<TAB>instructions`; --functions shows in which functions one operation spends
them. Valgrind has no AVX-512, so kernels run in their AVX2 form.
"""

import argparse
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def collected(program, name, runs):
    """Instructions by function inside `measured_NAME`, callees included, over several runs of its loop."""
    with tempfile.TemporaryDirectory() as folder:
        profile = pathlib.Path(folder, "profile")
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", "--collect-atstart=no",
             f"--toggle-collect=*measured_{name}(*", program, name, str(runs)],
            check=True, capture_output=True)
        table = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", profile],
                               check=True, capture_output=True, text=True).stdout
    functions = collections.Counter()
    # "1,234 (5.67%)  file.cpp:keen::add(keen::Operand, keen::Operand) [library]"
    for count, function in re.findall(r"^ *([\d,]+) \([ \d.]+%\)  [^:\n]*:(.*?)(?: \[.*)?$", table, re.M):
        functions[function] += int(count.replace(",", ""))
    return functions


def count(program, name, turns):
    """Instructions of one turn by function; the first run, which fills caches and makes threads, falls out."""
    several, one = collected(program, name, 3), collected(program, name, 1)
    return {function: (several[function] - one[function]) / (2 * turns) for function in several}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--functions", metavar="NAME")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("instructions.py: valgrind is not installed (Debian: apt-get install valgrind)")
    program = str(options.build / "benchmarks" / "fast_path")
    results = {}
    for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines():
        name, turns = line.split()
        if options.functions in (None, name):
            functions = count(program, name, int(turns))
            results[f"keen.{name}_instructions"] = round(sum(functions.values()), 1)
    if options.functions:
        for function, value in sorted(functions.items(), key=lambda item: -item[1])[:30]:
            print(f"{value:8.1f}  {function[:110]}")
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        for name, value in results.items():
            print(name, value, "instructions", sep="\t")


if __name__ == "__main__":
    main()
