package launch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func hostfile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// The command line of each launcher, piece by piece.
func TestPlan(t *testing.T) {
	two := hostfile(t, "node01 slots=4\nnode02 slots=4\nnode03 slots=4\n")
	crowd := wholeCores() + 1
	for _, c := range []struct {
		rule string
		job  Job
		want string // of the command line; HOSTS stands for the hostfile
	}{
		{"mpirun starts ranks", Job{Launcher: MPIRun, Ranks: 1}, "mpirun -n 1 echo -n"},
		{"mpirun maps and binds", Job{Launcher: MPIRun, Ranks: 1, MapBy: "numa", BindTo: "core"}, "mpirun -n 1 --map-by numa --bind-to core echo -n"},
		{"mpirun gives ranks their threads", Job{Launcher: MPIRun, Ranks: 1, Threads: 1}, "mpirun -n 1 -x OMP_NUM_THREADS=1 echo -n"},
		{"mpirun reads the hostfile", Job{Launcher: MPIRun, Ranks: 8, Hostfile: two}, "mpirun -n 8 --hostfile HOSTS echo -n"},
		{"more ranks than slots share cores", Job{Launcher: MPIRun, Ranks: 13, Hostfile: two}, "mpirun -n 13 --hostfile HOSTS --oversubscribe --mca mpi_yield_when_idle 1 echo -n"},
		{"srun starts ranks", Job{Launcher: SRun, Ranks: 1}, "srun --ntasks=1 --mpi=pmix --kill-on-bad-exit=1 echo -n"},
		{"srun takes as many hosts as it needs", Job{Launcher: SRun, Ranks: 8, Hostfile: two}, "srun --ntasks=8 --mpi=pmix --kill-on-bad-exit=1 --nodes=2 --nodelist=node01,node02 echo -n"},
		{"srun takes all hosts, and shares cores", Job{Launcher: SRun, Ranks: 13, Hostfile: two}, "srun --ntasks=13 --mpi=pmix --kill-on-bad-exit=1 --nodes=3 --nodelist=node01,node02,node03 --overcommit echo -n"},
		{"srun maps, binds and gives threads", Job{Launcher: SRun, Ranks: 1, MapBy: "block", BindTo: "cores", Threads: 2, Hostfile: two},
			"srun --ntasks=1 --mpi=pmix --kill-on-bad-exit=1 --nodes=1 --nodelist=node01 --distribution=block --cpu-bind=cores --cpus-per-task=2 --export=ALL,OMP_NUM_THREADS=2 echo -n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			c.job.Command = []string{"echo", "-n"}
			p, err := c.job.Plan()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(strings.Join(p.Argv, " "), two, "HOSTS"); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
	p, err := Job{Launcher: MPIRun, Ranks: crowd, Command: []string{"true"}}.Plan()
	if err != nil || !p.Crowded || !slices.Contains(p.Argv, "--oversubscribe") {
		t.Errorf("%d ranks on %d cores: %+v, %v", crowd, wholeCores(), p, err)
	}
}

func TestPlanFaults(t *testing.T) {
	few := hostfile(t, "node01 max_slots=4\nnode02 max_slots=2\n")
	for _, c := range []struct {
		rule string
		job  Job
		want string
	}{
		{"ranks are not absurd", Job{Launcher: MPIRun, Ranks: 1_000_000_000, Command: []string{"true"}}, "launch: 1000000000 ranks, want at most 65536"},
		{"a job has ranks", Job{Launcher: MPIRun, Command: []string{"true"}}, "launch: 0 ranks"},
		{"a job has a command", Job{Launcher: MPIRun, Ranks: 2}, "no command to run on 2 ranks"},
		{"launchers are known", Job{Launcher: "rocket", Ranks: 2, Command: []string{"true"}}, `launcher "rocket", want mpirun or srun`},
		{"ranks keep to the most", Job{Launcher: MPIRun, Ranks: 7, Hostfile: few, Command: []string{"true"}}, "7 ranks, max_slots of all hosts is 6"},
		{"the hostfile is there", Job{Launcher: MPIRun, Ranks: 7, Hostfile: "/missing", Command: []string{"true"}}, "hostfile /missing"},
	} {
		if _, err := c.job.Plan(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.rule, err, c.want)
		}
	}
}

// Ranks crowd where they are more than the cores they have.
func TestCrowds(t *testing.T) {
	cores := wholeCores()
	for _, c := range []struct {
		rule           string
		ranks, threads int
		hosts          []Host
		env            settings
		want           bool
	}{
		{"a rank a core", cores, 1, nil, nil, false},
		{"more on this machine", cores + 1, 1, nil, nil, true},
		{"more threads on this machine", cores, 2, nil, nil, true},
		{"threads of ranks elsewhere have their slots", 8, 2, []Host{{"far1", 8, 0}}, nil, false},
		{"in an allocation its tasks count", cores + 7, 1, nil, settings{"SLURM_NTASKS": "64"}, false},
		{"more than the allocation", 65, 1, nil, settings{"SLURM_NTASKS": "64"}, true},
		{"a rank a slot", 8, 1, []Host{{"far1", 4, 0}, {"far2", 4, 0}}, nil, false},
		{"more than all slots", 9, 1, []Host{{"far1", 4, 0}, {"far2", 4, 0}}, nil, true},
		{"slots here are cores at most", cores + 1, 1, []Host{{"localhost", cores + 1, 0}}, nil, true},
	} {
		if got := (Job{Ranks: c.ranks, Threads: c.threads}).crowds(c.hosts, c.env.lookup); got != c.want {
			t.Errorf("%s: %v, want %v", c.rule, got, c.want)
		}
	}
}
