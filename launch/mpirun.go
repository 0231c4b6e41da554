package launch

import (
	"fmt"
	"strconv"
)

// mpirun makes the command line of Open MPI's mpirun.
func (p *Plan) mpirun(root bool) {
	j := p.job
	p.Argv = []string{MPIRun, "-n", strconv.Itoa(j.Ranks)}
	if j.Hostfile != "" {
		p.Argv = append(p.Argv, "--hostfile", j.Hostfile)
	}
	if p.Crowded {
		// Waiting ranks leave the cores to those that work.
		p.Argv = append(p.Argv, "--oversubscribe", "--mca", "mpi_yield_when_idle", "1")
	}
	if j.MapBy != "" {
		p.Argv = append(p.Argv, "--map-by", j.MapBy)
	}
	if j.BindTo != "" {
		p.Argv = append(p.Argv, "--bind-to", j.BindTo)
	}
	if j.Threads > 0 {
		p.Argv = append(p.Argv, "-x", fmt.Sprintf("OMP_NUM_THREADS=%d", j.Threads))
	}
	if root {
		p.env = []string{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"}
	}
	p.Argv = append(p.Argv, j.Command...)
}
