"""`python -m fluxmlx` is the command line."""

from fluxmlx.cli import main

if __name__ == "__main__":
    main()
