"""A program that links libtorch and Keen computes with both, in turns, and gets right answers from both.

libtorch brings its own BLAS, oneDNN and OpenMP: two copies in a process crash when one leaks symbols into the other.
It is looked for in $KEEN_TORCH (a folder with include/ and lib/), in the virtual environment of the benchmarks' peers
(benchmarks/peers/setup.sh) and in python3's modules; without it the test is skipped. Usage: neighbour_libtorch.py <build folder> <compiler>
"""

import os
import pathlib
import subprocess
import sys

from common import installed, run, skip, workspace

PROGRAM = r"""
#include <ATen/ATen.h>

#include <cstdio>

#include <keen/keen.h>

int main() {
  double worst = 0;
  for (int turn = 0; turn < 3; ++turn) {
    at::Tensor ta = at::rand({65, 130}), tb = at::rand({130, 33});
    auto adopt = [](const at::Tensor& t) {
      return keen::constant(std::vector<float>(t.data_ptr<float>(), t.data_ptr<float>() + t.numel()),
                            keen::Shape{t.size(0), t.size(1)});
    };
    at::Tensor tc = at::matmul(ta, tb);
    keen::Tensor kc = keen::matmul(adopt(ta), adopt(tb));
    auto values = kc.to_vector<float>();
    for (int64_t i = 0; i < tc.numel(); ++i)
      worst = std::max(worst, std::abs(double(values[size_t(i)]) - double(tc.data_ptr<float>()[i])));

    at::Tensor image = at::rand({2, 3, 16, 16}), filters = at::rand({4, 3, 3, 3});
    double torch_sum = at::conv2d(image, filters).sum().item<double>();
    auto ki = keen::transpose(keen::constant(std::vector<float>(image.data_ptr<float>(), image.data_ptr<float>() + image.numel()),
                                             keen::Shape{2, 3, 16, 16}), {0, 2, 3, 1});
    auto kf = keen::transpose(keen::constant(std::vector<float>(filters.data_ptr<float>(), filters.data_ptr<float>() + filters.numel()),
                                             keen::Shape{4, 3, 3, 3}), {2, 3, 1, 0});
    double keen_sum = keen::conv2d(ki, kf).sum().item<float>();
    worst = std::max(worst, std::abs(torch_sum - keen_sum) / torch_sum);
  }
  std::printf("largest difference %g\n", worst);
  return worst < 1e-3 ? 0 : 1;
}
"""


def find_torch():
    if os.environ.get("KEEN_TORCH"):
        return pathlib.Path(os.environ["KEEN_TORCH"])
    peers = os.environ.get("KEEN_PEERS", pathlib.Path.home() / ".cache/keen/peers")
    pythons = [os.path.join(peers, "bin", "python3"), "python3"]
    find = "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    for python in pythons:
        try:
            found = subprocess.run([python, "-c", find], text=True, capture_output=True).stdout.strip()
        except OSError:
            continue
        if found:
            return pathlib.Path(found)
    return None


def main():
    build, compiler = sys.argv[1], sys.argv[2]
    torch = find_torch()
    if not torch or not (torch / "include" / "ATen" / "ATen.h").exists():
        skip("no libtorch here (benchmarks/peers/setup.sh installs it; KEEN_TORCH names one elsewhere)")
    with workspace() as folder:
        environment = installed(build, folder)
        (pathlib.Path(folder) / "both.cpp").write_text(PROGRAM, encoding="utf-8")
        libraries = torch / "lib"
        flags = run(["pkg-config", "--cflags", "--libs", "keen"], env=environment).split()
        for first in ("torch", "keen"):  # whose symbols the loader meets first
            torch_flags = [f"-L{libraries}", "-ltorch_cpu", "-lc10"]
            order = torch_flags + flags if first == "torch" else flags + torch_flags
            run(compiler.split() + ["-std=c++20", "-w", "both.cpp", "-isystem", str(torch / "include"), *order,
                 "-Wl,--no-as-needed", "-o", "both"], cwd=folder, env=environment)
            environment["LD_LIBRARY_PATH"] = f"{environment['KEEN_LIBDIR']}:{libraries}"
            print(f"{first} first:", run(["./both"], cwd=folder, env=environment))


main()
