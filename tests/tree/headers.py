"""Every public header compiles alone, without a warning, and reaches no header of a library that Keen uses.

Usage: headers.py <source root> <compiler>...
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

from common import fail

FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
INCLUDED = re.compile(r"\.+ (.*)")  # a line of -H
FOREIGN = ("/tbb", "/oneapi", "/xsimd", "/xtensor", "/dnnl", "/openblas", "cblas", "/llvm", "/cuda", "zlib.h", "dlfcn.h")


def check(job):
    compiler, include, header = job
    name = header.relative_to(include)
    command = compiler.split() + FLAGS + ["-I", str(include), "-include", str(name), "-x", "c++", os.devnull, "-H"]
    result = subprocess.run(command, text=True, capture_output=True)
    lines = result.stderr.split("Multiple include guards")[0].splitlines()
    reached = [match[1] for line in lines if (match := INCLUDED.match(line))]
    errors = [line for line in lines if not INCLUDED.match(line)]
    foreign = [path for path in reached if str(include) not in path and any(part in path for part in FOREIGN)]
    if result.returncode != 0:
        return f"{name} ({compiler}):\n" + "\n".join(errors[:20])
    return f"{name} reaches {foreign[0]}" if foreign else None


def main():
    include = pathlib.Path(sys.argv[1]) / "include"
    headers = sorted(include.rglob("*.h"))
    jobs = [(compiler, include, header) for compiler in sys.argv[2:] for header in headers if header.name != "xtensor.h"]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [problem for problem in pool.map(check, jobs) if problem]
    print(f"{len(headers)} headers, {len(sys.argv) - 2} compilers")
    if problems:
        fail("\n".join(problems))


main()
