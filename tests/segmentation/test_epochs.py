"""Best epoch, early stopping and progress of a training."""

import io

import pytest

from ssn3d.segmentation.training.epochs import best_epoch, progress_bar, report_epoch, stop_reason


def history_of(*accuracies):
    return [{"validation_pixel_accuracy": accuracy} for accuracy in accuracies]


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([], None),
        ([97.6] * 9, None),  # the plateau does not count, however long
        ([97.6] * 9 + [98.0, 97.9], None),
        ([97.6] * 9 + [98.0, 97.9, 98.0], "patience"),  # equal is not better
        ([97.6, 98.0, 97.9, 98.1, 98.2, 98.1], None),
        ([97.6, 98.0, 97.6, 97.6], "patience"),  # falling back to it does
        ([97.6] * 20, "epochs"),
    ],
)
def test_stopping(accuracies, expected):
    assert stop_reason(history_of(*accuracies), 20, 2, 97.65) == expected


def test_best_epoch():
    assert best_epoch(history_of(97, 99, 98, 99)) == 2


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_bar(monkeypatch, terminal):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar("run", 10, 4) as bar:
        bar.update()
        bar.refresh()
    assert ("5/10" in stream.getvalue()) == terminal
    assert ("run" in stream.getvalue()) == terminal


def test_log_of_an_epoch(caplog):
    row = {"train_loss": 0.12345, "validation_pixel_accuracy": 98.7654, "validation_miou": 71.26}
    history = [row | {"epoch": 1, "seconds": 30.0}, row | {"epoch": 2, "seconds": 20.0}]
    with caplog.at_level("INFO", "ssn3d"), progress_bar("run", 10, 4) as bar:
        report_epoch("run", history, 5, bar)
    (line,) = caplog.messages
    for part in ("2/5", "0.1235", "98.77%", "71.3", "1:15 min"):
        assert part in line
