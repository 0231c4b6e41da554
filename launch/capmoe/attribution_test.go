package main

import (
	goruntime "runtime"
	"testing"

	"capmoe/runtime"
)

// evalOf are the arguments of a short evaluation.
func evalOf(flags ...string) []string {
	return append([]string{"eval", "--model", shippedModel, "--text", shippedText, "--max-tokens", "1024", "--batch", "2"}, flags...)
}

// The people's table says who was the slowest, by which clock; one rank has no others.
func TestAttributionInWords(t *testing.T) {
	crowd := goruntime.NumCPU() + 1
	out := capmoe(crowd, evalOf()...).output(t)
	for _, text := range []string{"was the slowest: ", "excess ", "the mean rank spent ", "attribution by CPU time: ranks share cores"} {
		checkContains(t, out, text)
	}
	r := parse[runtime.EvaluationReport](t, capmoe(alone, evalOf("--json", "-")...).output(t))
	if r.Attribution != nil || len(r.RankSeconds) != 1 {
		t.Errorf("one rank: %+v, %+v", r.Attribution, r.RankSeconds)
	}
}
