"""What the tests of the tree share: running commands, and saying why one is skipped."""

import os
import shlex
import subprocess
import sys
import tempfile

SKIP = 77  # Meson's exit status for a skipped test


def run(command, **options):
    """Runs a command and returns its output; a failure ends the test with what it printed."""
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if result.returncode != 0:
        fail(f"{shlex.join(map(str, command))}\nexited with {result.returncode}:\n{result.stdout}")
    return result.stdout


def fail(why):
    print(f"FAILED: {why}")
    sys.exit(1)


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(SKIP)


def installed(build, folder):
    """Installs a build into a folder of its own; returns an environment that finds it there."""
    run(["meson", "install", "-C", build, "--destdir", folder, "--no-rebuild", "--quiet"])
    for path, _, files in os.walk(folder):
        if "keen.pc" in files:
            libraries = os.path.dirname(path)
            return {**os.environ, "PKG_CONFIG_PATH": path, "LD_LIBRARY_PATH": libraries, "KEEN_LIBDIR": libraries}
    fail("nothing installed keen.pc")


def readme_program(source, folder):
    """The first C++ program of README.md, as a file."""
    with open(os.path.join(source, "README.md"), encoding="utf-8") as readme:
        text = readme.read()
    program = os.path.join(folder, "a.cpp")
    with open(program, "w", encoding="utf-8") as out:
        out.write(text.split("```cpp\n", 1)[1].split("```", 1)[0])
    return program


def workspace():
    return tempfile.TemporaryDirectory(prefix="keen-test-")
