package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The launchers.
const (
	MPIRun = "mpirun"
	SRun   = "srun"
)

// Job is a command on ranks: what a launcher is told.
type Job struct {
	Launcher string        // MPIRun or SRun
	Ranks    int           // P
	Hostfile string        // path; empty: this machine, or the allocation that it is in
	MapBy    string        // mpirun's --map-by, srun's --distribution; empty: as the launcher likes
	BindTo   string        // mpirun's --bind-to, srun's --cpu-bind; empty: likewise
	Threads  int           // compute threads of a rank; 0: its share of the node's cores
	Timeout  time.Duration // longest run; 0: no bound
	Command  []string
}

// Plan is a Job made ready: the launcher's command line, and what follows for its ranks.
type Plan struct {
	Argv    []string // launcher first
	Crowded bool     // more threads of ranks than cores on a host: wall time shows no scaling
	env     []string // added to the environment
	job     Job
	// patience is how long a launcher that was asked to end may take to end its ranks.
	patience time.Duration
}

// mostRanks bounds the ranks of a job: no model has as many experts, and a launcher that is asked for many more takes the machine down.
const mostRanks = 1 << 16

// Plan reads the hostfile and makes the command line.
func (j Job) Plan() (*Plan, error) {
	if j.Ranks < 1 {
		return nil, fmt.Errorf("launch: %d ranks, want 1 or more", j.Ranks)
	}
	if j.Ranks > mostRanks {
		return nil, fmt.Errorf("launch: %d ranks, want at most %d: every rank owns an expert", j.Ranks, mostRanks)
	}
	if len(j.Command) == 0 {
		return nil, fmt.Errorf("launch: no command to run on %d ranks", j.Ranks)
	}
	var hosts []Host
	if j.Hostfile != "" {
		var err error
		if hosts, err = ReadHosts(j.Hostfile); err != nil {
			return nil, err
		}
		if room, bounded := most(hosts); bounded && j.Ranks > room {
			return nil, fmt.Errorf("launch: hostfile %s: %d ranks, max_slots of all hosts is %d", j.Hostfile, j.Ranks, room)
		}
	}
	p := &Plan{job: j, Crowded: j.crowds(hosts, os.LookupEnv), patience: 10 * time.Second}
	switch j.Launcher {
	case MPIRun:
		p.mpirun(AsRoot())
	case SRun:
		p.srun(hosts)
	default:
		return nil, fmt.Errorf("launch: launcher %q, want %s or %s", j.Launcher, MPIRun, SRun)
	}
	return p, nil
}

// Find reports a launcher that is not there, or a command for ranks on this machine. What is on other machines is not
// known here.
func (p *Plan) Find() error {
	if err := find(p.Argv[0]); err != nil || p.job.elsewhere(os.LookupEnv) {
		return err
	}
	return find(p.job.Command[0])
}

// find looks for a program as launchers do.
func find(program string) error {
	_, err := exec.LookPath(program)
	switch {
	case err == nil || errors.Is(err, exec.ErrDot):
		return nil
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("launch: %s: not found on PATH", program)
	}
	return fmt.Errorf("launch: %w", err)
}

// elsewhere tells whether ranks may be on other machines than this.
func (j Job) elsewhere(lookup func(string) (string, bool)) bool {
	_, allocated := lookup("SLURM_JOB_ID")
	return allocated || j.Launcher != MPIRun || j.Hostfile != ""
}

// most is the largest number of ranks that the hosts may have, if all have a bound.
func most(hosts []Host) (room int, bounded bool) {
	for _, h := range hosts {
		if h.Most == 0 {
			return 0, false
		}
		room += h.Most
	}
	return room, len(hosts) > 0
}

// crowds tells whether ranks, or their threads, are more than the cores they have: the
// slots of the hosts, the tasks of a Slurm allocation, or the cores of this machine.
func (j Job) crowds(hosts []Host, lookup func(string) (string, bool)) bool {
	threads := max(1, j.Threads)
	if len(hosts) > 0 {
		left := j.Ranks
		for _, h := range hosts {
			here := min(left, h.slots())
			if isHere(h.Name) && here*threads > wholeCores() {
				return true
			}
			left -= here
		}
		return left > 0
	}
	if text, ok := lookup("SLURM_NTASKS"); ok {
		if n, err := strconv.Atoi(text); err == nil {
			return j.Ranks > n
		}
	}
	return j.Ranks*threads > wholeCores()
}

// slots are the ranks that a host has room for. Where the file does not say, launchers
// take its cores, which are only known here; elsewhere those of this machine stand in.
func (h Host) slots() int {
	if h.Slots > 0 {
		return h.Slots
	}
	return wholeCores()
}

// environ is the environment of the launcher: this process's, without what a launcher
// has told this process, which would confuse the one that it starts.
func (p *Plan) environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		return strings.HasPrefix(name, "PMIX_") || strings.HasPrefix(name, "PMI_") || strings.HasPrefix(name, "OMPI_COMM_WORLD_")
	})
	return append(env, p.env...)
}
