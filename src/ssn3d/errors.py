"""Errors that a user can cause: one line that names the file, key or value, and the way out."""


class SSN3DError(Exception):
    """Base of all errors below; shown to the user as one line, without a traceback."""

    def __str__(self) -> str:
        """Give the message on one line: what a library says, and is quoted, may span several."""
        return " ".join(line.strip() for line in super().__str__().splitlines())


class ConfigError(SSN3DError):
    """A key of the configuration is missing, unknown, of the wrong type or out of range."""


class StructureError(SSN3DError):
    """A structure is missing, damaged, or not the one that was asked for."""


class PlacementError(SSN3DError):
    """The particles asked for do not fit into the region without overlap."""


class SNRError(SSN3DError):
    """The signal-to-noise ratio asked for cannot be reached, or is missed."""


class DataError(SSN3DError):
    """A volume, table or dataset between two stages is missing, damaged or of another shape."""


class WriteError(SSN3DError):
    """A file cannot be written: the disk is full, or the folder is read-only."""


class CheckpointError(SSN3DError):
    """A checkpoint is damaged, or belongs to another network, dataset or setting."""


class DeviceError(SSN3DError):
    """The device or precision asked for is not there."""
