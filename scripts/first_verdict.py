"""From a bare checkout to the first verdict with the README alone: commands, seconds, words met before it.

    python scripts/first_verdict.py

The checkout is copied without its environment; the first command that the README shows is run there, and the time is taken when the
first verdict is printed. Words: those of the README before that command, and those that the command prints before the verdict;
what pip warns of the index of this machine is counted apart.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERDICT = re.compile(r"share weights|No sign was found")


def main() -> int:
    """Measure, and print one line."""
    before, _, rest = (ROOT / "README.md").read_text("utf-8").partition("```\n")
    command = rest.split("\n", 1)[0].partition("#")[0].strip()
    with tempfile.TemporaryDirectory(prefix="first-verdict-") as folder:
        bare = Path(folder) / "forebear"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(bare)], check=True)
        began, printed = time.monotonic(), list[str]()
        with subprocess.Popen(command, shell=True, cwd=bare, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:  # noqa: S602
            assert run.stdout is not None
            for line in run.stdout:
                if VERDICT.search(line):
                    break
                printed.append(line)
            else:
                print("".join(printed))
                raise SystemExit(f"no verdict: {command} ended with {run.wait()}")
            seconds = time.monotonic() - began
            run.stdout.read()
    warned = [line for line in printed if line.startswith("WARNING: ")]
    read, of_pip = len(before.split()), sum(len(line.split()) for line in warned)
    shown = sum(len(line.split()) for line in printed) - of_pip
    print(f"1 command ({command}), {seconds:.0f} s; {read} words of the README and {shown} printed words before it"
          + (f", and {of_pip} of pip's on its index" if of_pip else ""))  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
