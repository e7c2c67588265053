"""Chains that are repeated under one name, which gemmi would merge into the same residues."""

from collections.abc import Hashable

_MARK = "~"


class Repeats:
    """Counts the earlier occurrences of each atom, in other runs of lines of its residue."""

    def __init__(self) -> None:
        self._residue: Hashable = None
        self._run = 0
        self._seen: dict[Hashable, tuple[int, int]] = {}

    def copy_of(self, residue: Hashable, atom: Hashable) -> int:
        """Number of the copy that an atom belongs to, from 0.

        An atom that is repeated in one run of lines, as simulations write it, is no copy.
        """
        if residue != self._residue:
            self._residue = residue
            self._run += 1
        key = residue, atom
        run, copy = self._seen.get(key, (self._run, 0))
        copy += run != self._run
        self._seen[key] = self._run, copy
        return copy


def copy_mark(number: int) -> str:
    """Segment name, of four characters, that marks a copy in a PDB file."""
    return f"{_MARK}{number % 1000:03}"


def copy_number(segment: str) -> int:
    """Number of the copy that a segment name marks; 0 for any other name."""
    return int(segment[1:]) if segment.startswith(_MARK) and segment[1:].isdigit() else 0
