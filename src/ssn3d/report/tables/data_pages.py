"""Pages of the report on the data: structures, specimens, SNR and mask sizes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.io.files import PathLike, atomic_path, read_json
from ssn3d.report.paper import complex_names
from ssn3d.report.provenance_labels import source_in_words
from ssn3d.report.web_page import web_page

STRUCTURE_KEYS = ("mass_dalton", "points", "sha256", "note")
SPECIMEN_KEYS = (
    "particles_in_region", "particles_in_tomogram", "sphere_fraction_of_region",
    "labelled_fraction_of_tomogram", "copies", "bounding_radius_voxels", "provenance",
)  # fmt: skip
SNR_KEYS = (
    "snr_asked", "snr_by_region", "snr_without_noise", "noise_scale", "reference_particles",
    "region",
)  # fmt: skip
"""The keys of each JSON file that the pages need."""
_NO_VALUE = "\N{EN DASH}"
_SPREAD = "Values are means over tomograms, with the lowest and the highest in brackets."
_MANY = 6


def describe_data(
    results: PathLike,
    complexes_tsv: PathLike,
    *,
    pdb_ids: Sequence[str],
    tomograms: Sequence[str],
    datasets: Sequence[str],
    structures: PathLike,
    specimen: PathLike,
    snr: PathLike,
) -> None:
    """Write pages on the structures, the specimens and the SNRs in a results folder."""
    folder = Path(results)
    names = complex_names(complexes_tsv)
    structures_page(folder / "structures", pdb_ids, names, structures)
    tomogram = folder / "tomograms"
    specimens = {t: read_json(tomogram / t / "specimen.json", *SPECIMEN_KEYS) for t in tomograms}
    specimen_page(specimens, names, specimen)
    noise = {
        (t, dataset): read_json(tomogram / t / f"{dataset}.json", *SNR_KEYS)
        for t in tomograms
        for dataset in datasets
    }
    snr_page(noise, snr)


def structures_page(
    structures_dir: PathLike, pdb_ids: Sequence[str], names: Mapping[str, str], path: PathLike
) -> None:
    """Write the source, the mass and the number of points of each structure."""
    rows = []
    for pdb_id in pdb_ids:
        record = read_json(Path(structures_dir) / f"{pdb_id}.json", *STRUCTURE_KEYS)
        rows.append(
            {
                "PDB ID": pdb_id,
                "Name": names.get(pdb_id, _NO_VALUE),
                "Mass (kDa)": f"{record['mass_dalton'] / 1000:,.0f}",
                "Points": f"{record['points']:,}",
                "Source": source_in_words(structures_dir, pdb_id),
                "SHA-256": (record["sha256"] or _NO_VALUE)[:12],
                "Note": record["note"] or _NO_VALUE,
            }
        )
    note = "A point is a residue or a bead. SHA-256: the first 12 digits; table3.json has all 64."
    _write(rows, path, "Structures", [note])


def specimen_page(
    specimens: Mapping[str, Mapping[str, Any]], names: Mapping[str, str], path: PathLike
) -> None:
    """Write the copies of each structure in a tomogram, and how crowded tomograms are.

    Args:
        specimens: the content of specimen.json, by tomogram.
        names: of the structures, by PDB ID.
        path: of the page.
    """
    every = [*specimens.values()]
    step_nm = every[0]["provenance"]["settings"]["voxel_size_angstrom"] / 10
    rows = [
        {
            "PDB ID": pdb_id,
            "Name": names.get(pdb_id, _NO_VALUE),
            "Bounding radius (nm)": f"{radius * step_nm:.1f}",
            "Copies in a tomogram": _spread([one["copies"][pdb_id] for one in every], ",.0f"),
        }
        for pdb_id, radius in every[0]["bounding_radius_voxels"].items()
    ]

    def of_all(key: str, form: str) -> str:
        return _spread([one[key] for one in every], form)

    crowding = (
        f"Tomograms: {len(every):,} ({_few(list(specimens))}). In each, "
        f"{of_all('particles_in_region', ',.0f')} particles in the region, of which "
        f"{of_all('particles_in_tomogram', ',.0f')} reach into the tomogram. Bounding spheres fill "
        f"{of_all('sphere_fraction_of_region', '.1%')} of the region; masks fill "
        f"{of_all('labelled_fraction_of_tomogram', '.1%')} of the tomogram."
    )
    _write(rows, path, "Specimen", [crowding, _SPREAD])


def snr_page(noise: Mapping[tuple[str, str], Mapping[str, Any]], path: PathLike) -> None:
    """Write the SNR of every dataset, asked for and measured in all tomograms.

    Args:
        noise: the content of {dataset}.json, by tomogram and dataset.
        path: of the page.
    """
    rows = []
    region = next(iter(noise.values()))["region"]
    for dataset in dict.fromkeys(dataset for _, dataset in noise):
        records = {t: record for (t, name), record in noise.items() if name == dataset}
        every = [*records.values()]
        asked, measured = every[0]["snr_asked"], [one["snr_by_region"] for one in every]
        errors = {t: r["snr_by_region"][region] / asked - 1 for t, r in records.items()}
        worst = max(errors, key=lambda tomogram: abs(errors[tomogram]))
        rows.append(
            {
                "Dataset": dataset,
                "Tomograms": f"{len(every):,}",
                "SNR asked for": f"{asked:g}",
                "SNR in the cube": _spread([one["cube"] for one in measured], ".4g"),
                "SNR in the particle": _spread([one["particle"] for one in measured], ".4g"),
                "SNR without noise": _spread([one["snr_without_noise"] for one in every], ".3g"),
                "Noise level": _spread([one["noise_scale"] for one in every], ",.4g"),
                "Particles": _spread([one["reference_particles"] for one in every], ",.0f"),
                "Farthest from asked": f"{worst}: {100 * errors[worst]:+.2g}%",
            }
        )
    notes = [f"The SNR asked for is the SNR in the {region}.", _SPREAD]
    _write(rows, path, "Signal-to-noise ratio", notes)


def _spread(values: Sequence[float], form: str) -> str:
    """Format the mean of a value over tomograms and, where they differ, its range."""
    mean, low, high = (f"{value:{form}}" for value in (np.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _few(names: Sequence[str]) -> str:
    """List names, not all of them if they are many."""
    return ", ".join(names if len(names) <= _MANY else [*names[: _MANY - 2], "...", names[-1]])


def masks_page(table: pd.DataFrame, names: Mapping[str, str], path: PathLike) -> None:
    """Write mask sizes beside the paper's; `table` is of `mask_sizes`."""

    def number(value: float, form: str) -> str:
        return _NO_VALUE if math.isnan(value) else f"{value:{form}}"

    rows = [
        {
            "PDB ID": row["pdb_id"],
            "Name": names.get(row["pdb_id"], _NO_VALUE),
            "Subtomograms": f"{row['subtomograms']:,}",
            "Mask voxels": f"{row['mask_voxels']:,.0f}",
            "Mask implied by the paper's scores": number(row["paper_mask_voxels"], ",.0f"),
            "Ratio": number(row["ratio"], ".2f"),
        }
        for row in table.sort_values("mask_voxels", ascending=False).to_dict("records")
    ]
    _write(rows, path, "Mask sizes", [])


def _write(
    rows: Sequence[Mapping[str, str]], path: PathLike, title: str, notes: Sequence[str]
) -> None:
    """Write a page; all columns but those named here contain numbers."""
    cells = pd.DataFrame(rows)
    words = {"PDB ID", "Name", "Source", "SHA-256", "Note", "Dataset"}
    with atomic_path(path) as partial:
        numbers = {str(column) for column in cells} - words
        partial.write_text(web_page([cells], title, numbers, notes), encoding="utf-8")
