package layers

import (
	"math"
	"slices"
	"testing"
)

func TestGroupLimit(t *testing.T) {
	out := float32(math.Inf(-1))
	for _, c := range []struct {
		rule   string
		limit  GroupLimit
		scores []float32
		want   []float32
	}{
		{"the groups with the best experts stay", GroupLimit{Groups: 3, Keep: 2, Best: 1}, []float32{1, 9, 5, 5, 2, 6}, []float32{1, 9, out, out, 2, 6}},
		{"the groups with the best pairs stay", GroupLimit{Groups: 3, Keep: 2, Best: 2}, []float32{1, 9, 5, 5, 2, 6}, []float32{1, 9, 5, 5, out, out}},
		{"of equal groups the first stay", GroupLimit{Groups: 3, Keep: 1, Best: 1}, []float32{2, 1, 1, 2, 2, 2}, []float32{2, 1, out, out, out, out}},
		{"negative scores can be best", GroupLimit{Groups: 2, Keep: 1, Best: 2}, []float32{-1, -9, -4, -4}, []float32{out, out, -4, -4}},
		{"two best among many", GroupLimit{Groups: 2, Keep: 1, Best: 2}, []float32{3, 8, 2, 7, 9, 5, 1, 4}, []float32{3, 8, 2, 7, out, out, out, out}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := router{experts: len(c.scores), cfg: RouterConfig{Groups: c.limit}}
			got := slices.Clone(c.scores)
			r.confine(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestNoLimitConfinesNothing(t *testing.T) {
	for _, g := range []GroupLimit{{}, {Groups: 1, Keep: 1}, {Groups: 4, Keep: 4}} {
		if g.On() {
			t.Errorf("%+v is on", g)
		}
	}
}
