#!/usr/bin/env python3
"""Counts the instructions of eager operations under callgrind: figures that repeat exactly, where times do not.

    instructions.py BUILD [--json]

Lines are `keen.NAME_instructions<TAB>value<TAB>instructions`. Valgrind has no AVX-512, so kernels run in their AVX2 form.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def collected(program, name, runs):
    """Instructions inside `measured_NAME`, callees included, over several runs of its loop."""
    with tempfile.TemporaryDirectory() as folder:
        profile = pathlib.Path(folder, "profile")
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", "--collect-atstart=no",
             f"--toggle-collect=*measured_{name}(*", program, name, str(runs)],
            check=True, capture_output=True)
        return int(re.search(r"^totals: (\d+)", profile.read_text(), re.M)[1])


def count(program, name):
    """Instructions of one run; the first run, which fills caches and makes threads, falls out of the difference."""
    return (collected(program, name, 3) - collected(program, name, 1)) / 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("instructions.py: valgrind is not installed (Debian: apt-get install valgrind)")
    program = str(options.build / "benchmarks" / "fast_path")
    results = {}
    for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines():
        name, turns = line.split()
        results[f"keen.{name}_instructions"] = round(count(program, name) / int(turns), 1)
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        for name, value in results.items():
            print(name, value, "instructions", sep="\t")


if __name__ == "__main__":
    main()
