package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"
)

// Ranks that MPI itself takes for ranks of several nodes, uneven ones, compute the bits of one rank over each wire.
func TestNodesChangeNoBit(t *testing.T) {
	if out, err := exec.Command("unshare", "--uts", "hostname", "n0").CombinedOutput(); err != nil {
		t.Skipf("no made nodes: unshare: %v: %s", err, out)
	}
	tokens := tokensFile(t, [][]int32{{5, 6, 7}, {9}, {1, 2, 3, 4, 5, 6, 7, 8}, {11, 12}})
	want := logitsOf(t, alone, shippedModel, tokens, "--policy", "drop", "--gamma", "1")
	for _, wire := range []string{"alltoall", "hierarchical"} {
		t.Run(wire, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "logits.safetensors")
			run := capmoe(6, "logits", "--model", shippedModel, "--tokens", tokens, "--out", path,
				"--policy", "drop", "--gamma", "1", "--moe-token-dispatcher-type", wire)
			run.nodes = "n0:3,n1:2,n2:1"
			if out := run.output(t); !strings.Contains(out, "6, 3, ") {
				t.Errorf("ranks and nodes are not 6 and 3:\n%s", out)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the file of %d bytes is not that of %d bytes on one rank (%v)", len(got), len(want), err)
			}
		})
	}
}

// Ranks that share cores leave them to each other inside of MPI's own calls too, where mpirun is told that it has slots for all: without,
// 32 ranks on 2 cores took seven times the processor time.
func TestSlotsAreNoCores(t *testing.T) {
	ranks := 16 * goruntime.NumCPU()
	if ranks > 64 {
		t.Skipf("%d cores are too many to crowd", goruntime.NumCPU())
	}
	j := capmoe(ranks, "bench", "select", "--tokens", "16", "--overloaded", "2", "--repeats", "1")
	j.slots = true
	r := j.start(t)
	res := r.wait()
	if res.code != 0 {
		t.Fatalf("exit code %d\n%s", res.code, res.stderr)
	}
	checkContains(t, res.stdout, "ranks share fewer cores")
	took, most := r.cmd.ProcessState.UserTime()+r.cmd.ProcessState.SystemTime(), time.Duration(ranks)*250*time.Millisecond
	if took > most {
		t.Errorf("%d ranks took %v of processor time, want at most %v", ranks, took, most)
	}
}
