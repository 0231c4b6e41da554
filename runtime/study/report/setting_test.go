package report

import (
	"testing"

	"capmoe/runtime/study"
)

func TestSettings(t *testing.T) {
	other := func(id string, change func(c *study.Cell)) string {
		return rowOf(t, func(c *study.Cell, _, r map[string]any) {
			c.ID = id
			change(c)
			r["ranks"] = c.Ranks
		})
	}
	for _, c := range []struct {
		rule     string
		change   func(c *study.Cell)
		settings int
		names    []string // of the series of the first
	}{
		{"ranks are compared", func(c *study.Cell) { c.Ranks = 4 }, 1, []string{"drop"}},
		{"systems are compared", func(c *study.Cell) { c.System = "reroute" }, 1, []string{"drop", "reroute"}},
		{"scopes are compared, and named", func(c *study.Cell) { c.Scope = "local" }, 1, []string{"drop (default)", "drop (local)"}},
		{"dispatchers too", func(c *study.Cell) { c.Dispatch = "allgather" }, 1, []string{"drop (default)", "drop (allgather)"}},
		{"placements too", func(c *study.Cell) { c.Placement = "eplb" }, 1, []string{"drop (default)", "drop (eplb)"}},
		{"models are not", func(c *study.Cell) { c.Model = "other" }, 2, []string{"drop"}},
		{"workloads are not", func(c *study.Cell) { c.Workload = "text:other" }, 2, []string{"drop"}},
		{"precisions are not", func(c *study.Cell) { c.DType = "bf16" }, 2, []string{"drop"}},
		{"sizes of step are not", func(c *study.Cell) { c.Tokens = 128 }, 2, []string{"drop"}},
		{"weak and strong scaling are not", func(c *study.Cell) { c.Scaling = "weak" }, 2, []string{"drop"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			settings := gather(parsed(t, rowOf(t), other("b", c.change)).runs)
			if len(settings) != c.settings {
				t.Fatalf("%d settings, want %d", len(settings), c.settings)
			}
			var names []string
			for _, x := range settings[0].series {
				names = append(names, x.name)
			}
			if list(names) != list(c.names) {
				t.Errorf("series %q, want %q", names, c.names)
			}
		})
	}
	weak := func(id string, ranks int) string {
		return other(id, func(c *study.Cell) { c.Scaling, c.Ranks, c.Tokens = "weak", ranks, 64*ranks })
	}
	if n := len(gather(parsed(t, weak("a", 1), weak("b", 4)).runs)); n != 1 {
		t.Errorf("weak scaling on 1 and 4 ranks is %d settings, want 1", n)
	}
}

func TestReference(t *testing.T) {
	system := func(id, name string, gamma bool) string {
		return rowOf(t, func(c *study.Cell, _, _ map[string]any) {
			c.ID, c.System = id, name
			if !gamma {
				c.Gamma = nil
			}
		})
	}
	for _, c := range []struct {
		rule  string
		lines []string
		want  string
	}{
		{"dropless comes first", []string{system("a", "megatron-alltoall", false), system("b", "dropless", false)}, "dropless"},
		{"a baseline that drops nothing stands in", []string{system("a", "megatron-alltoall", false), system("b", "drop", true)}, "megatron-alltoall"},
		{"a capped system does not", []string{system("b", "drop", true)}, ""},
	} {
		s := gather(parsed(t, c.lines...).runs)[0]
		got := ""
		if ref := s.reference(s.focus); ref != nil {
			got = ref.System
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

// TestWallTimeOfSharedCoresIsNoScaling: a figure of wall time has no oversubscribed run.
func TestWallTimeOfSharedCoresIsNoScaling(t *testing.T) {
	r, err := parse(fixture(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gather(r.runs)[0].section().Figures {
		if f.Name != "speedup-wall" {
			continue
		}
		for _, row := range f.Data.Rows {
			if ranks := row[2].(int); ranks > 2 {
				t.Errorf("%d ranks of 2 cores are in the figure of wall time", ranks)
			}
		}
		return
	}
	t.Error("the runs of 1 and 2 ranks have no figure of wall time")
}
