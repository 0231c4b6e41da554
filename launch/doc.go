// Package launch is where a run meets its machine: the launcher's environment, the
// cores of the node, the end of all ranks together, and the starting of ranks. It is
// the only package that reads the environment.
//
//	mpirun / srun ─ environment ─ Open ─ World ─ body ─ Close: one message, one exit code
//	Job ─ Argv ─ mpirun / srun ─ Run: supervised ─ nil, or a Death that says who and where
//
// Reading order:
//
//	environment.go  what the launcher says
//	world.go        Open and Close
//	failure.go      who prints an error, and how all ranks end
//	flags.go        the command line of a small program
//	machine.go      the cores, CPU and name of this machine
//	commit.go       the source of this program
//	hostfile.go     the hosts of --hostfile
//	job.go          a command on ranks
//	mpirun.go srun.go  its command line
//	supervise.go    its run, and its end
//	processes.go    who is left of it
//	death.go        how it failed
//	watch.go        the launcher's own words about that
package launch
