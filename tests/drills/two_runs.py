"""A second start in the same folder is refused, and the first is unharmed."""

from experiment import LOCKED, Run


def drill(folder):
    """Run the experiment to its end, and try a second start in the middle."""
    first = Run(folder, output=folder / "first.log")
    assert first.job({"train_network"}), first.printed
    second = Run(folder)
    assert second.finish() != 0
    assert LOCKED in second.printed
    assert "Traceback" not in second.printed
    assert first.finish() == 0, first.printed
    print("  the second start was refused; the first went on to its end")
