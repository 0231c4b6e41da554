// Command capmoe runs mixture-of-experts language models over MPI ranks, with
// capacity-aware dispatch.
//
//	main ─ launch.Open ─ run ─ one file per subcommand ─ launch.World.Close
//
// Reading order: main.go, arguments.go and files.go, policy.go (the flags of a capacity policy) and
// effect.go (those that would change nothing), one file per subcommand (eval.go, logits.go, doctor.go),
// output.go, over launch/output, and progress.go.
package main
