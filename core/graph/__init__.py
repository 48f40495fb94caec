"""The graph: nodes wired by references, checked before anything is built, pruned to what is asked."""
