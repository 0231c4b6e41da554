package main

import (
	"fmt"
	"io"

	"capmoe/launch"
	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

func generateCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "generate",
		Usage:     "continue one prompt, or a file of them",
		UsageText: "mpirun -n P capmoe generate --model DIR {--prompt TEXT | --input FILE.jsonl --output FILE.jsonl} [flags]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "Hugging Face model `DIR`"},
			&cli.StringFlag{Name: "prompt", Usage: "`TEXT` to continue, on standard output"},
			&cli.StringFlag{Name: "input", TakesFile: true, Usage: "`FILE` of requests, one a line: {\"prompt\": text or \"tokens\": [id, …]}, and if wanted \"id\", \"max_tokens\", \"temperature\", \"top_k\", \"top_p\", \"seed\", \"stop\""},
			&cli.StringFlag{Name: "output", TakesFile: true, Usage: "`FILE` of results, one a line, added when they are done; what is in it already, asked for in the same way, is not done again"},
			&cli.BoolFlag{Name: "overwrite", Usage: "start --output anew"},
			&cli.IntFlag{Name: "max-tokens", Value: 128, Usage: "generate at most `N` tokens"},
			&cli.Float64Flag{Name: "temperature", Usage: "divide logits by `T` and draw; 0: the most likely token"},
			&cli.IntFlag{Name: "top-k", Usage: "draw from the `K` most likely tokens; 0: all"},
			&cli.Float64Flag{Name: "top-p", Value: 1, Usage: "draw from the most likely tokens that have the share `P` together"},
			&cli.GenericFlag{Name: "stop", Value: &texts{}, Usage: "end before `TEXT`; may be repeated"},
			&cli.BoolFlag{Name: "ignore-eos", Usage: "go on after tokens that end a text"},
			&cli.BoolFlag{Name: "add-bos", Usage: "put the model's first token before texts", DefaultText: "as tokenizer_config.json says, else tokenizer.json"},
			&cli.IntFlag{Name: "max-batch", Value: 32, Usage: "`B` sequences under way at a time"},
			&cli.IntFlag{Name: "max-step-tokens", Value: 2048, Usage: "`N` tokens of a step: longer prompts come in pieces"},
			&cli.BoolFlag{Name: "no-kv-cache", Usage: "run whole sequences anew in every step, to compare with"},
			&cli.BoolFlag{Name: "capacity-in-decode", Usage: "capacity holds also in steps where every sequence brings one token"},
			dtypeFlag(),
			jsonFlag(),
		}, append(policyFlags(), eplbFlags()...)...),
		Action: func(c *cli.Context) error { return runGenerate(c, t) },
	}
}

// texts are the values of a flag that may be repeated, each whole: the slices of the flag library end at commas.
type texts []string

func (t *texts) Set(text string) error {
	*t = append(*t, text)
	return nil
}

func (t *texts) String() string { return "" }

// generation is what the command line says.
type generation struct {
	runtime.Generation
	prompts runtime.Prompts
	routing runtime.Routing
	load    runtime.LoadOptions
}

// generationOf reads the command line and reports its faults.
func generationOf(c *cli.Context) (g generation, err error) {
	if err := required(c, "model"); err != nil {
		return g, err
	}
	if c.IsSet("prompt") == c.IsSet("input") {
		return g, usagef("generate: want one of --prompt TEXT and --input FILE.jsonl")
	}
	if c.IsSet("input") != c.IsSet("output") {
		return g, usagef("generate: --input and --output go together")
	}
	if g.load.DType, err = dtypeOf(c); err != nil {
		return g, err
	}
	if g.routing, err = routingOf(c); err != nil {
		return g, err
	}
	if g.routing.Baseline == "eplb" && c.String("eplb-loads") == "" {
		return g, usagef("generate: EPLB needs --eplb-loads, the report of an earlier run")
	}
	g.Generation = runtime.Generation{
		Limits:  runtime.Limits{Sequences: c.Int("max-batch"), Tokens: c.Int("max-step-tokens")},
		NoCache: c.Bool("no-kv-cache"), CapacityInDecode: c.Bool("capacity-in-decode"), IgnoreEOS: c.Bool("ignore-eos"),
	}
	g.prompts.Defaults = runtime.Request{MaxTokens: c.Int("max-tokens"), Stop: *c.Generic("stop").(*texts)}
	g.prompts.Defaults.Sampling = runtime.Sampling{
		Temperature: c.Float64("temperature"), TopK: c.Int("top-k"), TopP: c.Float64("top-p"), Seed: c.Uint64("seed"),
	}
	if c.IsSet("add-bos") {
		g.prompts.BOS = runtime.Off
		if c.Bool("add-bos") {
			g.prompts.BOS = runtime.On
		}
	}
	g.prompts.Settings = g.Settings(g.routing, g.load.DType)
	if err := g.Limits.Validate(); err != nil {
		return g, &launch.UsageError{Err: err}
	}
	if err := g.prompts.Defaults.Validate(); err != nil {
		return g, usagef("generate: %w", err)
	}
	return g, idleGeneration(c, g)
}

// idleGeneration faults on flags that change nothing.
func idleGeneration(c *cli.Context, g generation) error {
	if !g.routing.Capped() {
		noEffect(c, "without a capacity", "capacity-in-decode")
	}
	if !c.IsSet("prompt") {
		return nil
	}
	if g.prompts.Defaults.Sampling.Temperature == 0 {
		noEffect(c, "at --temperature 0, which draws nothing", "top-k", "top-p")
		idleSeed(c, g.routing)
	}
	noEffect(c, "with --prompt", "overwrite")
	return nil
}

func runGenerate(c *cli.Context, t terminal) error {
	g, err := generationOf(c)
	if err != nil {
		return err
	}
	if c.IsSet("prompt") {
		run := func() (*continuation, error) { return generateText(c, t, g) }
		return answer(c, t, run, func(r *continuation) { fmt.Fprintln(t.stderr, describeGeneration(r.GenerationReport)) })
	}
	run := func() (*answered, error) { return generateFile(c, t, g) }
	return answer(c, t, run, func(r *answered) {
		fmt.Fprintf(t.stdout, "%d requests in %s, %d of them now\n%s\n\n", r.requests, c.String("output"), r.now, describeGeneration(r.GenerationReport))
		printReport(t.stdout, &r.Report)
	})
}

// continuation is what --json says of a prompt.
type continuation struct {
	*runtime.GenerationReport
	Results []runtime.Result `json:"results"`
}

// answered is what --json says of a file: the results are in a file of their own.
type answered struct {
	*runtime.GenerationReport
	requests, now int // of the file, and those that had no result yet
}

// engine loads the model, its experts placed by --eplb-loads where that is given.
func (g generation) engine(c *cli.Context, t terminal) (*runtime.Engine, error) {
	engine, err := loadModel(c, t, g.load)
	if err == nil {
		err = rebalance(c, t, engine, g.routing, nil)
	}
	return engine, err
}

// generateText continues the prompt on standard output. The numbers for people go to
// standard error.
func generateText(c *cli.Context, t terminal, g generation) (*continuation, error) {
	engine, err := g.engine(c, t)
	if err != nil {
		return nil, err
	}
	requests, err := engine.Prompt(c.String("prompt"), g.prompts)
	if err != nil {
		return nil, err
	}
	report := &continuation{}
	watcher := runtime.Watcher{Finished: func(results []runtime.Result) error {
		report.Results = append(report.Results, results...)
		return nil
	}}
	if c.String("json") != "-" {
		watcher.Text = func(text string) { io.WriteString(t.stdout, text) }
	}
	if report.GenerationReport, err = generate(c, t, engine, g, requests, watcher); err != nil {
		return nil, err
	}
	if watcher.Text != nil {
		watcher.Text("\n")
	}
	return report, nil
}

// generateFile continues the requests of a file that have no result yet.
func generateFile(c *cli.Context, t terminal, g generation) (*answered, error) {
	engine, err := g.engine(c, t)
	if err != nil {
		return nil, err
	}
	requests, err := engine.ReadRequests(c.String("input"), g.prompts)
	if err != nil {
		return nil, err
	}
	results, left, err := engine.OpenResults(c.String("output"), requests, c.Bool("overwrite"))
	if err != nil {
		return nil, err
	}
	defer results.Close()
	watcher := runtime.Watcher{Finished: results.Append, Progress: progress(t.stderr, "request")}
	report, err := generate(c, t, engine, g, left, watcher)
	return &answered{report, len(requests), len(left)}, err
}

// generate runs requests under the routing of the command line.
func generate(c *cli.Context, t terminal, engine *runtime.Engine, g generation, requests []runtime.Request, w runtime.Watcher) (*runtime.GenerationReport, error) {
	var first [][]int32
	for _, r := range requests[:min(g.Limits.Sequences, len(requests))] {
		first = append(first, r.Tokens)
	}
	if err := rebalance(c, t, engine, g.routing, first); err != nil {
		return nil, err
	}
	if err := engine.Use(g.routing); err != nil {
		return nil, err
	}
	w.Note = func(text string) { note(c, "%s", text) }
	return engine.Generate(requests, g.Generation, w)
}

func describeGeneration(r *runtime.GenerationReport) string {
	return fmt.Sprintf("%d tokens from prompts of %d: %.1f tokens/s; prefill %.3f s in %d steps, decode %.3f s in %d steps on %d ranks",
		r.Generated, r.PromptTokens, r.TokensPerSecond, r.PrefillSeconds, r.PrefillSteps, r.DecodeSeconds, r.DecodeSteps, r.Ranks)
}
