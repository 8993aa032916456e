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


def count(program, name):
    """Instructions of both runs of the loop `measured_NAME`, callees included, and of the first alone.

    callgrind counts while inside the function; it writes a profile each time the function is left.
    """
    with tempfile.TemporaryDirectory() as folder:
        function = f"*measured_{name}(*"
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", "--collect-atstart=no",
             f"--toggle-collect={function}", f"--dump-after={function}", program, name],
            check=True, capture_output=True)
        totals = []
        for number in (1, 2):  # the profiles after the first and the second run
            text = pathlib.Path(folder, f"out.{number}").read_text()
            totals.append(int(re.search(r"^(?:summary|totals): (\d+)", text, re.M)[1]))
        return totals[1]


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
