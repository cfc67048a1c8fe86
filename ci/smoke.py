"""What must work in any environment where the wheel is installed. Usage: python ci/smoke.py"""

import subprocess
import sys
from importlib.metadata import version


def main() -> None:
    import fluxmlx
    from fluxmlx import _core

    assert "site-packages" in (fluxmlx.__file__ or ""), f"not the installed package: {fluxmlx.__file__}"
    assert hasattr(_core, "Engine"), "the wheel was built without its engine"
    command = [sys.executable, "-m", "fluxmlx", "info"]
    info = subprocess.run(command, capture_output=True, text=True, check=True)
    assert version("fluxmlx") in info.stdout, info.stdout
    print(info.stdout)


if __name__ == "__main__":
    main()
