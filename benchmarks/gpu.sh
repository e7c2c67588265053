#!/usr/bin/env bash
# All that a GPU is to show, with one command: its tests, the demo, speeds, and Tables 2 and 3 with the
# paper's own schedule. Writes gpu.json (docs/how-to/environments.md).
#
#   benchmarks/gpu.sh                            on the GPUs that torch sees
#   benchmarks/gpu.sh --structures FOLDER        coordinate files; bead models stand in for the rest
#   benchmarks/gpu.sh --device cpu --small       a few minutes without a GPU: the script itself works
#
# Further options: --folder FOLDER for everything that is written (results/gpu), --cores N (all). PYTHON
# names the interpreter. The same command again resumes: finished steps are skipped.
set -euom pipefail # m: each step is a process group, which ends as a whole

die() { echo "error: $*" >&2 && exit 2; }

device=cuda small="" structures="" cores=all folder=results/gpu
while (($#)); do
  case $1 in
    --small) small=yes && shift ;;
    --device | --structures | --cores | --folder)
      (($# > 1)) || die "$1: no value given"
      declare "${1#--}=$2" && shift 2 ;;
    *) die "$1: unknown; options are --structures, --device, --small, --folder and --cores" ;;
  esac
done
[[ $device == cuda || $device == cpu ]] || die "--device: $device must be cuda or cpu"
[[ -z $structures || -d $structures ]] || die "--structures: no folder $structures"
[[ -z $structures ]] || structures=$(realpath "$structures")
mkdir -p "$folder" && folder=$(realpath "$folder")
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH}
exec 9>"$folder/lock" # jobs inherit it, and may outlive this script
flock --nonblock 9 || die "$folder: jobs of an earlier run are still busy there; wait, or end them"

report() { "$python" benchmarks/gpu_report.py "$@" "$folder" --device "$device"; }
gpus=$(report --check) || exit 2

failed=()
pid=""
stop() { # and what has been started, before the same command may resume
  [[ -z $pid ]] || while kill -- "-$pid" 2>/dev/null; do sleep 1; done
  echo "stopped; the same command resumes" >&2 && exit 130
}
trap stop INT TERM

# A name and a command: run once, with a log, and the seconds of all attempts.
step() {
  local name=$1 before started=$SECONDS
  if [[ -e $folder/$name.done ]]; then
    echo "$name: finished before"
    return
  fi
  before=$(cat "$folder/$name.seconds" 2>/dev/null || echo 0)
  echo "$name: $folder/$name.log"
  "${@:2}" </dev/null >>"$folder/$name.log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    echo $((before + SECONDS - started)) >"$folder/$name.seconds"
  done
  if wait "$pid"; then touch "$folder/$name.done"; else failed+=("$name"); fi
  pid=""
}

# Trainings share a GPU, three at a time, since one leaves it idle between epochs. As a resource, so that
# those that wait hold no cores.
sharing=()
((gpus == 0)) || sharing=(--resources "gpu=$((3 * gpus))" --set-resources {train,evaluate}_network:gpu=1)
{
  echo "trainings_per_gpu: 3"
  [[ $device == cuda ]] || echo -e "microscope: {device: cpu}\ntraining: {device: cpu}"
  [[ -z $small ]] || cat <<'SMALL'
tomograms: 1
snr: {datasets: [{name: high, snr: 0.2}]}
tables:
  table2: [{method: SSN3D-ED, dataset: high}]
  table3: {method: SSN3D-ED, dataset: high, leave_out: [2GLS]}
SMALL
} >"$folder/run.yaml"
if [[ -n $structures ]]; then
  echo "structures: {source: folder, folder: '$structures', allow_surrogates: true, biological_ids: [1KP8]}"
else
  echo "structures: {source: surrogate}"
fi >"$folder/structures.yaml"

# The folder of the results, configuration files, and what else Snakemake is told.
workflow() {
  local in=$folder/$1
  mkdir -p "$in"
  [[ -z $small ]] || printf '1KP8\n2GLS\n1W6T\n' >"$in/ids.txt"
  local run=("$python" -m snakemake --cores "$cores" --directory "$in" "${sharing[@]}")
  "${run[@]}" --unlock --configfile "${@:2}" # nobody is at work there, or this script would not be
  "${run[@]}" --configfile "${@:2}"
}
demo() {
  workflow demo "$demo" "$folder/run.yaml"
  workflow demo "$demo" "$folder/run.yaml" --report results/report.html --quiet all
}

if [[ -z $small ]]; then
  demo=config/demo.yaml tables=("$folder/structures.yaml" "$folder/run.yaml")
  training=(--epochs 3) tomogram=()
else # three structures, 25 subtomograms
  demo=tests/workflow/small.yaml tables=(tests/workflow/small.yaml "$folder/run.yaml")
  training=(--epochs 1 --size-voxels 16 --subtomograms 260 --rounds 1) tomogram=(--scale 0.4)
fi
[[ -z $structures ]] || tomogram+=(--folder "$structures")

if [[ $device == cuda ]]; then
  step tests "$python" -m pytest -m gpu -p no:cacheprovider
else
  echo "tests: not applicable without a GPU"
fi
step demo demo
for network in SSN3D-ED SSN3D-v1 SSN3D-v2 UNet; do
  step "training_$network" "$python" benchmarks/training.py --network "$network" --device "$device" "${training[@]}"
done
step tomogram "$python" benchmarks/tomogram.py --no-peers --device "$device" "${tomogram[@]}"
step tables workflow tables "${tables[@]}" -- results/tables/table{2,3}.csv
report
((${#failed[@]} == 0)) || { echo "failed, see the logs: ${failed[*]}" >&2 && exit 1; }
