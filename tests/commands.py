"""Commands of ssn3d that fail."""

import pytest

from ssn3d.cli.main import main


def error_of(arguments, capsys, status=1):
    """Run a command that ends with an error; give the one line that tells it."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == status
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    (line,) = [line for line in printed.splitlines() if "error: " in line]
    return line
