#!/usr/bin/env bash
# All that a GPU is to show, most important first: its tests, speeds, Tables 2 and 3 with the paper's own
# schedule, the models of the package. After each step FOLDER/gpu.json has all results so far, and
# FOLDER/gpu.tgz all small files (docs/how-to/environments.md).
#
#   benchmarks/gpu.sh --minutes 5.5              on the GPU that torch sees; a second time for the rest
#   benchmarks/gpu.sh --structures COORDINATES   coordinate files; bead models stand in for the rest
#   benchmarks/gpu.sh --device cpu --small       some minutes without a GPU, for a trial: cpu.json, cpu.tgz
#
# Further options: --folder FOLDER for the results (results/gpu), --scratch FOLDER for large files
# (FOLDER/scratch), --resume FILE: the gpu.tgz of an earlier run. PYTHON names the interpreter. The same
# command again skips finished steps and goes on with the others.
set -euo pipefail

die() { echo "error: $*" >&2 && exit 2; }

device=cuda small="" structures="" folder=results/gpu scratch="" resume="" minutes=60
while (($#)); do
  case $1 in
    --small) small=yes && shift ;;
    --device | --structures | --folder | --scratch | --resume | --minutes)
      (($# > 1)) || die "$1: no value given"
      declare "${1#--}=$2" && shift 2 ;;
    *) die "$1: unknown; options are --minutes, --folder, --scratch, --resume, --structures, --device and --small" ;;
  esac
done
[[ $device == cuda || $device == cpu ]] || die "--device: $device must be cuda or cpu"
[[ -z $structures || -d $structures ]] || die "--structures: no folder $structures"
[[ -z $structures ]] || structures=$(realpath "$structures")
[[ -z $resume || -f $resume ]] || die "--resume: no file $resume"
[[ $minutes =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "--minutes: $minutes is not a number"
mkdir -p "$folder" "${scratch:=$folder/scratch}"
folder=$(realpath "$folder") scratch=$(realpath "$scratch")
[[ -z $resume ]] || tar -xzf "$resume" -C "$folder"
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
exec 9>"$scratch/lock" # steps inherit it, and may outlive this script
flock --nonblock 9 || die "$scratch: steps of an earlier run are still busy there; wait, or end them"

name=gpu
[[ $device == cuda ]] || name=cpu
deadline=$((SECONDS + $("$python" -c "print(round(60 * $minutes))")))
"$python" benchmarks/gpu_report.py "$folder" --device "$device" --check || exit 2
report() {
  "$python" benchmarks/gpu_report.py "$folder" --device "$device"
  # made elsewhere: tar fails if the folder changes while it reads it
  tar -czf "$scratch/$name.tgz" -C "$folder" --exclude "$name.tgz" --exclude "./${scratch#"$folder"/}" .
  mv "$scratch/$name.tgz" "$folder/$name.tgz"
}

unfinished=()
pid=""
stop() { # also what has been started, before the same command may go on
  [[ -z $pid ]] || { kill "$pid" && wait "$pid"; } || true
  report || true
  echo "stopped; the same command resumes" >&2 && exit 130
}
trap stop INT TERM

# A name, a limit in seconds and a command: run to its end once, with a log, and the seconds of all attempts.
step() {
  local step=$1 limit=$2 left=$((deadline - SECONDS - 5)) started=$SECONDS before status=0
  [[ ! -e $folder/$step.done ]] || { echo "$step: finished before" && return; }
  ((limit < left)) || limit=$left
  ((limit > 0)) || { unfinished+=("$step: no time left") && return; }
  before=$(cat "$folder/$step.seconds" 2>/dev/null || echo 0)
  echo "$step: at most $limit s; $folder/$step.log"
  # timeout makes the step a process group, which ends as a whole
  timeout --kill-after=5 "$limit" "${@:3}" </dev/null >>"$folder/$step.log" 2>&1 &
  pid=$!
  wait "$pid" || status=$?
  pid=""
  echo $((before + SECONDS - started)) >"$folder/$step.seconds"
  case $status in
    0) touch "$folder/$step.done" ;;
    124 | 137) unfinished+=("$step: over $limit s") ;;
    *) unfinished+=("$step: failed, see $folder/$step.log") ;;
  esac
  report || unfinished+=("report after $step")
}

rows=(--scratch "$scratch" --device "$device")
if [[ -z $small ]]; then
  training=(--epochs 3) tomogram=() tables=(config.yaml) models=(config.yaml config/models.yaml)
  model=ResUNet/A+B+C+D/random
else # three structures, 25 subtomograms of each tomogram
  printf '1KP8\n2GLS\n1W6T\n' >"$scratch/ids.txt"
  sed "s|ids.txt|$scratch/ids.txt|" tests/workflow/small.yaml >"$scratch/small.yaml"
  training=(--epochs 1 --size-voxels 8 --subtomograms 260 --rounds 1 --matrix 512) tomogram=(--scale 0.4)
  tables=(config.yaml "$scratch/small.yaml") models=(config.yaml config/models.yaml "$scratch/small.yaml")
  model=ResUNet/high+low/random
fi
[[ -z $structures ]] || tomogram+=(--folder "$structures") rows+=(--structures "$structures")
speed() {
  step "training_$1" 60 "$python" benchmarks/training.py --network "$1" --device "$device" \
    --data "$scratch/made_up" "${training[@]}"
}

if [[ $device == cuda ]]; then
  mapfile -t files < <("$python" benchmarks/gpu_report.py "$folder" --device "$device" --test-files)
  # Warnings are errors for the versions in requirements-dev.lock; here may be others.
  step tests 150 "$python" -m pytest -m gpu -p no:cacheprovider -W default "${files[@]}"
else
  echo "tests: not applicable without a GPU"
fi
speed SSN3D-ED
step tomogram 90 "$python" benchmarks/tomogram.py --no-peers --device "$device" "${tomogram[@]}"
for network in SSN3D-v1 SSN3D-v2 UNet; do speed "$network"; done
step tables 3600 "$python" benchmarks/train_rows.py "$folder/tables" "${rows[@]}" --config "${tables[@]}"
step models 3600 "$python" benchmarks/train_rows.py "$folder/models" "${rows[@]}" --config "${models[@]}" \
  --runs "$model" --weights
report
[[ $device == cuda ]] || echo "ran on a CPU: a trial of this script, no result of a GPU"
((${#unfinished[@]} == 0)) || { printf 'unfinished: %s\n' "${unfinished[@]}" >&2 && exit 1; }
