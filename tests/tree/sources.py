"""Every source file of the tree is named by some meson.build: one that is forgotten is not compiled, and not tested.

Usage: sources.py <source root> <build folder>
"""

import json
import os
import pathlib
import sys

from common import fail

# Compiled by a benchmark while it runs, by clang to bitcode, or only in the absence of oneDNN.
ELSEWHERE = ("benchmarks/peers/", "benchmarks/programs/", "lib/jit/scalar_bitcode.cpp", "lib/math/plugin_no_onednn.cpp")


def main():
    source, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    with open(build / "compile_commands.json", encoding="utf-8") as commands:
        built = {os.path.realpath(os.path.join(entry["directory"], entry["file"])) for entry in json.load(commands)}
    rooms = [room for room in ("lib", "cuda", "tests", "samples", "benchmarks", "tools") if (source / room).is_dir()]
    found = sorted(path for room in rooms for path in (source / room).rglob("*.cpp"))
    forgotten = [str(path.relative_to(source)) for path in found if os.path.realpath(path) not in built]
    forgotten = [name for name in forgotten if not name.startswith(ELSEWHERE)]
    print(f"{len(found)} sources")
    if forgotten:
        fail("no meson.build names " + ", ".join(forgotten))


main()
