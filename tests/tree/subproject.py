"""Keen is used as a Meson subproject: a project of four lines builds README's program with it.

Usage: subproject.py <source root>
"""

import os
import sys

from common import fail, readme_program, run, workspace

PROJECT = """\
project('user', 'cpp', default_options: ['cpp_std=c++20'])
keen = dependency('keen', fallback: 'keen')
executable('a', 'a.cpp', dependencies: keen)
"""


def main():
    with workspace() as folder:
        readme_program(sys.argv[1], folder)
        with open(os.path.join(folder, "meson.build"), "w", encoding="utf-8") as out:
            out.write(PROJECT)
        os.mkdir(os.path.join(folder, "subprojects"))
        os.symlink(os.path.abspath(sys.argv[1]), os.path.join(folder, "subprojects", "keen"))
        # Unoptimised and without the compiler: what is tested is the wiring.
        environment = {**os.environ, "PKG_CONFIG_PATH": ""}
        run(["meson", "setup", "build", "-Doptimization=0", "-Dkeen:optimization=0", "-Dkeen:jit=disabled"], cwd=folder, env=environment)
        run(["ninja", "-C", "build", "a"], cwd=folder)
        output = run(["build/a"], cwd=folder)
        print(output)
        if not output.strip():
            fail("README's program prints nothing")


main()
