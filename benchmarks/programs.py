"""The programs that take part in a comparison: where they are, how they are built, how they are launched."""

import hashlib
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PEERS = pathlib.Path(os.environ.get("KEEN_PEERS", pathlib.Path.home() / ".cache/keen/peers"))
THREADS = 2
DISTURBED = 0.05  # share of the processors' time that other processes may take


def processors():
    """The two processors that every program gets."""
    return set(sorted(os.sched_getaffinity(0))[:THREADS])


class Program:
    def __init__(self, name, command, environment):
        self.name, self.command = name, [str(word) for word in command]
        self.environment = {**os.environ, **environment}
        self.disturbed = []

    def run(self, workloads, quick, patience):
        """{"keen.add16_ns": (value, unit)}; launched again, `patience` times, while other processes are in the way."""
        best, least = {}, float("inf")
        for _ in range(patience + 1):
            results, foreign = self._launch(workloads, quick)
            if foreign < least:
                best, least = results, foreign
            if least <= DISTURBED:
                break
        if best and least > DISTURBED:
            self.disturbed.append((least, " ".join(workloads)))
        return best

    def _launch(self, workloads, quick):
        command = self.command + ["--threads", str(THREADS)] + ["--quick"] * quick + list(workloads)
        busy, start = busy_seconds(), time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment, preexec_fn=lambda: os.sched_setaffinity(0, processors()))
        output, errors = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        taken = time.monotonic() - start
        foreign = (busy_seconds() - busy - usage.ru_utime - usage.ru_stime) / (taken * os.cpu_count())
        self._complain(errors, process.returncode)
        lines = [line.split("\t") for line in output.splitlines() if line.startswith(self.name + ".")]
        return {name: (float(value), unit) for name, value, unit in lines}, foreign

    def _complain(self, errors, code):
        """Programs need not have every workload; anything else that goes wrong is shown."""
        failed = [line for line in errors.splitlines() if line.startswith(self.name + ".") and "no workload" not in line]
        if code < 0 or failed:
            print(f"\n{self.name} ended with {code}\n" + "\n".join(failed or errors.splitlines()[-5:]), file=sys.stderr)


def busy_seconds():
    """Processor time spent by everything on this machine, the hypervisor's share included."""
    user, nice, system, _, _, irq, soft, steal = map(int, pathlib.Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def find(build, names, note):
    """Every program that is built or installed, in the order of the table's columns."""
    folder = build.resolve() / "benchmarks"
    if not (folder / "keen_bench").exists() and (not names or "keen" in names):
        sys.exit(f"compare.py: {folder}/keen_bench is not built; `make bench` builds it (feature option `benchmarks`)")
    environment = {"KEEN_BENCH_USAGE": str(folder / "bench_usage"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[variable] = str(THREADS)
    wanted = {"keen": [folder / "keen_bench"]}
    if (folder / "bench_limits").exists():
        wanted["limit"] = [folder / "bench_limits"]
    python = PEERS / "bin" / "python"
    if not python.exists():
        print(f"No peers in {PEERS}: benchmarks/peers/setup.sh installs them (6 GB).\n", file=sys.stderr)
    else:
        if installed(python, "torch") and (not names or "libtorch" in names):
            note("compiling the LibTorch program (20 s, 1.5 GB; once)")
            wanted["libtorch"] = [libtorch(python)]
        for peer in ("numpy", "jax"):
            if installed(python, peer):
                wanted[peer] = [python, HERE / "peers" / f"{peer}_bench.py"]
        if names and "torch_compile" in names:
            wanted["torch_compile"] = [python, HERE / "peers" / "torch_compile_bench.py"]
    return [Program(name, command, environment) for name, command in wanted.items() if not names or name in names]


def installed(python, package):
    return subprocess.run([python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec('{package}') is None)"],
                          stderr=subprocess.DEVNULL).returncode == 0


def libtorch(python):
    """Compiles peers/libtorch_bench.cpp against the wheel's headers and libraries, unless that is done already."""
    where = subprocess.run([python, "-c", "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"],
                           check=True, capture_output=True, text=True).stdout.strip()
    folder = PEERS / "keen_bench"
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        folder = pathlib.Path.home() / ".cache/keen/peers_bench"
        folder.mkdir(parents=True, exist_ok=True)
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    if pathlib.Path(compiler[0]).name == "ccache":  # it would answer instead of the compiler
        compiler = compiler[1:]
    compile_ = shlex.join(compiler) + f" -std=c++20 -O2 -isystem {where}/include -isystem {where}/include/torch/csrc/api/include"
    link = f"-L{where}/lib -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10 -Wl,-rpath,{where}/lib -Wl,-rpath-link,{where}/lib"
    tape = f"{compile_} {HERE}/peers/libtorch_tape.cpp -o {folder}/libtorch_tape {link}"
    sources = [HERE / "peers/libtorch_bench.cpp", HERE / "harness/suite.cpp", HERE / "harness/process.cpp"]
    command = shlex.split(compile_) + [
        f"-I{HERE}", f'-DLIBTORCH_TAPE_COMPILE="{tape}"', f'-DLIBTORCH_TAPE="{folder}/libtorch_tape"',
        *map(str, sources), *shlex.split(link)]
    text = "\n".join(command) + "".join(p.read_text() for p in sources + sorted((HERE / "harness").glob("*.h")))
    program = folder / f"libtorch_bench_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if not program.exists():
        for old in folder.glob("libtorch_bench_*"):
            old.unlink()
        subprocess.run(command + ["-o", str(program)], check=True)
    return program


def machine(candidates):
    """What a figure must name to mean anything."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {"processor": model, "processors": f"{len(processors())} of {os.cpu_count()}", "threads": THREADS,
            "memory": f"{memory:.0f} GB", "system": platform.platform(), "date": time.strftime("%Y-%m-%d"),
            "command": "benchmarks/compare.py " + " ".join(map(shlex.quote, sys.argv[1:])),
            "versions": versions() if any(p.name != "keen" for p in candidates) else {}}


def versions():
    python = PEERS / "bin" / "python"
    if not python.exists():
        return {}
    code = ("from importlib.metadata import version, packages_distributions as p\n"
            "print(*(f'{n}={version(n)}' for n in ('torch', 'numpy', 'jax') if n in p()))")
    output = subprocess.run([python, "-c", code], capture_output=True, text=True).stdout
    return dict(word.split("=") for word in output.split())


def disturbances(candidates):
    """One line a launch during which other processes took more than DISTURBED of the machine."""
    for program in candidates:
        for share, workloads in program.disturbed:
            yield f"disturbed: {program.name} {workloads}: other processes took {100 * share:.0f} % of the machine"
