"""Keen's libraries export nothing but Keen, and libkeen.so is linked with none of the libraries behind its plugins.

A symbol of OpenBLAS or LLVM that leaks is taken by whatever else is in the process: that has crashed programs that
use two such libraries. Usage: symbols.py <libkeen.so> <plugin>...
"""

import re
import sys

from common import fail, run

OURS = re.compile(r"_Z(Z?N[VK]?[RO]?4keen|T[VIST]N4keen|Th?n?\d*_?N4keen|Thn\d+_N[VK]?4keen|Tv0_n\d+_N[VK]?4keen|GVN4keen|GVZN[VK]?4keen|GRN4keen)|keen_")
BEHIND_PLUGINS = re.compile(r"blas|lapack|dnnl|LLVM|cuda|nvrtc|protobuf|torch")


def exported(library):
    lines = run(["nm", "-D", "--defined-only", library]).splitlines()
    return [line.split()[-1] for line in lines]


def main():
    libkeen, plugins = sys.argv[1], sys.argv[2:]
    for library in sys.argv[1:]:
        symbols = exported(library)
        foreign = [symbol for symbol in symbols if not OURS.match(symbol.split("@")[0])]
        print(f"{library}: {len(symbols)} exported")
        if foreign:
            fail(f"{library} exports {len(foreign)} foreign symbols: {', '.join(foreign[:10])}")
    needed = [line for line in run(["readelf", "-d", libkeen]).splitlines() if "NEEDED" in line]
    heavy = [line for line in needed if BEHIND_PLUGINS.search(line)]
    if heavy:
        fail(f"{libkeen} is linked with {heavy}; that belongs behind a plugin")
    if not exported(libkeen):
        fail(f"{libkeen} exports nothing")
    print(f"{len(plugins)} plugins")


main()
