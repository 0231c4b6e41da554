#!/usr/bin/env python3
"""Times reroute to the end in PyTorch on one core beside `capmoe plan` on the same scores.

Makes skewed router scores [T, E], selects with the paper's Token Reroute written as tensor
operations (every round: top-k over the experts not refused, then each expert's best C), runs
`capmoe plan` on the same file, checks that both keep the same pairs, and prints both times.

    python3 examples/compare/torch_reroute.py --ranks 2        (needs python3-torch and mpirun)
"""
import argparse, json, math, os, struct, subprocess, tempfile, time
import torch

def reroute(scores, k, capacity):
    """Kept pairs [T, E] of deferred acceptance, and its rounds."""
    refused = torch.zeros_like(scores, dtype=torch.bool)
    for rounds in range(1, k * scores.shape[1] + 1):
        open_scores = scores.masked_fill(refused, -math.inf)
        choice = open_scores.topk(k, dim=1).indices
        proposed = torch.zeros_like(refused).scatter_(1, choice, True) & ~refused
        offered = scores.masked_fill(~proposed, -math.inf)
        best = offered.topk(min(capacity, scores.shape[0]), dim=0)
        kept = torch.zeros_like(refused).scatter_(0, best.indices, True) & proposed
        lost = proposed & ~kept
        if not lost.any():
            return kept, rounds
        refused |= lost
    return kept, rounds

def write(path, scores):
    data = scores.contiguous().numpy().tobytes()
    header = json.dumps({"scores": {"dtype": "F32", "shape": list(scores.shape), "data_offsets": [0, len(data)]}}).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header + data)

def read(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    meta = json.loads(raw[8:8 + n])["experts"]
    begin, end = meta["data_offsets"]
    return torch.frombuffer(bytearray(raw[8 + n + begin:8 + n + end]), dtype=torch.int32).reshape(meta["shape"]).long()

def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--tokens", type=int, default=8192)
    p.add_argument("--experts", type=int, default=64)
    p.add_argument("--topk", type=int, default=8)
    p.add_argument("--gamma", type=float, default=1.0)
    p.add_argument("--ranks", type=int, default=2)
    p.add_argument("--repeats", type=int, default=5)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    scores = torch.softmax(torch.randn(a.tokens, a.experts) + 0.7 * torch.randn(a.experts), dim=1)
    capacity = max(1, math.ceil(a.gamma * a.topk * (a.tokens / a.experts)))

    times = []
    for _ in range(a.repeats):
        start = time.perf_counter()
        kept, rounds = reroute(scores, a.topk, capacity)
        times.append(time.perf_counter() - start)
    print(f"PyTorch {torch.__version__}, 1 thread: {1e3 * sorted(times)[len(times) // 2]:.1f} ms, {rounds} rounds, {int(kept.sum())} pairs")

    with tempfile.TemporaryDirectory() as d:
        file, out, report = (os.path.join(d, n) for n in ("scores.safetensors", "plan.safetensors", "plan.json"))
        write(file, scores)
        env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        ours = []
        for _ in range(a.repeats):
            subprocess.run(["mpirun", "-q", "--oversubscribe", "-n", str(a.ranks), "bin/capmoe", "plan", "--scores", file, "--topk", str(a.topk),
                            "--policy", "reroute", "--gamma", str(a.gamma), "--out", out, "--json", report], check=True, env=env, stdout=subprocess.DEVNULL)
            ours.append(json.load(open(report))["seconds"]["plan"])
        experts = read(out)
        mine = torch.zeros(a.tokens, a.experts + 1, dtype=torch.bool).scatter_(1, experts.masked_fill(experts < 0, a.experts), True)[:, :a.experts]
        same = bool((mine == kept).all())
        print(f"capmoe plan, {a.ranks} ranks: {1e3 * sorted(ours)[len(ours) // 2]:.1f} ms (first plan of a process, slowest rank), {json.load(open(report))['rounds']} rounds, same pairs: {same}")
        if not same:
            raise SystemExit(1)

if __name__ == "__main__":
    main()
