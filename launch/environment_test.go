package launch

import (
	goruntime "runtime"
	"testing"
)

// settings is an environment.
type settings map[string]string

func (s settings) lookup(name string) (string, bool) {
	text, ok := s[name]
	return text, ok
}

func TestReadEnvironment(t *testing.T) {
	for _, c := range []struct {
		rule string
		env  settings
		want environment
	}{
		{"no launcher is one process", settings{}, environment{nodeRanks: 1}},
		{"Open MPI says all", settings{"OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_LOCAL_SIZE": "4"},
			environment{ranks: 8, rank: 3, nodeRanks: 4}},
		{"Open MPI without the node is one node", settings{"OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_RANK": "3"},
			environment{ranks: 8, rank: 3, nodeRanks: 8}},
		{"Slurm spreads ranks over nodes", settings{"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_STEP_NUM_NODES": "2"},
			environment{ranks: 8, rank: 5, nodeRanks: 4}},
		{"Slurm's fullest node counts", settings{"SLURM_STEP_NUM_TASKS": "7", "SLURM_PROCID": "5", "SLURM_STEP_NUM_NODES": "3"},
			environment{ranks: 7, rank: 5, nodeRanks: 3}},
		{"Slurm's fullest node counts where it says how full", settings{"SLURM_STEP_NUM_TASKS": "9", "SLURM_PROCID": "8", "SLURM_STEP_NUM_NODES": "3", "SLURM_STEP_TASKS_PER_NODE": "1,5,3"},
			environment{ranks: 9, rank: 8, nodeRanks: 5}},
		{"nodes that are alike are written once", settings{"SLURM_STEP_NUM_TASKS": "14", "SLURM_STEP_NUM_NODES": "4", "SLURM_STEP_TASKS_PER_NODE": "2,4(x3)"},
			environment{ranks: 14, nodeRanks: 4}},
		{"what is no list of tasks is not there", settings{"SLURM_STEP_NUM_TASKS": "9", "SLURM_STEP_NUM_NODES": "3", "SLURM_STEP_TASKS_PER_NODE": "7,x"},
			environment{ranks: 9, nodeRanks: 3}},
		{"Slurm without nodes is one node", settings{"SLURM_STEP_NUM_TASKS": "7", "SLURM_PROCID": "5"},
			environment{ranks: 7, rank: 5, nodeRanks: 7}},
		{"mpirun within a Slurm step is mpirun", settings{
			"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
			"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0", "SLURM_STEP_NUM_NODES": "1",
		}, environment{ranks: 4, rank: 2, nodeRanks: 2}},
		{"what is no number is not there", settings{"OMPI_COMM_WORLD_SIZE": "many", "SLURM_STEP_NUM_TASKS": "3"},
			environment{ranks: 3, nodeRanks: 3}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := readEnvironment(c.env.lookup); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestThreads(t *testing.T) {
	mine := goruntime.NumCPU()
	for _, c := range []struct {
		rule      string
		nodeRanks int
		env       settings
		want      int
	}{
		{"one rank has the cores it is bound to", 1, nil, mine},
		{"a rank on a crowded node has one", onlineCores() + 1, nil, 1},
		{"a rank has its share", 2, nil, max(1, min(mine, onlineCores()/2))},
		{"OMP_NUM_THREADS decides", 1, settings{"OMP_NUM_THREADS": "7"}, 7},
		{"OMP_NUM_THREADS is not absurd", 1, settings{"OMP_NUM_THREADS": "1000000"}, mine},
		{"OMP_NUM_THREADS decides on a crowded node", onlineCores() + 1, settings{"OMP_NUM_THREADS": "3"}, 3},
		{"no threads is not a number of threads", 1, settings{"OMP_NUM_THREADS": "0"}, mine},
		{"a word is not a number of threads", 1, settings{"OMP_NUM_THREADS": "all"}, mine},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := (environment{nodeRanks: c.nodeRanks}).threads(c.env.lookup); got != c.want {
				t.Errorf("%d threads, want %d", got, c.want)
			}
		})
	}
}

// Ranks that share cores have to leave them to each other while they wait.
func TestTurns(t *testing.T) {
	cores := onlineCores()
	if cores < goruntime.NumCPU() {
		t.Errorf("%d cores online, this process may use %d", cores, goruntime.NumCPU())
	}
	for _, c := range []struct{ ranks, want int }{{1, 1}, {cores, 1}, {cores + 1, 2}, {2 * cores, 2}, {32 * cores, 32}} {
		if got := (environment{nodeRanks: c.ranks}).turns(); got != c.want {
			t.Errorf("%d ranks on %d cores: %d of them share one, want %d", c.ranks, cores, got, c.want)
		}
	}
}
