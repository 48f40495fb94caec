"""The parts that plugins build models from."""
