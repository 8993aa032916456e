"""Keen's libraries export nothing but Keen, and libkeen.so is linked with none of the libraries behind its plugins.

A symbol of OpenBLAS or LLVM that leaks is taken by whatever else is in the process: that has crashed programs that
use two such libraries. And a kernel compiled for AVX-512 brings no inline function that the linker could keep for
everybody: on an older processor that is an illegal instruction.
Usage: symbols.py <libkeen.so> [<plugin>...] [--isa <static library>...]
"""

import re
import sys

from common import fail, run

OURS = re.compile(r"_Z(Z?N[VK]?[RO]?4keen|T[VIST]N4keen|Th?n?\d*_?N4keen|Thn\d+_N[VK]?4keen|Tv0_n\d+_N[VK]?4keen|GVN4keen|GVZN[VK]?4keen|GRN4keen)|keen_")
BEHIND_PLUGINS = re.compile(r"blas|lapack|dnnl|LLVM|cuda|nvrtc|protobuf|torch")


def exported(library):
    lines = run(["nm", "-D", "--defined-only", library]).splitlines()
    return [line.split()[-1] for line in lines]


def check_isa(library):
    """Weak symbols of a library of kernels must lie in its instruction set's own namespace."""
    isa = re.search(r"keen_(\w+)\.a$", library)[1]
    lines = run(["nm", "--defined-only", "--no-sort", library]).splitlines()
    weak = {fields[2] for fields in (line.split() for line in lines) if len(fields) == 3 and fields[1] in "WVu"}
    own = f"{len(isa)}{isa}"
    shared = sorted(symbol for symbol in weak if own not in symbol and not symbol.startswith("DW.ref."))
    print(f"{library}: {len(weak)} weak symbols, {len(shared)} of them outside namespace {isa}")
    if shared and isa != "sse2":
        names = run(["c++filt", *shared[:10]]).strip()
        fail(f"{library} holds inline functions that other code shares:\n{names}")


def main():
    isa = sys.argv.index("--isa") if "--isa" in sys.argv else len(sys.argv)
    libkeen, plugins = sys.argv[1], sys.argv[2:isa]
    for library in sys.argv[isa + 1:]:
        check_isa(library)
    for library in [libkeen, *plugins]:
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
