//go:build cgo && !nompi

package layers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// nodesVariable tells this test binary, started by mpirun as one rank of four, which of
// nodeMaps to believe in.
const nodesVariable = "LAYERS_TEST_NODES"

func TestMain(m *testing.M) {
	if name := os.Getenv(nodesVariable); name != "" {
		os.Exit(runUnderMPI(nodeMaps[name]))
	}
	os.Exit(m.Run())
}

func runUnderMPI(nodes []int32) int {
	w, err := collective.Start(collective.Options{Backoff: true, Deadline: time.Minute})
	if err == nil {
		err = underMPI(w.Comm(), nodes)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("passed")
	return 0
}

// underMPI holds a rank's part of mixtures over an MPI world, and its products, against the whole of them in one place.
func underMPI(c collective.Communicator, nodes []int32) error {
	if err := sharedProducts(c, nodes, false); err != nil {
		return err
	}
	for i := range 2 * len(policies) {
		policy, wire := policies[i/2], wires[i%2]
		m := makeMixture(uint64(30+i), 61+400*(i/2)) // rows need more memory from case to case
		m.nodes = nodes
		m.kernels = kernel.DType(i / 2 % 2)
		m.carried = m.kernels
		m.overlap = i % 3
		if i >= 4 { // both types have been there on one thread
			m.threads = []int{1, 3, 2, 1}
		}
		want, _, _, err := m.onOneRank(policy)
		if err != nil {
			return err
		}
		own := make([]float32, len(m.x))
		from, to, err := m.onRank(c, own, Dialect{Policy: policy, Wire: wire})
		if err != nil {
			return err
		}
		h := m.cfg.Hidden
		if at := firstDifference(want[from*h:to*h], own[from*h:to*h]); at >= 0 {
			return fmt.Errorf("rank %d, %v, %v: value %d is %v, %v on one rank", c.Rank(), policy.Policy, wire, at, own[from*h+at], want[from*h+at])
		}
	}
	return nil
}

func (m made) onOneRank(policy capacity.Config) (y []float32, kept [][]int32, weight [][]float32, err error) {
	m.nodes, m.threads = nil, nil
	return m.run(1, false, Dialect{Policy: policy})
}

func TestNodesChangeNoBitUnderMPI(t *testing.T) {
	path, err := exec.LookPath("mpirun")
	if err != nil {
		t.Skip("no mpirun on PATH: the exchange is not tested over MPI")
	}
	for name := range nodeMaps {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, path, "-n", "4", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1", "-x", nodesVariable, os.Args[0])
			cmd.Env = append(os.Environ(), nodesVariable+"="+name, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
			cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // mpirun ends its ranks
			cmd.WaitDelay = 10 * time.Second
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil || strings.Count(out.String(), "passed") != 4 {
				t.Fatalf("%v\n%s", err, out.String())
			}
		})
	}
}
