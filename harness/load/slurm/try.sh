#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tries load.sbatch on one machine: Slurm's controller, a server and several client
# hosts, each in a network and UTS namespace of its own, on one bridge. It needs
# root and Debian's packages slurmctld, slurmd, slurm-client and munge.
#
#   harness/load/slurm/try.sh [HOSTS]
#
# It leaves the joined dataset in out/slurm and nothing else.
set -euo pipefail
cd "$(dirname "$0")/../../.."
hosts=${1:-3}
for program in slurmctld slurmd srun munged; do
	command -v $program >/dev/null || { echo "try.sh: no $program here: apt-get install slurmctld slurmd slurm-client munge" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo 'try.sh: run it as root: it makes network namespaces' >&2; exit 1; }

dir=$(mktemp -d)
chmod 755 "$dir"
pids=()
names=()
# shellcheck disable=SC2317 # called by the trap
finish() {
	status=$?
	trap - EXIT INT TERM
	if [ $status != 0 ]; then tail -n 20 "$dir"/*.log >&2 || true; fi
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	sleep 0.5
	for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
	for name in "${names[@]}"; do ip netns del "$name" 2>/dev/null || true; done
	rm -rf "$dir"
	exit $status
}
trap finish EXIT INT TERM

# One bridge in a namespace of its own, so that the machine's network is not touched.
hub="hub$$"
ip netns add "$hub"
names+=("$hub")
ip -n "$hub" link add br0 type bridge
ip -n "$hub" link set br0 up
join() { # NAME ADDRESS
	local ns="$1-$$"
	ip netns add "$ns"
	names+=("$ns")
	ip -n "$hub" link add "$1" type veth peer name eth0 netns "$ns"
	ip -n "$hub" link set "$1" master br0 up
	ip -n "$ns" addr add "$2/24" dev eth0
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 up
}
become() { # NAME COMMAND…: turns this shell into a command with the host's network and name
	local name=$1
	shift
	exec nsenter --net="/run/netns/$name-$$" unshare --uts sh -c 'hostname "$0" && exec "$@"' "$name" "$@"
}
in_host() { (become "$@"); }

join ctl 10.78.250.254
join server 10.78.250.253
nodes=''
for ((i = 0; i < hosts; i++)); do
	join "client$i" "10.78.250.$((i + 1))"
	mkdir "$dir/client$i"
	nodes+="NodeName=client$i NodeAddr=10.78.250.$((i + 1)) CPUs=1 RealMemory=512 State=UNKNOWN"$'\n'
done

head -c 1024 /dev/urandom >"$dir/munge.key"
mkdir "$dir/state" "$dir/munge"
chmod 400 "$dir/munge.key"
chmod 755 "$dir/munge"
munged --foreground --force --key-file="$dir/munge.key" --socket="$dir/munge/socket" --pid-file="$dir/munge/pid" \
	--log-file="$dir/munged.log" --seed-file="$dir/munge/seed" 2>>"$dir/munged.log" &
pids+=($!)

cat >"$dir/slurm.conf" <<CONF
ClusterName=try
SlurmctldHost=ctl(10.78.250.254)
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
SlurmUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd-%n.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/linear
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
ReturnToService=2
${nodes}PartitionName=all Nodes=ALL Default=YES MaxTime=5 State=UP
CONF
export SLURM_CONF="$dir/slurm.conf"

become ctl slurmctld -D -f "$SLURM_CONF" >"$dir/slurmctld.log" 2>&1 &
pids+=($!)
for ((i = 0; i < hosts; i++)); do
	become "client$i" slurmd -D -f "$SLURM_CONF" >"$dir/client$i.log" 2>&1 &
	pids+=($!)
done
# The server: any will do; this one needs no files, and ends with its input.
mkfifo "$dir/hold"
exec 9<>"$dir/hold"
become server bin/harness load-null '{"Addr":"10.78.250.253:8080","CPU":-1,"BodyLen":100,"Block":true}' <&9 >"$dir/server.log" 2>&1 &
pids+=($!)

for _ in $(seq 100); do
	if [ "$(in_host ctl sinfo -h -t idle -o %D 2>/dev/null)" = "$hosts" ]; then break; fi
	sleep 0.2
done
in_host ctl sinfo
mkdir -p out
rm -rf out/slurm out/slurm.parts out/slurm.partial
in_host ctl sbatch --wait --nodes="$hosts" --output="$dir/job.log" \
	--export="ALL,URL=http://10.78.250.253:8080/100,OUT=$PWD/out/slurm,CONNECTIONS=4,DURATION=2s,WARMUP=500ms,LEAD=6,FLAGS=--length=100" \
	harness/load/slurm/load.sbatch
cat "$dir/job.log"
