// SPDX-License-Identifier: Apache-2.0

package dataset

import "time"

// An Outcome is how a run ended.
type Outcome string

// The outcomes. Only runs that are OK enter a statistic; the others stay in
// the dataset so that nothing is dropped in silence.
const (
	OK       Outcome = "ok"
	Failed   Outcome = "failed"   // no measurement: the server did not start, the load could not be made
	Rejected Outcome = "rejected" // measured, but a self-check forbids its use
)

// A Run is one row of runs.parquet: one cell of the design in one block, with
// a fresh server. The run, not the request, is the unit of replication.
type Run struct {
	Run     string `parquet:"run,dict" doc:"name of the run, unique in the dataset"`
	Block   int32  `parquet:"block,delta" doc:"block of the randomised complete block design, from 0"`
	Order   int32  `parquet:"order,delta" doc:"place in the block's random order, from 0"`
	Attempt int32  `parquet:"attempt" doc:"1, or more where earlier attempts at the cell failed"`
	Seed    int64  `parquet:"seed" doc:"seed of the run: arrivals and, in virtual time, the guest"`

	Tier     string `parquet:"tier,dict" doc:"the server as figures label it: the tier's name, or the plan's own label for changed options"`
	Server   string `parquet:"server,dict" doc:"name of the tier file"`
	Boundary string `parquet:"boundary,dict" enum:"user,kernel,bypass" doc:"what answers: a process on the kernel's sockets, the kernel, or a process that bypasses it; empty for the load generator alone"`
	Options  string `parquet:"options,dict" doc:"the tier's tunables as JSON"`
	Config   string `parquet:"config,dict" doc:"SHA-256 of command line, environment and configuration files"`

	Testbed    string `parquet:"testbed,dict" enum:"netns,vm,pair,sriov" doc:"the testbed; empty for the load generator alone"`
	Wire       string `parquet:"wire,dict" doc:"what joins client and server"`
	Clock      string `parquet:"clock,dict" enum:"real,virtual" doc:"virtual: time counts guest instructions"`
	Image      string `parquet:"image,dict" doc:"SHA-256 of the guest's image; empty outside of a guest"`
	Emulator   string `parquet:"emulator,dict" doc:"version of the emulator; empty outside of a guest"`
	Kernel     string `parquet:"kernel,dict" doc:"release of the kernel that the server ran on"`
	Steering   string `parquet:"steering,dict" enum:"owner,sender" doc:"whose CPU handles the frames that an end receives: its own, or the one that sent them; empty where the ports' interrupts decide, and in datasets before 2.0, where it was the sender's"`
	Congestion string `parquet:"congestion,dict" doc:"TCP congestion control of the kernel's stack"`
	Version    string `parquet:"version,dict" doc:"version of the project that collected the run"`

	File        string  `parquet:"file,dict" doc:"the file asked for, without its slash"`
	FileBytes   int64   `parquet:"file_bytes" unit:"B" doc:"its length"`
	Loop        string  `parquet:"loop,dict" enum:"closed,open" doc:"closed: a connection's next request follows its last response; open: requests are due whatever the responses"`
	Load        string  `parquet:"load,dict" pattern:"^(c[0-9]+|r[0-9.e+-]+|o[0-9.e+-]+)t?$" doc:"label of the load: c and the connections of a closed loop; r and the requests per second, or o and the percentage of the tier's capacity, of an open loop; t behind it: traced"`
	Connections int32   `parquet:"connections" doc:"keep-alive connections asked for"`
	Rate        float64 `parquet:"rate_per_s" unit:"1/s" doc:"offered rate of an open loop; 0 in a closed loop"`
	Arrivals    string  `parquet:"arrivals,dict" enum:"poisson,fixed,trace" doc:"how an open loop's arrivals are drawn; empty in a closed loop"`
	Mode        string  `parquet:"mode,dict" enum:"hybrid,spin,block,tick" doc:"how the client waits for responses: it spins, then blocks; spins; blocks; or, in virtual time, sleeps for ticks"`
	Client      string  `parquet:"client,dict" enum:"sockets,frames" doc:"what made the load: the load generator on the kernel's sockets, or a TCP/IP stack in user space on the port itself; empty in datasets before 2.0, where it was sockets in sweeps"`
	Workers     int32   `parquet:"workers" doc:"the client's worker processes"`
	Traced      bool    `parquet:"traced" doc:"the stage tracer was on: not to be compared with runs without"`

	StartUnixNs int64 `parquet:"start_unix_ns" unit:"ns" doc:"wall-clock time of the start, since 1970"`
	OriginNs    int64 `parquet:"origin_ns" unit:"ns" doc:"CLOCK_MONOTONIC at the run's origin; add it to a request's times"`
	WarmUpNs    int64 `parquet:"warmup_ns" unit:"ns" doc:"length of the warm-up, whose requests are flagged"`
	DurationNs  int64 `parquet:"duration_ns" unit:"ns" doc:"length asked for, after the warm-up"`
	ElapsedNs   int64 `parquet:"elapsed_ns" unit:"ns" doc:"length measured, after the warm-up"`

	Outcome Outcome `parquet:"outcome,dict" enum:"ok,failed,rejected" doc:"ok; failed: no measurement; rejected: measured, but a self-check forbids its use"`
	Error   string  `parquet:"error,dict" doc:"why it failed or was rejected"`
	Marks   string  `parquet:"marks,dict" doc:"warnings by the self-checks, separated by spaces"`

	Requests   int64   `parquet:"requests" doc:"requests answered as demanded after the warm-up"`
	Failures   int64   `parquet:"failures" doc:"requests not answered as demanded after the warm-up, all kinds"`
	ByFailure  string  `parquet:"by_failure,dict" doc:"number of failures of each kind as JSON, warm-up included"`
	Opened     int32   `parquet:"opened" doc:"connections opened at the start"`
	Reconnects int32   `parquet:"reconnects" doc:"connections opened in place of lost ones"`
	Throughput float64 `parquet:"throughput_per_s" unit:"1/s" doc:"requests that ended within the measured part / elapsed; requests counts those due within it"`
	MeanNs     float64 `parquet:"mean_ns" unit:"ns" doc:"mean response time of the requests due in the measured part and answered as demanded; it lacks waits that wait_ns has"`
	WaitNs     float64 `parquet:"wait_ns" unit:"ns" doc:"mean response time by Little's law: time waited within the measured part / responses as demanded within it; 0 in datasets before 2.0"`
	P50Ns      int64   `parquet:"p50_ns" unit:"ns" doc:"median response time, nearest rank; requests that were never answered are longer than any that was (see bounds)"`
	P90Ns      int64   `parquet:"p90_ns" unit:"ns" doc:"90th percentile of the response time, nearest rank"`
	P99Ns      int64   `parquet:"p99_ns" unit:"ns" doc:"99th percentile of the response time, nearest rank"`
	MaxNs      int64   `parquet:"max_ns" unit:"ns" doc:"longest response time"`
	Bounds     string  `parquet:"bounds,dict" doc:"which of wait, p50, p90, p99 … are lower bounds, since they include requests that were never answered; separated by spaces"`

	Little       float64 `parquet:"little" doc:"datasets before 2.0: throughput x mean service time / time-average of requests in flight"`
	Occupancy    float64 `parquet:"occupancy" doc:"closed loop: time-average of requests outstanding / connections, at most 1; below 0.97 connections were idle. Datasets before 2.0: throughput x mean service time / connections"`
	Silent       int32   `parquet:"silent" doc:"connections without a response in the measured part"`
	LostTime     float64 `parquet:"lost_time" doc:"share of the time in flight that belongs to requests that were never answered"`
	LateNs       float64 `parquet:"late_ns" unit:"ns" doc:"mean delay of a send by the client itself"`
	LateP99Ns    int64   `parquet:"late_p99_ns" unit:"ns" doc:"99th percentile of that delay"`
	Adherence    float64 `parquet:"adherence" doc:"share of an open loop's requests that were sent before the end of the run; 1 in a closed loop"`
	NullRate     float64 `parquet:"null_rate_per_s" unit:"1/s" doc:"the client's own ceiling at this load: its rate against a null server; 0 where not measured"`
	ClientCPU    int64   `parquet:"client_cpu_ns" unit:"ns" doc:"CPU time of the client's process after the warm-up"`
	ServerCPU    int64   `parquet:"server_cpu_ns" unit:"ns" doc:"CPU time of the server's processes and their threads in the measured part; datasets before 2.0: warm-up included, in steps of 10 ms"`
	ServerBusy   int64   `parquet:"server_busy_ns" unit:"ns" doc:"time the server's CPUs were not idle in the measured part, whoever used them, in steps of 10 ms; datasets before 2.0: warm-up included"`
	ServerKernel int64   `parquet:"server_kernel_ns" unit:"ns" doc:"of that in interrupts and softirqs"`
	ServerNAPI   int64   `parquet:"server_napi_ns" unit:"ns" doc:"CPU time of the kernel threads that received for the server in the measured part, on its CPU; neither in server_cpu_ns nor in server_kernel_ns"`
	ClientKernel int64   `parquet:"client_kernel_ns" unit:"ns" doc:"time of the client's CPU in interrupts and softirqs in the measured part, in steps of 10 ms"`
	ServerFrames int64   `parquet:"server_frames" doc:"frames that the server's port received, warm-up included"`
	ServerOwn    int64   `parquet:"server_own_frames" doc:"frames that the network stack handled on the server's CPU meanwhile, whichever port they came in by"`
	ClientFrames int64   `parquet:"client_frames" doc:"frames that the client's port received, warm-up included"`
	ClientOwn    int64   `parquet:"client_own_frames" doc:"frames that the network stack handled on the client's CPU meanwhile, whichever port they came in by"`
	Steal        int64   `parquet:"steal_ns" unit:"ns" doc:"time stolen from client's and server's CPUs by the hypervisor"`
	WireBytes    int64   `parquet:"wire_bytes" unit:"B" doc:"bytes through the server's port, both ways, warm-up included"`
	Retransmit   int64   `parquet:"retransmits" doc:"segments sent again by the kernel's stacks of both ends"`
	JitterP99    int64   `parquet:"jitter_p99_ns" unit:"ns" doc:"99th percentile of the gaps over 1 us in a spinning thread on the client's CPU just before the run"`
	JitterMax    int64   `parquet:"jitter_max_ns" unit:"ns" doc:"longest of these gaps"`
	JitterRate   float64 `parquet:"jitter_per_s" unit:"1/s" doc:"gaps over 1 us in each second"`
	Load1        float64 `parquet:"load1" doc:"the machine's load average over one minute just before the run"`
	FreqMHz      float64 `parquet:"cpu_mhz" unit:"MHz" doc:"frequency of the server's CPU just before the run, 0 where the machine does not tell"`
	Answered     string  `parquet:"answered,dict" doc:"the server's own counters as JSON, where it has any"`
	Trace        string  `parquet:"trace,dict" pattern:"^(tracepoints|module|server|sockops|stamps|wall)?$" doc:"source of the server-side times of a traced run: tracepoints, module (tracepoints and the kernel module's own), server (its own stamps), sockops, stamps (the client's receive stamps alone) or wall (none); the best that was available"`
	Stages       int64   `parquet:"stages" doc:"requests joined with server-side times"`
	Unjoined     int64   `parquet:"unjoined" doc:"answered requests of a traced run without server-side times"`
	Outside      int64   `parquet:"outside" doc:"server-side records of no request of the run: readiness probes, times before the request was sent"`
	Disordered   int64   `parquet:"disordered" doc:"server-side points out of order, taken out so that stages sum to the latency"`
	Lost         int64   `parquet:"lost" doc:"server-side records for which the tracer had no room"`
}

// Duration is how long the run was asked to last after its warm-up.
func (r *Run) Duration() time.Duration { return time.Duration(r.DurationNs) }

// RequestsFile is the path of the run's requests, relative to the dataset. A
// run that failed has none.
func (r *Run) RequestsFile() string {
	return partition("requests", r)
}

// StagesFile is the path of the run's stages, relative to the dataset.
func (r *Run) StagesFile() string { return partition("stages", r) }
