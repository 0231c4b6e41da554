package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

// Quality comes out as documented, on ranks of this process: dropless, and every policy
// at γ 1. Kernels of another CPU may round otherwise.
func TestTinyReproduces(t *testing.T) {
	doc, err := readDocument(theDoc)
	if err != nil {
		t.Fatal(err)
	}
	table := grid(t, doc.table(tinyName))[0]
	for _, row := range table[1:] {
		if row[1] != "1" && row[0] != title[dropless] || testing.Short() && row[0] != title[drop] {
			continue
		}
		t.Run(row[0]+" "+row[1], func(t *testing.T) {
			r := evaluate(t, policyOf(t, row), 2)
			for _, c := range []struct {
				label     string
				got, near float64
			}{
				{"perplexity", r.Perplexity, 1e-3 * r.Perplexity}, {"lost gate mass", r.GateMassLost, 1e-3},
				{"pairs kept", 100 * float64(r.Kept) / float64(r.Routed), 0.2},
			} {
				if want := value(t, row[column(t, table, c.label)]); math.Abs(c.got-want) > c.near {
					t.Errorf("%s is %v, documented is %v", c.label, c.got, want)
				}
			}
		})
	}
}

func policyOf(t *testing.T, row []string) capacity.Config {
	t.Helper()
	var cfg capacity.Config
	for name, called := range title {
		if called == row[0] {
			var err error
			if cfg.Policy, err = capacity.ParsePolicy(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if row[1] != "–" {
		cfg.Expert = capacity.Times(value(t, row[1]))
	}
	return cfg
}

// evaluate is what tiny.yaml runs.
func evaluate(t *testing.T, cfg capacity.Config, ranks int) *runtime.EvaluationReport {
	t.Helper()
	var report *runtime.EvaluationReport
	err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
		p := runtime.Process{Comm: c, Hosts: slices.Repeat([]string{"here"}, ranks), Threads: 1}
		e, err := runtime.Load(p, root+"/examples/tiny-olmoe", runtime.LoadOptions{DType: kernel.BF16})
		if err != nil {
			return err
		}
		ids, err := e.ReadText(root + "/examples/text/valid.txt")
		if err == nil {
			err = e.Use(runtime.Routing{Dialect: layers.Dialect{Policy: cfg}})
		}
		if err != nil {
			return err
		}
		r, err := e.Evaluate(ids, runtime.Evaluation{Window: 256, Batch: 8, MaxTokens: 32768}, func(int, int) {})
		if c.Rank() == 0 {
			report = r
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// Plans of recorded routing come out as documented, to the last digit.
func TestLoadsReproduce(t *testing.T) {
	data := os.Getenv("CAPMOE_DATA")
	if data == "" {
		t.Skip("CAPMOE_DATA is not set: recorded routing is not in the repository")
	}
	doc, err := readDocument(theDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recordings {
		if testing.Short() && r.name != "mixtral-github" {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			p, err := r.plan(context.Background(), options{data: data}, new(bytes.Buffer))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(p.table()); got != doc.table("loads "+r.name) {
				t.Errorf("made:\n%s\ndocumented:\n%s", got, doc.table("loads "+r.name))
			}
		})
	}
}
