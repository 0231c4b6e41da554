package main

import "capmoe/runtime/study/report"

// claim is a figure of the paper: quality is the change of its average benchmark score,
// speed that of an expert-parallel run on GPUs over the same without a capacity.
type claim struct{ system, source, quality, olmoe, mixtral string }

var claims = []claim{
	{system: drop, source: "the paper", quality: "score −0.9 % (OLMoE)", olmoe: "1.30×"},
	{system: reroute, source: "the paper, v1", quality: "score +0.2 % (Mixtral)", mixtral: "1.94×"},
	{system: expanded, source: "the paper, v4", quality: "score +0.2 % (Mixtral)", mixtral: "1.85×"},
}

// claimTable is the paper's figures beside those from here.
func claimTable(timed map[string]measured, loads map[string]planned) string {
	t := report.Table{Columns: []report.Column{
		{Label: "policy"}, {Label: "γ"},
		{Label: "quality: perplexity of tiny-olmoe", Verb: "%+.2f %%"}, {Label: "layer of tiny-olmoe, 8 ranks", Verb: "%.2f×"},
		{Label: "layer of OLMoE, 2 ranks", Verb: "%.2f×"}, {Label: "bound on 2", Verb: "%.2f×"}, {Label: "bound on 8", Verb: "%.2f×"}, {Label: "bound on 64", Verb: "%.2f×"},
		{Label: "layer of Mixtral, 2 ranks", Verb: "%.2f×"}, {Label: "bound on 2", Verb: "%.2f×"}, {Label: "bound on 8", Verb: "%.2f×"},
	}}
	for _, c := range claims {
		t.Rows = append(t.Rows, []any{title[c.system], c.source, c.quality, nil, text(c.olmoe), nil, nil, nil, text(c.mixtral), nil, nil})
		for _, gamma := range gammas {
			olmoe, mixtral := loads["olmoe-github"], loads["mixtral-github"]
			row := []any{
				"", factor(gamma), nil, nil, nil, nil, bound(olmoe, c.system, gamma, 8), bound(olmoe, c.system, gamma, 64),
				nil, nil, bound(mixtral, c.system, gamma, 8),
			}
			if x := timed["tiny-olmoe"].find(c.system, gamma, 2); x != nil {
				row[2] = 100 * x.change
			}
			if x := timed["tiny-olmoe"].find(c.system, gamma, 8); x != nil {
				row[3] = x.gain.Mid
			}
			if x := timed["olmoe-github"].find(c.system, gamma, 2); x != nil {
				row[4], row[5] = x.wall.Mid, x.bound
			}
			if x := timed["mixtral-github"].find(c.system, gamma, 2); x != nil {
				row[8], row[9] = x.wall.Mid, x.bound
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return markdown(t)
}

// text is nil, which is shown as a dash, where there is none.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
