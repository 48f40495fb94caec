"""`python -m antifaz.core.cli`."""

from .app import main

main()
