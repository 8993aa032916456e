#!/usr/bin/env python3
"""The kernel cache from process to process: found again, damaged, foreign, not to be written, on a full disk.

Whatever it is like, results are right, and what cannot be used costs one warning at the most. LLVM is opened only by a
process that compiles.
Usage: kernel_cache.py <test_function>
"""

import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

from common import skip

failures = 0


def expect(condition, what):
    global failures
    if not condition:
        failures += 1
        print(f"FAILED: {what}")


def run(binary, folder, **how):
    """(compiled, read from the disk, warnings) of one process; its results are checked by itself."""
    environment = {**os.environ, "KEEN_CACHE_DIR": str(folder), "KEEN_LOG_LEVEL": "warning"}
    environment.update(how.pop("environment", {}))
    # restore_signals: a write beyond the size limit is to fail, not to kill.
    done = subprocess.run([binary, "[.kernel_cache]"], env=environment, capture_output=True, text=True,
                          restore_signals=False, **how)
    expect(done.returncode == 0, f"right results ({done.stdout[-500:]}{done.stderr[-500:]})")
    numbers = re.search(r"compiled (\d+), read (\d+)", done.stdout)
    warnings = [line for line in done.stderr.splitlines() if line.startswith("keen: ")]
    expect(len(warnings) <= 1, f"one warning at the most: {warnings}")
    compiled = int(numbers[1])
    expect(("with LLVM" in done.stdout) == (compiled > 0), "LLVM is opened to compile, and for nothing else")
    return compiled, int(numbers[2]), len(warnings)


def entries(folder):
    return sorted(p for p in pathlib.Path(folder).iterdir() if p.is_file())


def spoil_and_mend(binary, folder, spoil, what):
    kernels = len(entries(folder))
    for entry in entries(folder):
        spoil(entry)
    expect(run(binary, folder) == (kernels, 0, 0), f"{what} entries are compiled anew, in silence")
    expect(run(binary, folder) == (0, kernels, 0), f"{what} entries are replaced")


def damaged(binary, folder):
    compiled, read, warnings = run(binary, folder)
    if compiled == 0:
        skip("no kernels are compiled here")
    expect((read, warnings) == (0, 0), "an empty folder gives nothing")
    expect(run(binary, folder) == (0, compiled, 0), "the next process reads all from the disk")
    spoil_and_mend(binary, folder, lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), "truncated")
    spoil_and_mend(binary, folder, lambda p: p.write_bytes(bytes(b ^ 1 for b in p.read_bytes())), "damaged")
    spoil_and_mend(binary, folder, lambda p: p.write_bytes(b""), "empty")
    first = entries(folder)[0].read_bytes()
    if compiled > 1:
        for entry in entries(folder)[1:]:  # sound files, of another kernel
            entry.write_bytes(first)
        expect(run(binary, folder) == (compiled - 1, 1, 0), "entries of other kernels are compiled anew")
    return compiled


def unusable(binary, folder, kernels):
    folder.chmod(0o777)
    expect(run(binary, folder) == (kernels, 0, 1), "a folder that others may write is not used")
    folder.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        expect(run(binary, folder) == (kernels, 0, 1), "a folder of another user is not used")
        os.chown(folder, 0, 0)
    else:
        home = folder / "home"
        home.mkdir(mode=0o500)
        expect(run(binary, home / "kernels") == (kernels, 0, 1), "a home that cannot be written costs one warning")
    expect(run(binary, "/proc/keen/kernels") == (kernels, 0, 1), "a folder that cannot be made costs one warning")
    expect(run(binary, folder, environment={"KEEN_JIT": "0"}) == (0, 0, 0), "KEEN_JIT=0 needs no kernels")
    expect(run(binary, "", environment={"KEEN_CACHE_DIR": ""}) == (kernels, 0, 0), "no folder, no cache")


def full(binary, folder, kernels):
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
    empty = folder / "limited"
    expect(run(binary, empty, preexec_fn=limit) == (kernels, 0, 1), "files that cannot grow cost one warning")
    expect(not any(empty.iterdir()), "what was begun is taken away")
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=700", "none", disk], stderr=subprocess.DEVNULL).returncode:
        return
    try:
        (disk / "ballast").write_bytes(bytes(4096))
        expect(run(binary, disk) == (kernels, 0, 1), "a full disk costs one warning")
    finally:
        subprocess.run(["umount", disk], check=True)


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "kernels").mkdir(mode=0o700)
        kernels = damaged(binary, folder / "kernels")
        unusable(binary, folder / "kernels", kernels)
        full(binary, folder, kernels)
    sys.exit(failures > 0)


main()
