package launch

import (
	"os"
	goruntime "runtime"
	"strconv"
	"strings"

	"capmoe/runtime"
)

// environment is what a launcher tells the processes it starts.
type environment struct {
	ranks     int // world size, 0 if no launcher started this process
	rank      int
	nodeRanks int // ranks on this node; under Slurm on the fullest
}

// readEnvironment understands Open MPI's mpirun and Slurm's srun.
func readEnvironment(lookup func(string) (string, bool)) environment {
	number := func(names ...string) int {
		for _, name := range names {
			if text, ok := lookup(name); ok {
				if n, err := strconv.Atoi(text); err == nil {
					return n
				}
			}
		}
		return 0
	}
	env := environment{
		ranks:     number("OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"),
		rank:      number("OMPI_COMM_WORLD_RANK", "SLURM_PROCID"),
		nodeRanks: number("OMPI_COMM_WORLD_LOCAL_SIZE"),
	}
	if env.nodeRanks == 0 {
		env.nodeRanks = max(1, env.ranks)
		if nodes := number("SLURM_STEP_NUM_NODES"); nodes > 0 {
			env.nodeRanks = (env.ranks + nodes - 1) / nodes
		}
		tasks, _ := lookup("SLURM_STEP_TASKS_PER_NODE")
		env.nodeRanks = max(env.nodeRanks, mostTasks(tasks))
	}
	return env
}

// mostTasks is the most of what Slurm writes as "5,4(x3)": 5 tasks on a node, 4 on each of three; 0 of what is no such list.
func mostTasks(list string) (most int) {
	for node := range strings.SplitSeq(list, ",") {
		tasks, _, _ := strings.Cut(node, "(")
		n, err := strconv.Atoi(tasks)
		if err != nil {
			return 0
		}
		most = max(most, n)
	}
	return most
}

// turns is how many ranks of the node share a core: 1 where each has one of its own.
func (e environment) turns() int {
	cores := onlineCores()
	return (e.nodeRanks + cores - 1) / cores
}

// threads is the compute threads of this rank: its share of the node's cores, at most
// the cores it is bound to, at least one. OMP_NUM_THREADS says otherwise, if it is a number
// of threads that a rank may have.
func (e environment) threads(lookup func(string) (string, bool)) int {
	if text, ok := lookup("OMP_NUM_THREADS"); ok {
		if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= runtime.MostThreads {
			return n
		}
	}
	return max(1, min(goruntime.NumCPU(), onlineCores()/e.nodeRanks))
}

// onlineCores counts the processors of the node, bound to or not.
func onlineCores() int {
	entries, err := os.ReadDir("/sys/devices/system/cpu")
	if err != nil {
		return goruntime.NumCPU()
	}
	cores := 0
	for _, entry := range entries {
		var n int
		if n, err = strconv.Atoi(trimPrefix(entry.Name(), "cpu")); err == nil && n >= 0 {
			cores++
		}
	}
	return max(cores, goruntime.NumCPU())
}

func trimPrefix(name, prefix string) string {
	if len(name) <= len(prefix) || name[:len(prefix)] != prefix {
		return ""
	}
	return name[len(prefix):]
}
