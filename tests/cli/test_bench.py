"""`fluxmlx bench`: the rows, their forms, and when a row is not valid."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

core = pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
pytest.importorskip("gguf", reason="needs the test extra")
if not hasattr(core, "Engine"):
    pytest.skip("this core has no engine", allow_module_level=True)

import fluxmlx  # noqa: E402
from fluxmlx.cli import machine, measuring  # noqa: E402
from fluxmlx.cli.machine import Load, Probes, Reading, Watch, verdict  # noqa: E402
from fluxmlx.cli.measuring import Case, Cost, plan, roof  # noqa: E402
from fluxmlx.errors import OutOfMemoryError  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny shape of benchmarks/synthetic.py."""
    import subprocess
    import sys

    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    script = Path(__file__).parents[2] / "benchmarks" / "synthetic.py"
    subprocess.run([sys.executable, script, "tiny", "Q8_0", path], check=True, capture_output=True)
    return str(path)


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is always quiet and always equally fast."""
    monkeypatch.setattr(machine, "probe", lambda threads: Probes(30e9 * threads, 40e9 * threads))
    monkeypatch.setattr(machine.Watch, "__exit__", quiet_exit)


def quiet_exit(watch: Watch, *error: object) -> None:
    watch.load = Load(0.01, 0.0, 1.0)


ARGUMENTS = ("-p", "16", "-n", "4,8", "-np", "1,2", "-r", "2", "-t", "1")


def test_json_has_every_row_with_its_spread(invoke, model: str, calm: None) -> None:
    """Each combination is a row with a rate for each repetition, its median and ends, and a part of the roof."""
    result = invoke("bench", model, *ARGUMENTS, "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["rows"]
    assert [row["test"] for row in rows] == ["pp16", "tg4", "tg4 x 2", "tg8", "tg8 x 2"]
    for row in rows:
        assert len(row["rates"]) == 2 and 0 < row["min"] <= row["median"] <= row["max"] < math.inf
        assert row["valid"] and row["threads"] == 1 and row["roof"] > 0


@pytest.mark.parametrize("form", ["table", "md", "csv"])
def test_other_forms_have_the_same_rows(invoke, model: str, calm: None, form: str) -> None:
    """The table, Markdown and CSV name every test."""
    out = invoke("bench", model, "-p", "8", "-n", "4", "-d", "0,8", "-r", "1", "-o", form).stdout
    assert all(name in out for name in ("pp8", "pp8 @ d8", "tg4", "tg4 @ d8"))
    if form == "csv":
        table = list(csv.DictReader(io.StringIO(out)))
        assert len(table) == 4 and all(float(row["median"]) > 0 and row["valid"] == "True" for row in table)


def test_a_busy_machine_is_marked_and_strict_fails(invoke, model: str, calm: None, monkeypatch) -> None:
    """With a third of the processors taken by others the row says so, and --strict exits with 3."""

    def exit_busy(watch: Watch, *error: object) -> None:
        watch.load = Load(0.33, 0.0, 1.0)

    monkeypatch.setattr(machine.Watch, "__exit__", exit_busy)
    result = invoke("bench", model, "-p", "8", "-n", "0", "-r", "1", "--strict", "-o", "json")
    row = json.loads(result.stdout)["rows"][0]
    assert result.exit_code == 3 and not row["valid"]
    assert row["problems"] == ["other processes took 33% of the processors"]


TOO_LONG = [("-n", "511"), ("-n", "499", "-d", "13", "-np", "2"), ("-p", "513"), ("-p", "500", "-d", "13")]


@pytest.mark.parametrize("arguments", TOO_LONG, ids=" ".join)
def test_a_test_that_does_not_fit_is_an_error(
    invoke, model: str, calm: None, arguments: tuple[str, ...]
) -> None:
    """The context ends an answer early, and tokens that were never written would be counted."""
    rest = ("-p", "0") if "-n" in arguments else ("-n", "0")
    result = invoke("bench", model, *arguments, *rest, "-r", "1")
    assert (
        result.exit_code == 1 and "takes 513 tokens and the context of this model holds 512" in result.output
    )


@pytest.mark.parametrize("test", [Case("tg", 510, 0, 1), Case("tg", 499, 12, 1), Case("pp", 512, 0, 1)])
def test_all_tokens_are_written_up_to_the_last_position(model: str, test: Case) -> None:
    """What a rate is computed from is what came."""
    with fluxmlx.load(model) as engine:
        n_new = 0 if test.kind == "pp" else test.n + 1
        ids = [1] * (test.n if test.kind == "pp" else max(1, test.depth))
        answer = engine.generate(ids, max_tokens=n_new, ignore_eos=True)
        assert answer.usage.completion_tokens == n_new
        measuring.measure(engine, test, 1)


@pytest.mark.parametrize("test", [Case("tg", 4, 200, 1), Case("tg", 4, 200, 2)], ids=["one", "two"])
def test_a_kept_prompt_is_read_once(model: str, test: Case) -> None:
    """Runs that keep their prompts begin with what the first one read; usual ones read all of it each time."""
    with fluxmlx.load(model) as engine:

        def reads(**options: bool) -> int:
            before = engine.stats().prompt_tokens
            measuring.run_once(engine, test, 1, **options)
            return engine.stats().prompt_tokens - before

        whole = test.depth * test.parallel
        assert [reads(), reads(), reads(keep_prompt=True)] == [whole] * 3
        assert reads(keep_prompt=True) < whole / 2


def test_what_a_sequence_raises_comes_out() -> None:
    """An error of one of several sequences is the error of the measurement, in its own words."""

    class Failing:
        tokenizer, info = SimpleNamespace(n_vocab=8), {"n_ctx": 64}

        def stream(self, ids: list[int], **options: Any) -> Iterator[Any]:
            yield SimpleNamespace(token=1)
            raise OutOfMemoryError("no room for keys and values")

    with pytest.raises(OutOfMemoryError, match="no room"):
        measuring.measure(Failing(), Case("tg", 4, 0, 2), 1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-p", "x"), "whole numbers"),
        (("-np", "0"), "at least 1"),
        (("-p", "9" * 30), "whole numbers"),
        (("-p", "0", "-n", "0"), "nothing to measure"),
    ],
)
def test_wrong_numbers_are_wrong_usage(invoke, arguments: tuple[str, ...], reason: str) -> None:
    """What cannot be measured is refused before a model is loaded."""
    result = invoke("bench", "missing.gguf", *arguments)
    assert result.exit_code == 2 and reason in " ".join(result.output.replace("│", " ").split())


def test_the_watch_tells_own_from_foreign_time() -> None:
    """Of 20 CPU seconds 9 were busy and 7 of those ours: 10 % were others', and the host took 5 %."""
    readings = iter([Reading(100.0, 3.0, 1000.0), Reading(109.0, 4.0, 1020.0)])
    own = iter([50.0, 57.0])
    clock = iter([0.0, 10.0])
    with Watch(lambda: next(readings), lambda: next(own), lambda: next(clock)) as watch:
        pass
    assert watch.load == Load(pytest.approx(0.1), pytest.approx(0.05), 10.0)


def test_proc_stat_is_read_by_its_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle and waiting for a disk are not busy, nor is stolen time; a file that is not there tells nothing."""
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 10 20 700 50 5 15 100 0 0\ncpu0 1 2 3\n")
    monkeypatch.setattr(machine, "_STAT", stat)
    monkeypatch.setattr(machine.os, "sysconf", lambda name: 100)
    assert machine.read_cpu_times() == Reading(pytest.approx(1.5), pytest.approx(1.0), pytest.approx(10.0))
    monkeypatch.setattr(machine, "_STAT", tmp_path / "none")
    assert machine.read_cpu_times().busy is None


@pytest.mark.parametrize(
    ("load", "after", "count"),
    [
        (Load(0.04, 0.01, 1.0), 109.0, 0),
        (Load(0.06, 0.0, 1.0), 100.0, 1),
        (Load(0.0, 0.03, 1.0), 100.0, 1),
        (Load(0.0, 0.0, 1.0), 85.0, 1),
        (Load(0.5, 0.5, 1.0), 200.0, 3),
        (Load(None, None, 1.0), 100.0, 1),
    ],
)
def test_each_disturbance_is_a_reason(load: Load, after: float, count: int) -> None:
    """Foreign time, stolen time and a probe that drifted each make a run invalid; so does a silent system."""
    assert len(verdict(load, 100.0, after, what="memory bandwidth")) == count


def test_a_short_run_says_that_it_was_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no tick went by the system is not to blame; where it has no /proc/stat it is."""
    assert (
        verdict(Load(None, None, 0.001), 1.0, 1.0, what="")[0].startswith("too short")
        == Path("/proc/stat").exists()
    )
    monkeypatch.setattr(machine, "_STAT", tmp_path / "none")
    assert "this system does not tell" in verdict(Load(None, None, 0.001), 1.0, 1.0, what="")[0]


def test_roofs_are_bytes_and_multiply_adds() -> None:
    """Writing counts the weights once for all sequences and each one's cache; reading counts multiply-adds."""
    cost = Cost(token_bytes=1000, position_bytes=10, layer_macs=50, head_macs=80)
    probes = Probes(bandwidth=1e6, fma=1e5)
    assert roof(Case("tg", 20, 90, 1), cost, 250.0, probes) == pytest.approx(0.5)
    assert roof(Case("tg", 20, 90, 2), cost, 250.0, probes) == pytest.approx(0.375)
    assert roof(Case("pp", 8, 0, 1), cost, 1000.0, probes) == pytest.approx(0.6)


def test_the_cost_of_a_file_counts_the_head_once() -> None:
    """Tied embeddings are read as the head; with a head of its own the table is not read."""

    class Tensor:
        def __init__(self, name: str, shape: tuple[int, ...], n_bytes: int) -> None:
            self.name, self.shape, self.n_bytes = name, shape, n_bytes

    table, layer = Tensor("token_embd.weight", (10, 4), 80), Tensor("blk.0.ffn_up.weight", (4, 6), 48)
    norm, head = Tensor("output_norm.weight", (4,), 16), Tensor("output.weight", (10, 4), 40)
    assert measuring.cost_of([table, layer, norm], 2) == Cost(144, 2, 24, 40)
    assert measuring.cost_of([table, layer, norm, head], 2) == Cost(104, 2, 24, 40)
    experts = Tensor("blk.0.ffn_up_exps.weight", (8, 4, 6), 800)
    keys = {"general.architecture": "llama", "llama.expert_count": 8, "llama.expert_used_count": 2}
    share = measuring.expert_share(keys)
    assert measuring.cost_of([table, experts, head], 2, share) == Cost(240, 2, 48, 40)
    assert measuring.expert_share({"general.architecture": "llama"}) == 1


def test_the_plan_leaves_zeros_out() -> None:
    """-p 0 measures no prompts; depths come in turn, and only writing is done by several sequences."""
    assert [test.name for test in plan([0], [8], [0, 32], [1, 4])] == [
        "tg8",
        "tg8 x 4",
        "tg8 @ d32",
        "tg8 @ d32 x 4",
    ]
    assert [test.name for test in plan([16], [0], [0], [1, 4])] == ["pp16"]


def test_probes_measure_something() -> None:
    """Both probes give a rate that a machine can have, and refuse a thread count that makes no sense."""
    assert 1e8 < core.probe_bandwidth(1) < 1e13 and 1e7 < core.probe_fma(1) < 1e13
    with pytest.raises(Exception, match="threads is 0"):
        core.probe_fma(0)
