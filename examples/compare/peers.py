#!/usr/bin/env python3
"""Times two layers of OLMoE's shape, bfloat16, dropless, in capmoe and in its CPU peers by turns, and prints one table.

Prompts of 512 and 2,048 tokens, and steps of 1, 8 and 32 sequences of 256 tokens; tokens per second, the median of the turns. All
sides have two threads: capmoe once as two ranks of one and once as one rank of two.

- llama.cpp: --llama is the folder with llama-bench and llama-batched-bench (build them with -DGGML_NATIVE=ON); the model is
  written by gguf_stack.py, which needs python3 with gguf and numpy.
- PyTorch: torch_stack.py, which needs python3 with torch.

    python3 examples/compare/peers.py --llama llama.cpp/build/bin --torch --turns 3

A side that is not asked for is left out. --python names the interpreter for the two scripts.
"""
import argparse, json, os, subprocess, sys, tempfile

CASES = ["prefill 512", "prefill 2048", "decode 1", "decode 8", "decode 32"]
HERE = os.path.dirname(os.path.abspath(__file__))

# Without these PyTorch maps new pages for every result, and its two threads at times share a core: half the speed at 512 tokens.
TORCH_ENV = {
    "OMP_PROC_BIND": "true", "OPENBLAS_NUM_THREADS": "1",
    "GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=100000000000:glibc.malloc.top_pad=100000000:glibc.malloc.hugetlb=1",
}

def output(*command, **env):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    if done.returncode != 0:
        sys.exit(f"peers: {' '.join(command)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout

def capmoe(binary, launcher):
    """Tokens per second of each case."""
    rates = {}
    for bench, count in (("prefill", "tokens"), ("decode", "batch")):
        report = json.loads(output(*launcher, binary, "bench", bench, "--dtype", "bf16", "--json", "-"))
        for r in report["results"]:
            rates[f"{bench} {r[count]}"] = r["tokens_per_second"]
    return rates

def llama(folder, model):
    """The better of flash attention on and off for prompts; on for steps. With -embd the last layer's mixture computes every token, not the last alone."""
    rates = {}
    lines = output(os.path.join(folder, "llama-bench"), "-m", model, "-t", "2", "-p", "512,2048", "-n", "0", "-embd", "1", "-ub", "2048", "-fa", "0,1", "-r", "3", "-o", "jsonl")
    for line in lines.splitlines():
        r = json.loads(line)
        case = f"prefill {r['n_prompt']}"
        rates[case] = max(rates.get(case, 0), r["avg_ts"])
    lines = output(os.path.join(folder, "llama-batched-bench"), "-m", model, "-t", "2", "-c", "16384", "-b", "2048", "-ub", "2048",
                   "-npp", "256", "-ntg", "16", "-npl", "1,8,32", "-fa", "on", "--output-format", "jsonl")
    for line in lines.splitlines():
        if line.startswith("{"):
            r = json.loads(line)
            rates[f"decode {r['pl']}"] = r["speed_tg"]
    return rates

def torch(python):
    lines = output(python, os.path.join(HERE, "torch_stack.py"), "--threads", "2", **TORCH_ENV).splitlines()
    return {r["case"]: r["tokens_per_second"] for r in map(json.loads, lines)}

def median(values):
    return sorted(values)[len(values) // 2]

def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--capmoe", default="bin/capmoe")
    p.add_argument("--llama", help="folder with llama-bench and llama-batched-bench")
    p.add_argument("--torch", action="store_true", help="run torch_stack.py")
    p.add_argument("--python", default=sys.executable)
    p.add_argument("--turns", type=int, default=3)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sides = {
            "capmoe, 2 ranks": lambda: capmoe(a.capmoe, ["mpirun", "--bind-to", "core", "-n", "2"]),
            "capmoe, 1 rank": lambda: capmoe(a.capmoe, []),
        }
        if a.llama:
            model = os.path.join(folder, "olmoe.gguf")
            output(a.python, os.path.join(HERE, "gguf_stack.py"), model)
            sides["llama.cpp"] = lambda: llama(a.llama, model)
        if a.torch:
            sides["PyTorch"] = lambda: torch(a.python)
        turns = {side: [] for side in sides}
        for _ in range(a.turns):
            for side, run in sides.items():
                turns[side].append(run())
    rates = {side: {c: median([r[c] for r in all]) for c in CASES} for side, all in turns.items()}
    print(f"tokens per second, median of {a.turns} turns (least to most)\n")
    print("| side | " + " | ".join(CASES) + " |")
    print("|---" * (len(CASES) + 1) + "|")
    for side, all in turns.items():
        print(f"| {side} | " + " | ".join(f"{rates[side][c]:.0f} ({min(r[c] for r in all):.0f} to {max(r[c] for r in all):.0f})" for c in CASES) + " |")
    peers = [side for side in sides if not side.startswith("capmoe")]
    if peers:
        for side in list(sides)[:2]:
            print(f"| {side} / best peer | " + " | ".join(f"{rates[side][c] / max(rates[p][c] for p in peers):.2f}×" for c in CASES) + " |")

main()
