package checkpoint

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	names := []string{"lm_head.weight", "model.layers.10.mlp.gate.weight", "model.layers.9.mlp.gate.weight", "model.norm.weight"}
	for want, nearestName := range map[string]string{
		"model.norm.wieght":                "model.norm.weight",
		"norm.weight":                      "model.norm.weight",
		"model.layers.11.mlp.gate.weight":  "model.layers.10.mlp.gate.weight",
		"model.layers.9.mlp.router.weight": "model.layers.9.mlp.gate.weight",
		"":                                 "lm_head.weight",
	} {
		if got := nearest(want, names); got != nearestName {
			t.Errorf("nearest to %q is %q, want %q", want, got, nearestName)
		}
	}
	if got := nearest("x", nil); got != "" {
		t.Errorf("nearest of no names is %q", got)
	}
}

// TestDistanceIsTheDefinition compares with the recursive definition.
func TestDistanceIsTheDefinition(t *testing.T) {
	var slow func(a, b string) int
	slow = func(a, b string) int {
		switch {
		case a == "":
			return len(b)
		case b == "":
			return len(a)
		case a[0] == b[0]:
			return slow(a[1:], b[1:])
		}
		return 1 + min(slow(a[1:], b), slow(a, b[1:]), slow(a[1:], b[1:]))
	}
	word := rapid.StringMatching(`[ab.]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if got, want := distance(a, b, make([]int, len(a)+1)), slow(a, b); got != want {
			t.Fatalf("distance %d, want %d", got, want)
		}
	})
}
