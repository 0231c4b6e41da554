// Package launch is where a run meets its machine: the launcher's environment, the
// cores of the node, and the end of all ranks together. It is the only package that
// reads the environment.
//
//	mpirun / srun ─ environment ─ Open ─ World ─ body ─ Close: one message, one exit code
//
// Reading order:
//
//	environment.go  what the launcher says
//	world.go        Open and Close
//	failure.go      who prints an error, and how all ranks end
package launch
