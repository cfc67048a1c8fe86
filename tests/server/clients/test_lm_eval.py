"""lm-eval against a server, in the way that scores models over HTTP: echo with log-probabilities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from libraries import client

import fluxmlx

pytestmark = [pytest.mark.engine, pytest.mark.slow]
QUESTIONS = [
    {"question": "The capital of France is", "choices": ["Paris", "Berlin", "Rome"], "answer": 0},
    {"question": "Two plus two is", "choices": ["four", "nine", "seven"], "answer": 0},
    {"question": "The opposite of hot is", "choices": ["wet", "cold", "a long word"], "answer": 1},
    {"question": "Cats say", "choices": ["moo", "meow"], "answer": 1},
    {"question": "The sun rises in the", "choices": ["east", "west", "north"], "answer": 0},
]


def task(path: Path) -> dict[str, Any]:
    path.write_text("\n".join(json.dumps(row) for row in QUESTIONS), encoding="utf-8")
    return {
        "task": "questions",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(path)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{answer}}",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }


def expected(smollm2: Path) -> list[list[float]]:
    """The sums of the log-probabilities of each choice, by the engine alone."""
    found: list[list[float]] = []
    with fluxmlx.load(smollm2) as engine:
        for row in QUESTIONS:
            question = engine.tokenize(row["question"], add_special=False)
            sums: list[float] = []
            for choice in row["choices"]:
                ids = engine.tokenize(f"{row['question']} {choice}", add_special=False)
                assert ids[: len(question)] == question
                sums.append(sum(value or 0 for value in engine.score(ids).logprobs[len(question) :]))
            found.append(sums)
    return found


@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_score_is_the_engines(
    url: str, smollm2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    """Every sum of log-probabilities is that of engine.score, to the last bit, and so is the accuracy."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    lm_eval = client("lm_eval")
    arguments = {"model": "smol", "base_url": f"{url}/v1/completions", "batch_size": batch_size}
    found = lm_eval.simple_evaluate(
        model="local-completions", model_args=arguments, tasks=[task(tmp_path / "questions.json")],
        log_samples=True, bootstrap_iters=0,
    )  # fmt: skip
    samples = sorted(found["samples"]["questions"], key=lambda sample: sample["doc_id"])
    sums = [[answer[0][0] for answer in sample["resps"]] for sample in samples]
    own = expected(smollm2)
    assert sums == own
    right = sum(
        row["answer"] == max(range(len(one)), key=one.__getitem__)
        for row, one in zip(QUESTIONS, own, strict=True)
    )
    assert found["results"]["questions"]["acc,none"] == right / len(QUESTIONS)
