"""The exit codes of commands, and mistakes as words."""

from __future__ import annotations

import pytest

from antifaz.cli.app import COMMANDS, app
from antifaz.cli.app import main as antifaz


@pytest.mark.parametrize(("overrides", "code"), [([], 0), (["graph.encoder.mask=joint"], 1), (["graph.encoder.mask=jiont"], 2)])
@pytest.mark.parametrize("command", ["check", "verify"])
def test_exit_codes(monkeypatch, capsys, command: str, overrides: list[str], code: int) -> None:
    monkeypatch.setattr("sys.argv", ["antifaz", command, "quickstart", *overrides])
    with pytest.raises(SystemExit) as stop:
        antifaz()
    assert (stop.value.code or 0) == code
    assert "Traceback" not in capsys.readouterr().err


def test_every_command_is_registered_in_its_order() -> None:
    assert [info.callback for info in app.registered_commands] == list(COMMANDS)


def test_an_interrupt_is_one_word(monkeypatch, capsys) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("antifaz.cli.app.app", interrupted)
    with pytest.raises(SystemExit) as stop:
        antifaz()
    assert stop.value.code == 130
    assert capsys.readouterr().err == "stopped\n"
