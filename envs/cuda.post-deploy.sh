# Snakemake runs this where it has made the environment: a torch without CUDA is refused at once, not
# when the first job asks for a GPU.
python -c '
import sys, torch
if torch.version.cuda is None:
    sys.exit(f"torch {torch.__version__} in this environment is built without CUDA; install it from "
             "an index of CUDA builds (docs/how-to/environments.md), or set device: cpu")
'
