#!/usr/bin/env bash
# A Slurm cluster that is this machine, for the tests marked slurm:
#   tests/slurm/one_node_slurm.sh start
#   tests/slurm/one_node_slurm.sh stop
# Debian (or Ubuntu), as root; what is missing of slurmctld, slurmd, slurm-client and munge is
# installed and stays. No systemd, no accounting database, no cgroups: jobs that take more time or
# memory than they asked for are ended all the same. The GPU is pretended: no device is there.
set -euo pipefail

CONFIG=/etc/slurm
RUN=/run/one-node-slurm
MARK="# Written by tests/slurm/one_node_slurm.sh, and removed by its stop."
NODE=$(hostname -s)

refuse() { echo "one_node_slurm.sh: $1" >&2; exit 1; }

wait_for() { # what is wrong without it, how many seconds, command
  local what=$1 until=$((SECONDS + $2)); shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < until)) || { tail -n 20 "$RUN"/*.log >&2 || true; refuse "$what"; }
    sleep 0.1
  done
}

answers() { munge -n | unmunge; }
idle() { [ "$(timeout 5 sinfo -h -o %T)" = idle ]; }
jobless() { [ -z "$(timeout 5 squeue -h)" ]; }
gone() { ! kill -0 "$1"; }
is_up() { kill -0 "$(cat "$RUN/slurmctld.pid" 2>/dev/null)" 2>/dev/null; }

install_packages() {
  type slurmctld slurmd sbatch munged >/dev/null 2>&1 && return
  command -v apt-get >/dev/null || refuse "Slurm is not installed, and there is no apt-get to install it with"
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends slurmctld slurmd slurm-client munge) >/dev/null ||
    refuse "apt-get could not install slurmctld, slurmd, slurm-client and munge"
}

configure() {
  local memory_mb=$(($(awk '/MemTotal/ {print $2}' /proc/meminfo) / 1024 - 500))
  mkdir -p "$CONFIG" "$RUN"/{state,spool}
  echo "$MARK
NodeName=$NODE Name=gpu File=/dev/null" >"$CONFIG/gres.conf"
  echo "$MARK
ClusterName=one-node
SlurmctldHost=$NODE(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$RUN/state
SlurmdSpoolDir=$RUN/spool
SlurmctldPidFile=$RUN/slurmctld.pid
SlurmdPidFile=$RUN/slurmd.pid
SlurmctldLogFile=$RUN/slurmctld.log
SlurmdLogFile=$RUN/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
KillWait=5
MinJobAge=3600
ReturnToService=2
GresTypes=gpu
NodeName=$NODE NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory_mb Gres=gpu:1
PartitionName=main Nodes=$NODE Default=YES MaxTime=INFINITE State=UP" >"$CONFIG/slurm.conf"
}

start() {
  ! is_up || refuse "it is up already; nothing was changed"
  install_packages
  if [ -e "$CONFIG/slurm.conf" ] && ! grep -qxF "$MARK" "$CONFIG/slurm.conf"; then
    refuse "$CONFIG/slurm.conf is another cluster's; nothing was changed"
  fi
  stop            # what a killed one left behind
  trap stop EXIT  # a start that fails leaves nothing behind
  configure
  answers >/dev/null 2>&1 || {
    install -d -o munge -g munge /run/munge
    runuser -u munge -- munged --force
    wait_for "munge does not answer" 10 answers
    cp /run/munge/munged.pid "$RUN/munged.pid"
  }
  slurmctld
  slurmd -N "$NODE"
  wait_for "the node did not become idle" 60 idle
  trap - EXIT
  sinfo -h -N -o "%N is a Slurm cluster: %c cores, %m MB, %G, %T"
}

# Ends what start started, and nothing else.
stop() {
  [ -d "$RUN" ] || return 0
  if is_up; then
    squeue -h -o %A | xargs --no-run-if-empty scancel
    wait_for "jobs do not end" 60 jobless
  fi
  local name pid
  for name in slurmd slurmctld munged; do
    pid=$(cat "$RUN/$name.pid" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || continue
    wait_for "$name does not end" 30 gone "$pid"
  done
  rm -rf "$RUN" "$CONFIG/slurm.conf" "$CONFIG/gres.conf"
}

[ "$(id -u)" = 0 ] || refuse "only root can start and stop Slurm's daemons"
case "${1:-}" in
  start | stop) "$1" ;;
  *) refuse "start or stop?" ;;
esac
