"""The largest resident size right after a load, and after a prompt and an answer: python benchmarks/memory.py FILE...

Every file has a process of its own. The ratio is that of the whole peak to the file and the key/value cache together.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from resident import resident_peak

ANSWER = 16  # tokens


def measure(path: str, n_prompt: int) -> dict[str, int]:
    """Bytes, of this process."""
    import fluxmlx

    with fluxmlx.load(path, device="cpu") as engine:
        loaded = resident_peak()
        engine.generate([1] * n_prompt, max_tokens=ANSWER, ignore_eos=True)
        cache = engine.info["cache_bytes_per_position"] * (n_prompt + ANSWER)
        return {
            "file": engine.info["file_bytes"],
            "cache": cache,
            "loaded": loaded,
            "peak": resident_peak(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--prompt", type=int, default=512, metavar="TOKENS")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.files[0], args.prompt)))
        return
    print("| file | file MB | loaded MB | over the file | cache MB | peak MB | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for path in args.files:
        command = [sys.executable, str(Path(__file__)), path, "--prompt", str(args.prompt), "--one"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
        found = json.loads(done.stdout)
        ratio = found["peak"] / (found["file"] + found["cache"])
        mb = {key: value / 1e6 for key, value in found.items()}
        print(
            f"| {Path(path).name} | {mb['file']:.0f} | {mb['loaded']:.0f} | {mb['loaded'] - mb['file']:+.0f} "
            f"| {mb['cache']:.0f} | {mb['peak']:.0f} | {ratio:.3f} |"
        )


if __name__ == "__main__":
    main()
