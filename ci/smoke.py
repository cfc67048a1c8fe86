"""What must work in any environment where the wheel and the `gguf` package are. Usage: python ci/smoke.py"""

import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    import fluxmlx
    from fluxmlx import _core

    assert "site-packages" in (fluxmlx.__file__ or ""), f"not the installed package: {fluxmlx.__file__}"
    assert hasattr(_core, "Engine"), "the wheel was built without its engine"
    assert not hasattr(_core, "testing"), "the wheel has the test bindings of a developer build"
    command = [sys.executable, "-m", "fluxmlx", "info"]
    info = subprocess.run(command, capture_output=True, text=True, check=True)
    assert version("fluxmlx") in info.stdout, info.stdout
    print(info.stdout)
    generate()


def generate() -> None:
    """A tiny random model, written here, answers."""
    import fluxmlx

    sys.path.append(str(ROOT / "tests" / "model"))
    import tiny_models

    with tempfile.TemporaryDirectory() as folder:
        path = tiny_models.write(Path(folder) / "tiny.gguf", tiny_models.Tiny(quantisation="Q8_0"))
        with fluxmlx.load(path) as engine:
            answer = engine.generate([72, 105], max_tokens=8, temperature=0, ignore_eos=True)
    assert len(answer.tokens) == 8, answer
    print(f"a tiny model on {engine.info['device']} wrote {answer.tokens}")


if __name__ == "__main__":
    main()
