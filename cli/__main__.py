"""`python -m antifaz.cli`."""

from .app import main

main()
