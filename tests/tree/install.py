"""The installed library builds README's program with one command line, and the program runs.

Usage: install.py <source root> <build folder> <compiler>...
"""

import os
import sys

from common import fail, installed, readme_program, run, workspace


def main():
    source, build, compilers = sys.argv[1], sys.argv[2], sys.argv[3:]
    with workspace() as folder:
        environment = installed(build, folder)
        readme_program(source, folder)
        for compiler in compilers:
            line = f"{compiler} -std=c++20 a.cpp $(pkg-config --cflags --libs keen) -o a"
            run(["sh", "-c", line], cwd=folder, env=environment)
            output = run(["./a"], cwd=folder, env=environment)
            if not output.strip():
                fail(f"README's program, built by {compiler}, prints nothing")
            print(f"{line}\n{output}")
        size = sum(os.stat(os.path.join(environment["KEEN_LIBDIR"], name)).st_size
                   for name in os.listdir(environment["KEEN_LIBDIR"])
                   if name.startswith("libkeen") and not os.path.islink(os.path.join(environment["KEEN_LIBDIR"], name)))
        print(f"installed libraries: {size / 1e6:.1f} MB")


main()
