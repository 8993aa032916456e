"""Runs lenet_digits with five seeds: each must reach the accuracy, and the time where one is given."""
import re
import subprocess
import sys

program, wanted, limit = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else None
failed = False
for seed in range(1, 6):
    out = subprocess.run([program, str(seed)], capture_output=True, text=True, check=True).stdout
    accuracy = float(re.search(r"test accuracy ([\d.]+)", out)[1])
    seconds = float(re.search(r"epochs in ([\d.]+) s", out)[1])
    good = accuracy >= wanted and (limit is None or seconds <= limit)
    failed |= not good
    print(f"seed {seed}: accuracy {accuracy:.3f} in {seconds:.2f} s{'' if good else '  <-- not enough'}")
sys.exit(failed)
