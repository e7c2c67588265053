"""Settings of simulated tomograms like those measured, as the jobs that simulate read them.

Light to import, since these jobs simulate without a search too.
"""

from typing import Any

from ssn3d.io.files import PathLike, read_json

SECTIONS = ("specimen", "microscope", "snr", "twins")


def simulated_section(path: PathLike | None, name: str, configured: Any) -> Any:
    """Section of the settings of the simulation, or the configured one without a file or value."""
    if not path:
        return configured
    found = read_json(path, *SECTIONS)[name]
    return configured if found is None else found
