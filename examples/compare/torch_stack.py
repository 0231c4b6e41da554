#!/usr/bin/env python3
"""Times layers of OLMoE's shape in PyTorch on the CPU, in bfloat16, and prints a line of JSON for each case.

What PyTorch does best with the operations it has: weights packed once for oneDNN, the rows of each expert gathered and
multiplied together, attention by scaled_dot_product_attention. Made weights, nothing of a model but its layers.

    python3 examples/compare/torch_stack.py --threads 2        (needs torch 2.x)
"""
import argparse, json, math, time
import torch
import torch.nn.functional as F

HIDDEN, INNER, EXPERTS, TOP, HEADS, WIDTH, LAYERS, VOCAB, CONTEXT = 2048, 1024, 64, 8, 16, 128, 2, 256, 256
BF16 = torch.bfloat16
packed = torch.ops.mkldnn

class Linear:
    """y = x·Wᵀ, W [n, k] packed for products with about so many rows."""
    def __init__(self, n, k, rows, dtype=BF16):
        self.weight = packed._reorder_linear_weight((torch.randn(n, k) / math.sqrt(k)).to(dtype), rows)

    def __call__(self, x):
        return packed._linear_pointwise(x, self.weight, None, "none", [], "")

def norm(x):
    return F.rms_norm(x, (HIDDEN,), eps=1e-5)

def rotate(x, position):
    """Rotary embedding of x [B, heads, T, width]."""
    angle = position[:, None].float() * 1e4 ** (-torch.arange(0, WIDTH, 2) / WIDTH)
    cos, sin = (torch.cat([f(angle)] * 2, -1).to(BF16) for f in (torch.cos, torch.sin))
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat([-high, low], -1) * sin

class Layer:
    def __init__(self):
        self.qkv, self.out = Linear(3 * HIDDEN, HIDDEN, 512), Linear(HIDDEN, HIDDEN, 512)
        self.router = Linear(EXPERTS, HIDDEN, 512, torch.float32)
        self.gate_up = [Linear(2 * INNER, HIDDEN, 64) for _ in range(EXPERTS)]
        self.down = [Linear(HIDDEN, INNER, 64) for _ in range(EXPERTS)]

    def attention(self, x, past, cache):
        b, t, _ = x.shape
        q, k, v = self.qkv(norm(x)).view(b, t, 3, HEADS, WIDTH).permute(2, 0, 3, 1, 4)
        position = torch.arange(past, past + t)
        q, k = rotate(q, position), rotate(k, position)
        if cache is not None:
            cache[0][:, :, past:past + t], cache[1][:, :, past:past + t] = k, v
            k, v = cache[0][:, :, :past + t], cache[1][:, :, :past + t]
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=t > 1)
        return x + self.out(mixed.transpose(1, 2).reshape(b, t, HIDDEN))

    def mixture(self, x):
        b, t, _ = x.shape
        rows = norm(x).view(b * t, HIDDEN)
        weights, experts = torch.softmax(self.router(rows.float()), -1).topk(TOP, -1)
        order = experts.flatten().argsort(stable=True)
        sent, outputs, at = rows.index_select(0, order // TOP), [], 0
        for e, n in enumerate(torch.bincount(experts.flatten(), minlength=EXPERTS).tolist()):
            if n:
                gate, up = self.gate_up[e](sent[at:at + n]).chunk(2, -1)
                outputs.append(self.down[e](F.silu(gate).mul_(up)))
                at += n
        back = torch.cat(outputs).index_select(0, order.argsort()).view(b * t, TOP, HIDDEN)
        return x + torch.bmm(weights.to(BF16).unsqueeze(1), back).view(b, t, HIDDEN)

def median(run, repeats):
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2]

def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeats", type=int, default=7)
    a = p.parse_args()
    torch.manual_seed(1)
    torch.set_grad_enabled(False)
    torch.set_num_threads(a.threads)
    layers, embedding = [Layer() for _ in range(LAYERS)], torch.randn(VOCAB, HIDDEN).to(BF16)

    def forward(ids, past=0, caches=[None] * LAYERS):
        x = embedding[ids]
        for layer, cache in zip(layers, caches):
            x = layer.mixture(layer.attention(x, past, cache))
        return norm(x)

    def say(case, tokens, seconds):
        print(json.dumps({"case": case, "tokens_per_second": tokens / seconds}), flush=True)

    for n in (512, 2048):
        ids = torch.randint(0, VOCAB, (1, n))
        say(f"prefill {n}", n, median(lambda: forward(ids), a.repeats))
    for n in (1, 8, 32):
        caches = [[torch.randn(n, HEADS, CONTEXT + 64, WIDTH).to(BF16) for _ in range(2)] for _ in range(LAYERS)]
        at = [CONTEXT]
        def step():
            forward(torch.randint(0, VOCAB, (n, 1)), at[0], caches)
            at[0] += 1
        say(f"decode {n}", n, median(step, 2 * a.repeats))

main()
