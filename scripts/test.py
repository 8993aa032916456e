#!/usr/bin/env python3
"""Runs the tests of a build folder and ends with the line `N passed, N failed[, N skipped]`.

What is counted: every test case of the Catch2 binaries (from what each binary reports) and every script test.
A binary that dies, hangs or trips a sanitizer counts as one failure more. Usage: test.py <build folder> [meson test arguments]
With --tally FILE the three numbers are appended to a file, so that several runs can be added up.
"""

import argparse
import json
import os
import re
import subprocess
import sys

CASES = re.compile(r"^test cases:\s*(.*)$", re.M)
ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)$", re.M)


def count(result):
    """(passed, failed, skipped) of one line of Meson's log."""
    status, output = result["result"], result.get("stdout") or ""
    if status == "SKIP":
        return 0, 0, 1
    passed = failed = skipped = 0
    if match := ALL_PASSED.search(output):
        passed = int(match[1])
    elif match := CASES.search(output):
        numbers = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed as expected|failed|skipped)", match[1])}
        passed = numbers.get("passed", 0) + numbers.get("failed as expected", 0)
        failed, skipped = numbers.get("failed", 0), numbers.get("skipped", 0)
    elif status == "OK":
        passed = 1
    if status != "OK" and failed == 0:
        failed = 1
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--tally")
    arguments, rest = parser.parse_known_args()
    log = os.path.join(arguments.build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    command = ["meson", "test", "-C", arguments.build, "--no-rebuild", "--print-errorlogs", *rest]
    status = subprocess.run(command).returncode
    if not os.path.exists(log):
        sys.exit("no test ran")
    with open(log, encoding="utf-8") as lines:
        results = [json.loads(line) for line in lines if line.strip()]
    for result in results:
        if result["result"] == "SKIP":
            why = [line for line in (result.get("stdout") or "").splitlines() if "SKIPPED" in line]
            print(f"{result['name']}: {why[-1] if why else 'SKIPPED'}")
    passed, failed, skipped = (sum(column) for column in zip(*map(count, results)))
    if arguments.tally:
        with open(arguments.tally, "a", encoding="utf-8") as tally:
            print(passed, failed, skipped, file=tally)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed or status else 0)


main()
