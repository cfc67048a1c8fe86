"""schemathesis over the server's own document: what it allows, and what it does not, at random."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from libraries import client
from real_server import serving

sys.path.append(str(Path(__file__).parents[2] / "model"))

import tiny_models

schemathesis = client("schemathesis")
pytestmark = [pytest.mark.engine, pytest.mark.slow]
# A pull of any other name would look for a server; this one is refused before that.
NAMES = {"/api/pull": "../tiny"}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tiny_models.write(tmp_path_factory.mktemp("tiny") / "tiny.gguf", tiny_models.Tiny(n_ctx=64))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FLUXMLX_HOME", "OLLAMA_MODELS"):
            patch.setenv(name, str(tmp_path_factory.mktemp("store")))
        with serving("serve_model.py", model=path, access_log="false") as running:
            found = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
            yield found
            assert running.process.poll() is None


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_request_breaks_the_server(schema: Any, mode: str) -> None:
    """Whatever comes, right or wrong, the status is one that the document has, and it is no fault of the server's."""
    checks = [schemathesis.checks.not_a_server_error, schemathesis.checks.status_code_conformance]
    kind = schemathesis.GenerationMode(mode)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 20
    n_sent = 0
    for operation in operations:

        @given(case=operation.as_strategy(generation_mode=kind))
        @settings(max_examples=40, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
        def send(case: Any) -> None:
            nonlocal n_sent
            n_sent += 1
            for field in ("model", "name"):  # nearly no name at random is one of a model
                if isinstance(case.body, dict) and isinstance(case.body.get(field), str):
                    case.body[field] = NAMES.get(case.operation.path, "tiny")
            case.call_and_validate(checks=checks)

        with contextlib.suppress(Unsatisfiable):  # a route without parameters cannot be asked wrongly
            send()
    assert n_sent > 400
