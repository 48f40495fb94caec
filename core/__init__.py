"""The core of Antifaz: streams, routing, attention, graph, check, verify, engine and command line. Importing it imports no torch."""
