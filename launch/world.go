package launch

import (
	"fmt"
	"os"
	goruntime "runtime"
	"time"

	"capmoe/collective"
	"capmoe/runtime"
)

// World is this process among the ranks that its launcher started.
type World struct {
	*collective.World
	Process  runtime.Process
	Launched bool // by mpirun or srun, be it as the only rank
}

// OpenAlone makes a world of this process alone, for commands that start ranks
// themselves: a launcher around them is a fault.
func OpenAlone() (*World, error) {
	env := readEnvironment(os.LookupEnv)
	if _, mpirun := os.LookupEnv("OMPI_COMM_WORLD_SIZE"); mpirun || env.ranks > 1 {
		if env.rank != 0 {
			os.Exit(ExitUsage)
		}
		return nil, &UsageError{fmt.Errorf("launch: this command starts ranks itself: run it without a launcher, which has started %d ranks of it", env.ranks)}
	}
	world, err := collective.Alone(collective.Options{})
	if err != nil {
		return nil, err
	}
	goruntime.LockOSThread()
	return &World{World: world, Process: runtime.Process{Comm: world.Comm(), Hosts: world.Hosts(), Threads: env.threads(os.LookupEnv)}}, nil
}

// Open joins the world of the launcher that started this process; without one the
// process is a world of one rank. It locks the calling goroutine to its thread.
func Open(deadline time.Duration) (*World, error) {
	goruntime.LockOSThread()
	env := readEnvironment(os.LookupEnv)
	turns := []int64{int64(env.turns())}
	opts := collective.Options{Deadline: deadline, Backoff: turns[0] > 1, Stuck: stuck(env.rank)}
	if opts.Backoff {
		yieldWhenIdle()
	}
	start := collective.Start
	if env.ranks == 0 {
		start = collective.Alone
	}
	world, err := start(opts)
	if err != nil {
		return nil, err
	}
	if size := world.Comm().Size(); env.ranks > 1 && size == 1 {
		return nil, fmt.Errorf("launch: the launcher started %d ranks, MPI sees %d: start with mpirun of the MPI that capmoe was built with, or srun --mpi=pmix", env.ranks, size)
	}
	if err := collective.AllReduce(world.Comm(), collective.Max, turns); err != nil {
		return nil, err
	}
	threads := env.threads(os.LookupEnv)
	spareProcessor(threads)
	return &World{
		World:    world,
		Process:  runtime.Process{Comm: world.Comm(), Hosts: world.Hosts(), Threads: threads, Turns: int(turns[0])},
		Launched: env.ranks > 0,
	}, nil
}

// yieldWhenIdle has Open MPI, which is yet to start, leave the core to others where it waits inside of its own calls. mpirun says so itself where it
// knows of more ranks than cores: not where a hostfile declares slots, nor under srun. A word of the user's stands.
func yieldWhenIdle() {
	const setting = "OMPI_MCA_mpi_yield_when_idle"
	if _, said := os.LookupEnv(setting); !said {
		os.Setenv(setting, "1")
	}
}

// spareProcessor gives Go one processor more than there are compute threads. Where all of its processors are in calls into C, Go's monitor
// takes them away after 20 µs, and starts a thread that looks for work on the cores that compute.
func spareProcessor(threads int) {
	if goruntime.GOMAXPROCS(0) <= threads {
		goruntime.GOMAXPROCS(threads + 1)
	}
}

// Rank is this process's number.
func (w *World) Rank() int { return w.Comm().Rank() }
