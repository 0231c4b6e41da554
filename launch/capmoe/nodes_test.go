package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
