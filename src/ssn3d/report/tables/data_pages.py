"""Pages of the report on the data: structures, specimens, SNR and mask sizes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.io.files import PathLike, read_json
from ssn3d.report.paper import complex_names
from ssn3d.report.provenance_labels import source_label
from ssn3d.report.tables.cells import NO_VALUE, cell, write_page

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
_SPREAD = "Values are means over tomograms, with the lowest and the highest in brackets."
_NAMES_MAX = 6
_ROWS_MAX = 60


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
    names = complex_names(complexes_tsv)
    structures_page(Path(results) / "structures", pdb_ids, names, structures)
    folders = {tomogram: Path(results) / "tomograms" / tomogram for tomogram in tomograms}
    specimens = {t: read_json(f / "specimen.json", *SPECIMEN_KEYS) for t, f in folders.items()}
    specimen_page(specimens, names, specimen)
    noise = {
        (tomogram, dataset): read_json(folder / f"{dataset}.json", *SNR_KEYS)
        for tomogram, folder in folders.items()
        for dataset in datasets
    }
    snr_page(noise, snr)


def structures_page(
    structures_dir: PathLike, pdb_ids: Sequence[str], names: Mapping[str, str], path: PathLike
) -> None:
    """Write the source, the mass and the number of points of each structure."""
    rows = []
    for pdb_id in pdb_ids[:_ROWS_MAX]:
        record = read_json(Path(structures_dir) / f"{pdb_id}.json", *STRUCTURE_KEYS)
        rows.append(
            {
                "PDB ID": pdb_id,
                "Name": names.get(pdb_id, NO_VALUE),
                "Mass (kDa)": f"{record['mass_dalton'] / 1000:,.0f}",
                "Points": f"{record['points']:,}",
                "Source": source_label(structures_dir, pdb_id),
                "SHA-256": cell(record["sha256"])[:12],
                "Note": cell(record["note"]),
            }
        )
    note = "A point is a residue or a bead. SHA-256: the first 12 digits; table3.json has all 64."
    others = _left_out(len(pdb_ids), "results/structures has a record (.json) of each")
    write_page([pd.DataFrame(rows)], path, "Structures", [*others, note])


def specimen_page(
    specimens: Mapping[str, Mapping[str, Any]], names: Mapping[str, str], path: PathLike
) -> None:
    """Write the copies of each structure in a tomogram, and how crowded tomograms are.

    `specimens` is the content of specimen.json, by tomogram. Tomograms may have different
    structures; copies are those in tomograms that have the structure.
    """
    every = [*specimens.values()]
    step_nm = every[0]["provenance"]["settings"]["voxel_size_angstrom"] / 10
    radii: dict[str, float] = {}
    for one in every:
        radii |= one["bounding_radius_voxels"]
    of_each = {i: [one["copies"][i] for one in every if i in one["copies"]] for i in radii}
    rows = [
        {
            "PDB ID": pdb_id,
            "Name": names.get(pdb_id, NO_VALUE),
            "Bounding radius (nm)": f"{radius * step_nm:.1f}",
            "Tomograms": f"{len(of_each[pdb_id]):,}",
            "Copies in a tomogram": _spread(of_each[pdb_id], ",.0f"),
        }
        for pdb_id, radius in [*radii.items()][:_ROWS_MAX]
    ]
    region, tomogram, spheres, masks = (
        _spread([one[key] for one in every], form)
        for key, form in zip(SPECIMEN_KEYS[:4], (",.0f", ",.0f", ".1%", ".1%"), strict=True)
    )
    crowding = (
        f"Tomograms: {len(every):,} ({_few(list(specimens))}). In each, "
        f"{region} particles in the region, of which {tomogram} reach into the tomogram. Bounding "
        f"spheres fill {spheres} of the region; masks fill {masks} of the tomogram."
    )
    others = _left_out(len(radii), "specimen.json of each tomogram has all")
    write_page([pd.DataFrame(rows)], path, "Specimen", [*others, crowding, _SPREAD])


def snr_page(noise: Mapping[tuple[str, str], Mapping[str, Any]], path: PathLike) -> None:
    """Write the requested SNR of every dataset, and the SNR measured in all tomograms.

    `noise` is the content of {dataset}.json, by tomogram and dataset.
    """
    rows = []
    region = next(iter(noise.values()))["region"]
    for dataset in dict.fromkeys(dataset for _, dataset in noise):
        records = {t: record for (t, name), record in noise.items() if name == dataset}
        every = [*records.values()]
        found = [one["snr_by_region"] for one in every]
        errors = {t: r["snr_by_region"][region] / r["snr_asked"] - 1 for t, r in records.items()}
        ceilings = [r["snr_without_noise"] for r in every if r["snr_without_noise"] is not None]
        worst = max(errors, key=lambda tomogram: abs(errors[tomogram]))
        rows.append(
            {
                "Dataset": dataset,
                "Tomograms": f"{len(every):,}",
                "SNR asked for": _spread([one["snr_asked"] for one in every], "g"),
                **{f"SNR in the {r}": _spread([one[r] for one in found], ".4g") for r in found[0]},
                "SNR without noise": _spread(ceilings, ".3g") if ceilings else NO_VALUE,
                "Noise level": _spread([one["noise_scale"] for one in every], ",.4g"),
                "Particles": _spread([one["reference_particles"] for one in every], ",.0f"),
                "Farthest from asked": f"{worst}: {100 * errors[worst]:+.2g}%",
            }
        )
    notes = [f"The SNR asked for is the SNR in the {region}.", _SPREAD]
    write_page([pd.DataFrame(rows)], path, "Signal-to-noise ratio", notes)


def masks_page(table: pd.DataFrame, names: Mapping[str, str], path: PathLike) -> None:
    """Write mask sizes beside the paper's, from the table of `figures.specimen.mask_sizes`."""
    rows = [
        {
            "PDB ID": row["pdb_id"],
            "Name": names.get(row["pdb_id"], NO_VALUE),
            "Subtomograms": f"{row['subtomograms']:,}",
            "Mask voxels": f"{row['mask_voxels']:,.0f}",
            "Mask implied by the paper's scores": cell(row["paper_mask_voxels"], ",.0f"),
            "Ratio": cell(row["ratio"], ".2f"),
        }
        for row in table.sort_values("mask_voxels", ascending=False)[:_ROWS_MAX].to_dict("records")
    ]
    others = _left_out(len(table), "mask_sizes.csv has all")
    write_page([pd.DataFrame(rows)], path, "Mask sizes", others)


def _spread(values: Sequence[float], form: str) -> str:
    """Format the mean of a value over tomograms and, where they differ, its range."""
    mean, low, high = (f"{value:{form}}" for value in (np.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _left_out(structures: int, where: str) -> list[str]:
    """Note on structures beyond the rows of a page; empty if the page lists all."""
    return [f"{_ROWS_MAX} of {structures:,} structures; {where}."] * (structures > _ROWS_MAX)


def _few(names: Sequence[str]) -> str:
    """List names, at most six of them."""
    few = names if len(names) <= _NAMES_MAX else [*names[: _NAMES_MAX - 2], "...", names[-1]]
    return ", ".join(few)
