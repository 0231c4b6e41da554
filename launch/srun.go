package launch

import (
	"fmt"
	"strings"
)

// srun makes the command line of Slurm's srun. Hosts are taken from the front until
// they have room for all ranks.
func (p *Plan) srun(hosts []Host) {
	j := p.job
	p.Argv = []string{SRun, fmt.Sprintf("--ntasks=%d", j.Ranks), "--mpi=pmix", "--kill-on-bad-exit=1"}
	if len(hosts) > 0 {
		var names []string
		for room := 0; room < j.Ranks && len(names) < min(len(hosts), j.Ranks); {
			h := hosts[len(names)]
			names, room = append(names, h.Name), room+h.slots()
		}
		p.Argv = append(p.Argv, fmt.Sprintf("--nodes=%d", len(names)), "--nodelist="+strings.Join(names, ","))
	}
	if p.Crowded {
		p.Argv = append(p.Argv, "--overcommit")
	}
	if j.MapBy != "" {
		p.Argv = append(p.Argv, "--distribution="+j.MapBy)
	}
	if j.BindTo != "" {
		p.Argv = append(p.Argv, "--cpu-bind="+j.BindTo)
	}
	if j.Threads > 0 {
		p.Argv = append(p.Argv, fmt.Sprintf("--cpus-per-task=%d", j.Threads), fmt.Sprintf("--export=ALL,OMP_NUM_THREADS=%d", j.Threads))
	}
	p.Argv = append(p.Argv, j.Command...)
}
