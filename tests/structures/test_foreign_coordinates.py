"""Coordinate files as simulations, predictions and assembly downloads write them."""

import re

import gemmi
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from synthetic_entries import add_atom, cif_text, make_entry, new_residue, pdb_text

from ssn3d.core.errors import StructureError
from ssn3d.structures.coordinates import entry_structure, parse_entry

SEQUENCE = ("GLY", "ALA", "SER", "TRP") * 5
CHAIN_DALTON = 5 * (57.05 + 71.08 + 87.08 + 186.21)  # textbook
DALTON = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "P": 30.974, "FE": 55.845}
DALTON |= {"CL": 35.45, "CA": 40.078, "NA": 22.990, "ZN": 65.38, "S": 32.06}
quick = settings(max_examples=25)


def mass(text, unit="deposited"):
    entry = parse_entry(text.encode(), "x")
    return entry_structure(entry, "1ABC", unit, "x").mass_dalton


def with_residue(name, atoms, number=900):
    """PDB text of the chain and a ligand; atoms are (name, element, occupancy, altloc)."""
    entry = make_entry(SEQUENCE)
    residue = new_residue(name, number, het=True)
    for i, (atom, element, occupancy, altloc) in enumerate(atoms):
        add_atom(residue, atom, element, (50 + 1.4 * i, 40, 40), occupancy, altloc)
    entry[0].add_chain(gemmi.Chain("L"))
    entry[0]["L"].add_residue(residue)
    entry.setup_entities()
    return pdb_text(entry)


def without_elements(text, *, left_justified=False):
    def shorten(line):
        if not line.startswith(("ATOM", "HETATM")):
            return line
        name = f"{line[12:16].strip():4}" if left_justified else line[12:16]
        return f"{line[:12]}{name}{line[16:66]}"

    return "\n".join(map(shorten, text.splitlines()))


def copies(shifts, text_of, how):
    """File with the chain at some places along z: as models, as frames or under one chain name."""
    entries = [make_entry(SEQUENCE, origin=(0, 0, shift)) for shift in shifts]
    if how == "frames":
        return "".join(map(pdb_text, entries))
    whole = entries[0]
    for number, entry in enumerate(entries[1:], start=2):
        entry[0].num = number
        if how == "models":
            whole.add_model(entry[0])
        else:
            whole[0].add_chain(entry[0][0])
    return text_of(whole)


def joined(entry):
    """PDB text in which all models have the number 1, as in files that were joined."""
    return re.sub(r"^MODEL .*", "MODEL        1", pdb_text(entry), flags=re.MULTILINE)


FORMS = [
    (pdb_text, "models"),
    (joined, "models"),
    (cif_text, "models"),
    (pdb_text, "chains"),
    (pdb_text, "frames"),
]


@pytest.mark.parametrize(("text_of", "how"), FORMS)
@given(count=st.integers(2, 6), apart=st.floats(45, 500))
@settings(max_examples=8)
def test_copies_add_up(text_of, how, count, apart):
    text = copies([apart * i for i in range(count)], text_of, how)
    assert mass(text) == pytest.approx(count * CHAIN_DALTON, rel=1e-4)
    if how == "models":
        assert mass(text, "biological") == pytest.approx(mass(text))


@pytest.mark.parametrize(("text_of", "how"), FORMS)
@given(shifts=st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=6))
@settings(max_examples=8)
def test_ensembles_count_once(text_of, how, shifts):
    text = copies([0, *shifts], text_of, how)
    assert mass(text) == pytest.approx(CHAIN_DALTON, rel=1e-4)


def test_nmr_models_are_an_ensemble():
    text = "EXPDTA    SOLUTION NMR\n" + copies([0, 300], pdb_text, "models")
    assert mass(text) == pytest.approx(CHAIN_DALTON, rel=1e-4)


@pytest.mark.parametrize("shifts", [(0, 0.5, 300), (0, 300, 300.5)])
def test_partly_overlapping_models(shifts):
    with pytest.raises(StructureError, match=r"x: of 3 models .* overlap"):
        mass(copies(shifts, pdb_text, "models"))


def test_mmcif_chains_repeated():
    text = cif_text(make_entry(SEQUENCE))
    rows = [line for line in text.splitlines() if line.startswith("ATOM")]
    moved = [
        " ".join([*r.split()[:10], str(float(r.split()[10]) + 90), *r.split()[11:]]) for r in rows
    ]
    repeated = text.replace(rows[-1], "\n".join([rows[-1], *moved]))
    assert mass(repeated) == pytest.approx(2 * CHAIN_DALTON, rel=1e-4)


@pytest.mark.parametrize("name", ["TIP", "T4P", "SOL", "HOH", "QQQ"])
@pytest.mark.parametrize("elements", [True, False])
@pytest.mark.parametrize("oxygen", ["O", "OH2", "OW"])
def test_water_under_any_name(name, elements, oxygen):
    atoms = [(oxygen, "O"), ("H1", "H"), ("H2", "H")][: 1 if name in {"HOH", "SOL"} else 3]
    text = with_residue(name, [(*atom, 1, "\0") for atom in atoms])
    text = text if elements else without_elements(text, left_justified=oxygen == "OW")
    assert mass(text) == pytest.approx(CHAIN_DALTON, rel=1e-4)


def test_ligands_named_like_water():
    atoms = [("O1", "O", 1, "\0"), ("C1", "C", 1, "\0")]
    assert mass(with_residue("SPC", atoms)) == pytest.approx(CHAIN_DALTON + 28.01, abs=0.1)


LIGAND_ATOMS = st.lists(st.sampled_from(["C", "N", "O", "P"]), min_size=2, max_size=12)


@given(
    elements=LIGAND_ATOMS,
    occupancies=st.lists(st.sampled_from([-1, 0, 1]), min_size=12, max_size=12),
)
@quick
def test_ligands_of_occupancy_0(elements, occupancies):
    atoms = [
        (f"{e}{i}", e, o, "\0") for i, (e, o) in enumerate(zip(elements, occupancies, strict=False))
    ]
    expected = CHAIN_DALTON + sum(DALTON[e] for e in elements)
    assert mass(with_residue("POP", atoms)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("shares", [(0, 0), (1, 0), (0.3, 0.7), (0.5, 0.5), (0, 0, 0)])
def test_alternative_conformers_weigh_once(shares):
    atoms = [(a, a[0], o, "ABC"[i]) for a in ("C1", "N2") for i, o in enumerate(shares)]
    expected = CHAIN_DALTON + DALTON["C"] + DALTON["N"]
    assert mass(with_residue("LIG", atoms)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("left_justified", [False, True])
@given(elements=st.lists(st.sampled_from(["C", "N", "O", "P", "H", "S", "FE", "CL"]), min_size=2))
@example(elements=["C"] * 99)
@quick
def test_elements_by_names(left_justified, elements):
    """Names as lipids, haem and chlorinated ligands have; three or four characters."""
    assume(set(elements) - {"O", "H"} or elements.count("O") > 1)  # water is left out
    atoms = [(f"{e}{i % 99 + 1}", e, 1, "\0") for i, e in enumerate(elements)]
    text = without_elements(with_residue("LIG", atoms), left_justified=left_justified)
    expected = CHAIN_DALTON + sum(DALTON[e] for e in elements)
    assert mass(text) == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("left_justified", [False, True])
@pytest.mark.parametrize("ion", ["CA", "NA", "ZN", "FE", "CL", "SOD", "CLA"])
def test_ions_without_elements(left_justified, ion):
    element = {"SOD": "NA", "CLA": "CL"}.get(ion, ion)
    text = without_elements(
        with_residue(ion, [(ion, element, 1, "\0")]), left_justified=left_justified
    )
    assert mass(text) == pytest.approx(CHAIN_DALTON + DALTON[element], abs=0.1)


def test_atoms_whose_name_tells_no_element():
    text = without_elements(with_residue("LIG", [("QX1", "C", 1, "\0"), ("C2", "C", 1, "\0")]))
    with pytest.raises(StructureError, match=r"x: line \d+: .*'QX1'.*columns 77-78"):
        mass(text)


COLUMNS = ["label_asym_id", "auth_asym_id", "label_seq_id", "auth_seq_id", "label_alt_id"]
COLUMNS += ["type_symbol", "occupancy", "B_iso_or_equiv", "label_entity_id", "pdbx_PDB_model_num"]
COLUMNS += ["id", "label_comp_id", "label_atom_id", "group_PDB", "auth_comp_id", "auth_atom_id"]


def other_columns(columns):
    """Return the other name of each column that has two."""
    swap = {"label": "auth", "auth": "label"}
    return {f"{swap.get(c.split('_')[0])}{c[c.index('_') :]}" for c in columns}


@given(left_out=st.sets(st.sampled_from(COLUMNS)), empty=st.booleans())
@example(left_out={"label_asym_id", "label_seq_id", "label_entity_id"}, empty=False)
@quick
def test_mmcif_with_columns_left_out(left_out, empty):
    """The mass is true, or the message names the column that is missing under both names."""
    entry = make_entry(SEQUENCE)
    residue = new_residue("LIG", 99, het=True)
    add_atom(residue, "C1", "C", (50, 40, 40))
    add_atom(residue, "O1", "O", (51, 40, 40))
    entry[0][0].add_residue(residue)
    entry.setup_entities()
    entry.entities[0].full_sequence = SEQUENCE
    entry.assign_label_seq_id()
    document = gemmi.cif.read_string(cif_text(entry))
    loop = document[0].find_loop("_atom_site.id").get_loop()
    for column in left_out:
        found = document[0].find_values(f"_atom_site.{column}")
        if empty:
            for row in range(len(found)):
                found[row] = "?"
        elif f"_atom_site.{column}" in loop.tags:
            loop.remove_column(f"_atom_site.{column}")
    document.add_new_block("restraints").set_pair("_chem_comp.id", "LIG")
    text = "\n".join(block.as_string() for block in reversed(list(document)))
    needed = {"label_asym_id", "label_comp_id", "label_atom_id", "auth_seq_id"}
    present = {tag.removeprefix("_atom_site.") for tag in loop.tags}
    if any({n, *other_columns({n})}.isdisjoint(present - left_out) for n in needed):
        with pytest.raises(StructureError, match=r"x: .*_atom_site\.\w+ and \w+; give one"):
            mass(text)
    else:
        assert mass(text) == pytest.approx(CHAIN_DALTON + 28.01, abs=0.2)


def test_two_blocks_with_atoms():
    text = cif_text(make_entry(SEQUENCE))
    with pytest.raises(StructureError, match="x: 2 data blocks with atoms"):
        mass(text + text.replace("data_1ABC", "data_2ABC"))


def test_mmcif_without_positions():
    text = cif_text(make_entry(SEQUENCE)).replace("Cartn_y", "fract_y")
    with pytest.raises(StructureError, match=r"_atom_site\.Cartn_y"):
        mass(text)
