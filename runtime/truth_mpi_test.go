//go:build truth && cgo && !nompi

package runtime

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"capmoe/collective"
)

// truthVariable makes this test binary, started by mpirun, one rank of a world in which
// the culprits of all faults are to be named.
const truthVariable = "RUNTIME_TEST_TRUTH"

func TestMain(m *testing.M) {
	if os.Getenv(truthVariable) != "" {
		os.Exit(nameAll())
	}
	os.Exit(m.Run())
}

func nameAll() int {
	w, err := collective.Start(collective.Options{Backoff: true})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	p := Process{Comm: w.Comm(), Hosts: w.Hosts(), Threads: 1, Turns: 2}
	for _, f := range faults {
		right, wrong, err := f.namings(p)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		if p.Comm.Rank() == 0 {
			fmt.Printf("%s: %d of %d\n%s", f.what, right, truthRuns, strings.Join(wrong, ""))
			if right >= mustName {
				fmt.Println("named")
			}
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// The same among processes.
func TestTheCulpritIsNamedUnderMPI(t *testing.T) {
	path, err := exec.LookPath("mpirun")
	if err != nil {
		t.Skip("no mpirun on PATH: attribution is not tested among processes")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-q", "-n", fmt.Sprint(truthSize), "--oversubscribe", "--bind-to", "none", "-x", truthVariable, os.Args[0])
	cmd.Env = append(os.Environ(), truthVariable+"=1", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // mpirun ends its ranks
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	t.Logf("\n%s", out)
	if err != nil || strings.Count(string(out), "named\n") != len(faults) {
		t.Errorf("%v: want %d of %d or more of each fault", err, mustName, truthRuns)
	}
}
