import argparse
from pathlib import Path

DESCRIPTION = "make a folder in which Snakemake runs the experiment, with its configuration"
EXAMPLE = """ssn3d init experiment && cd experiment
  snakemake --cores all --configfile config/demo.yaml"""
_COPIED = ("config.yaml", "config", "profiles", "resources", "workflow/report/style.css")
"""The style sheet is that of the report, for which profiles/default looks there."""
_SNAKEFILE = '''"""The experiment of ssn3d, whose rules are in the installed package.

snakemake --cores all --configfile config/demo.yaml   at toy size
snakemake --cores all                                 at the paper's size (config.yaml)

Write what you change into a file of your own, and pass it with --configfile. Rules of your own may
follow below; they can use the outputs of the package's.
"""

from ssn3d.cli.init import workflow_folder


configfile: "config.yaml"


module experiment:
    snakefile:
        str(workflow_folder() / "Snakefile")
    config:
        config


use rule * from experiment


rule default:
    default_target: True
    input:
        rules.all.input,
'''


def add_arguments(parser: argparse.ArgumentParser) -> None:
    folder = "folder to make; or an existing one without Snakefile and configuration"
    parser.add_argument("folder", help=folder)


def workflow_folder() -> Path:
    """Folder of the workflow's Snakefile: in an installed package, or the root of a checkout.

    Raises DataError if there is none, as where only src/ssn3d was copied.
    """
    from ssn3d.core.errors import DataError

    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_repository", package.parents[1]):
        if (folder / "Snakefile").exists() and (folder / "workflow").exists():
            return folder
    raise DataError(f"{package}: the workflow is missing; install ssn3d again")


def run(arguments: argparse.Namespace) -> None:
    import shutil

    from ssn3d.core.errors import DataError, write_error

    source, folder = workflow_folder(), Path(arguments.folder)
    for name in ("Snakefile", *_COPIED):
        if (folder / name).exists():
            raise DataError(f"{folder / name}: exists already; give another folder")
    try:
        for name in _COPIED:
            copy = shutil.copytree if (source / name).is_dir() else shutil.copyfile
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            copy(source / name, folder / name)
        (folder / "Snakefile").write_text(_SNAKEFILE, encoding="utf-8")
    except OSError as error:
        raise write_error(folder, error) from error
    print(f"{folder}: Snakefile, config.yaml, and ready-made configurations in config")
    print(f"cd {folder} && snakemake --cores all --configfile config/demo.yaml")
