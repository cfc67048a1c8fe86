"""What compare.py writes: JSON, a Markdown table, a plot, and the table of README.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

__all__ = ["into_readme", "markdown", "selected", "table", "write"]

BEGIN, END = "<!-- speed: benchmarks/compare.py --readme -->", "<!-- end of speed -->"


def write(result: dict[str, Any], folder: Path) -> None:
    """Writes compare.json, compare.md and compare.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (folder / "compare.md").write_text(markdown(result), encoding="utf-8")
    plot(result, folder / "compare.png")


def peer_name(result: dict[str, Any]) -> str:
    return result.get("peer", "llama.cpp")


def selected(result: dict[str, Any]) -> list[str]:
    """A sentence of what turns had to meet, where that was asked for."""
    least = result.get("least_bandwidth", 0)
    return [f"`tg` is valid only where the memory gave {least:g} GB/s or more."] if least else []


def label(row: dict[str, Any]) -> str:
    return row["test"] + (" beside a busy process" if row["hog"] else "")


def speed(side: dict[str, Any]) -> str:
    return f"{side['median']:.1f} ({side['min']:.1f} - {side['max']:.1f})"


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["file"],
        label(row),
        str(row["threads"]),
        speed(row["ours"]),
        f"{row['ours']['roof']:.0%}",
        speed(row["peer"]),
        f"{row['peer']['roof']:.0%}",
        f"**{row['ratio']:.2f}**",
        memory(row),
        f"busy ({row['n_busy']} of {row['n_runs']} runs)" if row["problems"] else "quiet",
    )


def memory(row: dict[str, Any]) -> str:
    """GB/s around the runs of both sides, the least and the greatest."""
    runs = row["ours"]["runs"] + row["peer"]["runs"]
    found = [(run["before"]["bandwidth"] + run["after"]["bandwidth"]) / 2e9 for run in runs]
    return f"{min(found):.0f} - {max(found):.0f}"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [" | ".join(["", *line, ""]).strip() for line in [head, ("---",) * len(head), *rows]]


def ends(row: dict[str, Any], key: str) -> list[float]:
    runs = row["ours"]["runs"] + row["peer"]["runs"]
    return [run[end][key] / 1e9 for run in runs for end in ("before", "after")]


def markdown(result: dict[str, Any]) -> str:
    """The whole report as a page."""
    rows, name = result["rows"], peer_name(result)
    head = (
        "file",
        "test",
        "threads",
        "fluxmlx",
        "of the roof",
        name,
        "of the roof",
        "ratio",
        "memory GB/s",
        "machine",
    )
    ours, peer = (rows[0][side]["runs"][0]["facts"] for side in ("ours", "peer"))
    lines = [f"# fluxmlx and {name}, {result['date']}", ""]
    lines += [
        "Tokens per second: the median of the runs, with the least and the greatest. Roof: the memory bandwidth"
    ]
    lines += [
        "(tg) or the float32 multiply-add peak (pp) that was probed around each run.",
        *selected(result),
        "",
    ]
    lines += table(head, [cells(row) for row in rows])
    lines += ["", f"- Machine: {result['cpu']}, {result['processors']} processors, {result['platform']}"]
    lines += [f"- {ours['version']}, commit {result['commit']}, kernels for {ours['flags']}"]
    lines += [f"- {peer['version']}; {peer['flags']}"]
    for model, file in result["files"].items():
        lines += [f"- {model}: {file['bytes']} bytes, sha256 {file['sha256']}"]
    for row in rows:
        lines += details(row)
    return "\n".join(lines) + "\n"


def details(row: dict[str, Any]) -> list[str]:
    read, fma = ends(row, "bandwidth"), ends(row, "fma")
    size = [f"{row[side]['resident'] / 1e6:.0f} MB" for side in ("ours", "peer")]
    first = [f"{row[side]['first_s']:.2f} s" for side in ("ours", "peer")]
    parts = [
        f"probed {min(read):.0f} - {max(read):.0f} GB/s and {min(fma):.0f} - {max(fma):.0f} GMAC/s",
        f"largest resident size {size[0]} and {size[1]}",
        f"from the file to the first token, not watched, {first[0]} and {first[1]}",
        f"{row['n_discarded']} disturbed runs repeated",
        f"the peer with {row['peer']['setting']}",
    ]
    title = f"- {row['file']}, {label(row)}, {row['threads']} threads: {'; '.join(parts)}"
    return [title, *(f"    - not valid: {problem}" for problem in row["problems"])]


def plot(result: dict[str, Any], path: Path) -> None:
    """Bars of both engines relative to the peer's median, whiskers from the least to the greatest run."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = result["rows"]
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.8 * len(rows)), layout="constrained")
    for side, colour, shift in (("ours", "#2166ac", -0.2), ("peer", "#b0b0b0", 0.2)):
        for place, row in enumerate(rows):
            unit, found = row["peer"]["median"], row[side]
            whisker = [[(found["median"] - found["min"]) / unit], [(found["max"] - found["median"]) / unit]]
            name = {"ours": "fluxmlx", "peer": peer_name(result)}[side] if place == 0 else None
            axes.barh(place + shift, found["median"] / unit, 0.38, xerr=whisker, color=colour, label=name)
            axes.text(found["max"] / unit, place + shift, f"  {found['median']:.1f}", va="center", fontsize=8)
    axes.set_yticks(
        range(len(rows)), [f"{row['file']}\n{label(row)}, {row['threads']} threads" for row in rows]
    )
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel(f"speed, {peer_name(result)}'s median = 1 (numbers: tokens per second)")
    busy = any(row["problems"] for row in rows)
    axes.set_title(
        f"{result['cpu']}, {result['date']}" + (" (machine busy: not valid)" if busy else ""), fontsize=9
    )
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def bandwidth_used(rows: list[dict[str, Any]]) -> list[str]:
    """How much of what the memory gives the `tg` rows read, where there are any."""
    found = [row["ours"]["roof"] for row in rows if row["test"].startswith("tg")]
    if not found:
        return []
    span = f"{min(found):.0%} to {max(found):.0%}"
    return [
        f"In `tg`, fluxmlx reads {span} of the memory bandwidth that was probed around each run (last column)."
    ]


def into_readme(result: dict[str, Any], readme: Path) -> None:
    """Replaces what is between the two marks of the README by a short table.

    Raises:
        SystemExit: the README has no such marks, or a run was not valid.
    """
    if wrong := [label(row) for row in result["rows"] if row["problems"]]:
        raise SystemExit(f"the machine was busy during {', '.join(wrong)}: measure again on a quiet one")
    head = ("file", "test", "threads", "fluxmlx", peer_name(result), "ratio", "memory GB/s")
    rows = [
        (row["file"], label(row), str(row["threads"]), *(f"{row[s]['median']:.1f}" for s in ("ours", "peer")),
         f"{row['ratio']:.2f}", memory(row))
        for row in result["rows"]
    ]  # fmt: skip
    peer = result["rows"][0]["peer"]["runs"][0]["facts"]["version"]
    note = f"Tokens per second, medians; {result['cpu']}, {result['date'][:10]}, fluxmlx {result['commit']}, {peer}."
    body = "\n".join(
        [BEGIN, "", *table(head, rows), "", note, *bandwidth_used(result["rows"]), *selected(result), "", END]
    )
    text, count = re.subn(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: body, readme.read_text(), flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"{readme} must have the marks {BEGIN} and {END} once")
    readme.write_text(text, encoding="utf-8")
