"""One door to the benchmarks: python benchmarks/speed.py run|script|dedup|truth|injection|growth|repair|chrome|long_lines|stages [options of that one].

What a duplicate search finds (truth, injection) is here beside how fast it is, since neither says much without the other.
"""

import runpy
import sys
from pathlib import Path

KINDS = ("run", "script", "dedup", "truth", "injection", "growth", "repair", "chrome", "long_lines", "stages")

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: python benchmarks/speed.py {'|'.join(KINDS)} [options]; --help behind the name shows them")
    kind = sys.argv.pop(1)
    runpy.run_path(str(Path(__file__).with_name(f"{kind}.py")), run_name="__main__")
