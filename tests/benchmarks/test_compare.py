"""benchmarks/compare.py: which tests it takes, what it reports, and that a busy run does not reach the README."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")


def side(rates: list[float], facts: dict[str, str]) -> dict[str, Any]:
    before, after = ({"bandwidth": bandwidth, "fma": 90e9} for bandwidth in (30e9, rates[0] * 3e9))
    runs = [{"rate": rate, "before": before, "after": after, "facts": facts} for rate in rates]
    ends = {"median": sorted(rates)[len(rates) // 2], "min": min(rates), "max": max(rates)}
    return {
        **ends,
        "roof": 0.5,
        "resident": 10**9,
        "first_s": 0.5,
        "runs": runs,
        "setting": "flash attention",
    }


def result(*, busy: bool) -> dict[str, Any]:
    """What compare.py writes, of one row."""
    peer = side([10.0, 12.0, 11.0], {"version": "peer 1.0", "flags": "AVX2 = 1"})
    row = {
        "file": "m.gguf",
        "test": "tg128",
        "threads": 2,
        "hog": False,
        "ours": side([20.0, 22.0, 24.0], {"version": "fluxmlx 0.1", "flags": "avx2"}),
        "peer": peer,
        "ratio": 2.0,
        "problems": ["other processes took 33% of the processors"] if busy else [],
        "n_runs": 6,
        "n_discarded": 3,
        "n_busy": int(busy),
    }
    facts = {
        "date": "2026-01-01 00:00 UTC",
        "cpu": "Zen",
        "processors": 2,
        "platform": "Linux",
        "commit": "abc",
    }
    files = {"m.gguf": {"bytes": 5, "sha256": "00ff"}}
    return {**facts, "cpu_isa": "avx2", "files": files, "rows": [row]}


def test_tests_are_named_as_in_the_report(load: Any) -> None:
    """pp512, depth and rows at once are understood; anything else is refused."""
    parse = load("tests_of").parse_test
    assert [parse(text).name for text in ("pp512", "tg128@d2048", "tg64x4")] == [
        "pp512",
        "tg128 @ d2048",
        "tg64 x 4",
    ]
    for text in ("tg", "pp512x4"):
        with pytest.raises(argparse.ArgumentTypeError, match="tg"):
            parse(text)


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "", "1e3", "\u0663", "9" * 40])
def test_counts_are_whole_numbers_from_one(load: Any, text: str) -> None:
    """Neither no repetitions nor no threads reach a measurement."""
    assert load("tests_of").count("12") == 12
    with pytest.raises(argparse.ArgumentTypeError, match="at least 1"):
        load("tests_of").count(text)


def commands(load: Any, path: Path, **changes: Any) -> dict[str, list[str]]:
    options = {"cache_type": "f16", "flash": "both", "peer_python": "python9"} | changes
    test = load("tests_of").parse_test("tg8@d16x2")
    return load("sides").commands_of(str(path), test, 3, argparse.Namespace(**options))


def test_a_file_is_compared_with_llama_cpp(load: Any) -> None:
    """With flash attention and without, and in bytes beside its float16 where ours has bytes."""
    found = commands(load, Path("m.gguf"))
    assert list(found) == ["ours", "flash attention", "no flash attention"]
    assert found["ours"][2:] == ["m.gguf", "--test", "tg8@d16x2", "--threads", "3", "--cache-type", "f16"]
    name, script, *rest = found["no flash attention"]
    assert (name, Path(script).name) == ("python9", "peer_llama.py")
    assert rest == ["m.gguf", "tg", "8", "16", "2", "--threads", "3", "--no-flash-attention"]
    bytes_too = commands(load, Path("m.gguf"), cache_type="q8_0", flash="on")
    assert list(bytes_too) == ["ours", "flash attention", "flash attention, q8_0"]


def test_a_folder_is_compared_with_mlx_lm(load: Any, tmp_path: Path) -> None:
    """One setting; both kinds of models at once are refused."""
    (tmp_path / "config.json").write_text("{}")
    found = commands(load, tmp_path)
    assert list(found) == ["ours", "its own cache"]
    assert Path(found["its own cache"][1]).name == "peer_mlx.py"
    peer_of = load("sides").peer_of
    assert (peer_of([str(tmp_path)]), peer_of(["a.gguf", "b.gguf"])) == ("mlx-lm", "llama.cpp")
    with pytest.raises(SystemExit, match="one after the other"):
        peer_of([str(tmp_path), "a.gguf"])


def test_models_are_named_by_their_bytes(load: Any, tmp_path: Path) -> None:
    """A file by all of it, a folder by its weights in the order of their names."""
    identity = load("facts").identity
    (tmp_path / "m.gguf").write_bytes(b"abcd")
    folder = tmp_path / "model"
    folder.mkdir()
    for name, text in (("config.json", b"{}"), ("b.safetensors", b"cd"), ("a.safetensors", b"ab")):
        (folder / name).write_bytes(text)
    digest = hashlib.sha256(b"abcd").hexdigest()
    assert identity(tmp_path / "m.gguf") == identity(folder) == {"sha256": digest, "bytes": 4}


def test_the_peer_has_its_name(load: Any) -> None:
    """On the page and in the README, as the run says; runs that do not say were with llama.cpp."""
    report = load("compare_report")
    page = report.markdown(result(busy=False) | {"peer": "mlx-lm"})
    assert "# fluxmlx and mlx-lm, " in page and "| mlx-lm | of the roof |" in page
    assert "# fluxmlx and llama.cpp, " in report.markdown(result(busy=False))


def test_the_page_has_the_ratio_the_spread_and_the_facts(load: Any) -> None:
    """Medians with their ends, the ratio, versions, flags and the file's digest are on the page."""
    page = load("compare_report").markdown(result(busy=False))
    row = next(line for line in page.splitlines() if line.startswith("| m.gguf"))
    assert (
        "22.0 (20.0 - 24.0)" in row and "11.0 (10.0 - 12.0)" in row and "**2.00**" in row and "quiet" in row
    )
    assert "| 30 - 45 |" in row  # of the peer, whose runs have 30 before and after, and ours, 30 and 60
    assert all(
        fact in page
        for fact in ("peer 1.0", "AVX2 = 1", "sha256 00ff", "30 - 60 GB/s", "commit abc", "0.50 s")
    )


def test_a_choice_of_turns_is_told(load: Any, tmp_path: Path) -> None:
    """On the page and in the README, where faster memory was asked for, and only there."""
    report, readme = load("compare_report"), tmp_path / "README.md"
    for least, there in ((48.0, True), (0, False)):
        chosen = result(busy=False) | {"least_bandwidth": least}
        readme.write_text(f"{report.BEGIN}\n{report.END}\n", encoding="utf-8")
        report.into_readme(chosen, readme)
        for text in (report.markdown(chosen), readme.read_text(encoding="utf-8")):
            assert ("only where the memory gave 48 GB/s or more" in text) == there


def test_a_busy_run_says_so(load: Any) -> None:
    """The row is marked, and the reason is given below."""
    page = load("compare_report").markdown(result(busy=True))
    assert "busy (1 of 6 runs)" in page and "not valid: other processes took 33%" in page


def test_the_readme_takes_a_quiet_run_only(load: Any, tmp_path: Path) -> None:
    """The table replaces what was between the marks; a busy run, or a page without marks, is refused."""
    report, page = load("compare_report"), tmp_path / "README.md"
    text = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="busy"):
        report.into_readme(result(busy=True), page)
    assert page.read_text(encoding="utf-8") == text
    report.into_readme(result(busy=False), page)
    new = page.read_text(encoding="utf-8")
    assert (
        "| m.gguf | tg128 | 2 | 22.0 | 11.0 | 2.00 | 30 - 45 |" in new
        and "old" not in new
        and new.endswith("after\n")
    )
    assert "reads 50% to 50% of the memory bandwidth" in new
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(SystemExit, match="marks"):
        report.into_readme(result(busy=False), page)


def test_our_readme_has_the_marks(load: Any) -> None:
    """README.md has the place for the table, once."""
    report = load("compare_report")
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert text.count(report.BEGIN) == text.count(report.END) == 1


def test_everything_is_written(load: Any, tmp_path: Path) -> None:
    """JSON that can be read again, the page, and a picture."""
    pytest.importorskip("matplotlib", reason="needs the extra bench")
    load("compare_report").write(result(busy=True), tmp_path)
    assert json.loads((tmp_path / "compare.json").read_text())["rows"][0]["ratio"] == 2.0
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")
