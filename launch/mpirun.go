package launch

import (
	"fmt"
	"os"
	"strconv"
)

// AsRoot is what Open MPI's mpirun wants in its environment where this process is root; nothing for others.
func AsRoot() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"}
}

// mpirun makes the command line of Open MPI's mpirun.
func (p *Plan) mpirun(asRoot []string) {
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
	p.env = asRoot
	p.Argv = append(p.Argv, j.Command...)
}
