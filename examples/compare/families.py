#!/usr/bin/env python3
"""Makes random models of random configurations with the transformers library, and holds capmoe's logits and texts against it.

    python3 examples/compare/families.py make DIR FAMILY FIRST LAST    models DIR/FAMILY-SEED of these seeds
    python3 examples/compare/families.py check DIR [--capmoe bin/capmoe]

A model's folder has the model as transformers writes it (or as released checkpoints of the family are laid out, some in fp8 or MXFP4), tokens.json with sequences,
logits.safetensors with the float32 logits of every token, eager attention, no cache, and greedy.json with greedy texts by the cache. Where
transformers and the code that came with a checkpoint differ, the latter holds: see deepseek_code. It needs torch, transformers 5, numpy and
safetensors; launch/capmoe/testdata/transformers was made with transformers 5.12.1 and torch 2.14.1.
"""
import argparse, copy, glob, json, math, os, random, shutil, subprocess, tempfile

FAMILIES = ["mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "deepseek", "deepseek_v2", "deepseek_v3", "kimi_k2", "gpt_oss"]


# ---- random configurations

def rope(r, deepseek=False, kinds=("default", "default", "linear", "yarn", "yarn")):
    p = {"rope_type": r.choice(kinds), "rope_theta": r.choice([10000.0, 1e6, 150000, 500.0, 5e4])}
    if p["rope_type"] == "linear":
        p["factor"] = r.choice([2.0, 3.5, 8])
    if p["rope_type"] == "yarn":
        p["factor"] = r.choice([2.0, 4.0, 32.0, 40, 1.5])
        p["original_max_position_embeddings"] = r.choice([16, 32, 64])
        if r.random() < 0.6:
            p["beta_fast"], p["beta_slow"] = r.choice([(32.0, 1.0), (32, 1), (2.0, 0.25), (1.0, 1.0), (4.0, 0.5)])
        scales = r.choice([None, (1.0, 1.0), (0.707, 0.707), (0.8, 0.5), (1, 0)]) if deepseek else r.choice([None, None, None, None, (0.8, 0.5)])
        if scales:
            p["mscale"], p["mscale_all_dim"] = scales
            if not deepseek and r.random() < 0.5:  # transformers weighs by both or by none
                del p[r.choice(["mscale", "mscale_all_dim"])]
        if r.random() < 0.25:
            p["attention_factor"] = r.choice([1.0, 1.3, 0.9])
        if r.random() < 0.3:
            p["truncate"] = r.random() < 0.3
    return p


def common(r):
    return {
        "vocab_size": r.randint(30, 90), "num_hidden_layers": r.randint(1, 4), "num_attention_heads": r.choice([1, 2, 3, 4, 5, 6]),
        "max_position_embeddings": r.choice([100, 128, 160]), "rms_norm_eps": r.choice([1e-5, 1e-6, 1e-3, 1e-2]), "tie_word_embeddings": r.random() < 0.3,
        "bos_token_id": None, "eos_token_id": r.choice([None, 2, [1, 2]]), "pad_token_id": None,
    }


def attention(r, c, own_width):
    """Heads whose width is hidden_size / heads, or of their own."""
    heads = c["num_attention_heads"]
    c["num_key_value_heads"] = r.choice([k for k in range(1, heads + 1) if heads % k == 0])
    if own_width:
        c["hidden_size"], c["head_dim"] = r.choice([20, 24, 36, 44, 52, 60, 68, 90, 33]), r.choice([4, 6, 8, 10, 14, 16])
    else:
        c["hidden_size"] = heads * r.choice([4, 6, 8, 10, 12, 14, 16, 18, 22])


def mixture(r, c, name):
    c[name] = r.choice([3, 4, 5, 6, 7, 8, 9, 12, 16])
    c["num_experts_per_tok"] = r.randint(1, min(c[name], 6))
    c["intermediate_size"] = r.randint(5, 70)


def qwen_layers(r, c):
    depth, step = c["num_hidden_layers"], r.choice([1, 1, 2])
    while True:
        only = [l for l in range(depth) if r.random() < 0.2]
        if any(l not in only and (l + 1) % step == 0 for l in range(depth)):
            break
        if depth == 1:
            step = 1
    c.update(decoder_sparse_step=step, mlp_only_layers=only, moe_intermediate_size=r.randint(5, 50), norm_topk_prob=r.random() < 0.5, use_sliding_window=False)


def every_so_many(r, c):
    """moe_layer_freq of DeepSeek's own code."""
    depth, first = c["num_hidden_layers"], c["first_k_dense_replace"]
    return 2 if r.random() < 0.3 and any(l >= first and l % 2 == 0 for l in range(depth)) else 1


def latent(r, c):
    heads, depth = c["num_attention_heads"], c["num_hidden_layers"]
    c.update(
        hidden_size=heads * r.choice([4, 6, 8, 10, 12, 14, 16, 18, 22]), num_key_value_heads=heads, q_lora_rank=r.choice([None, 7, 16, 24]), kv_lora_rank=r.choice([6, 12, 20, 34]),
        qk_nope_head_dim=r.choice([4, 6, 8, 12]), qk_rope_head_dim=r.choice([2, 4, 8, 12]), v_head_dim=r.choice([3, 5, 8, 14]),
        n_shared_experts=r.choice([1, 2, 3]), moe_intermediate_size=r.randint(5, 50), intermediate_size=r.randint(5, 70), rope_parameters=rope(r, deepseek=True),
        first_k_dense_replace=r.choice([0, 1, 1, 2]) if depth > 2 else r.randint(0, depth - 1),
    )
    groups = r.choice([1, 1, 2, 3, 4])
    size, keep = r.choice([2, 3, 4, 5]) if groups > 1 else r.choice([3, 5, 8, 12]), r.randint(1, groups)
    c.update(n_routed_experts=groups * size, n_group=groups, topk_group=keep, num_experts_per_tok=r.randint(1, min(6, keep * size)))


def configuration(family, r):
    """A family's configuration and its model's class."""
    import transformers as t
    c = common(r)
    if family == "mixtral":
        attention(r, c, r.random() < 0.5)
        c.setdefault("head_dim", c["hidden_size"] // c["num_attention_heads"])  # transformers stretches no rotary embedding without
        mixture(r, c, "num_local_experts")
        c.update(sliding_window=r.choice([None, None, 5, 33, 4096]), rope_parameters=rope(r))
        return t.MixtralConfig(**c), t.MixtralForCausalLM
    if family == "olmoe":
        attention(r, c, False)
        mixture(r, c, "num_experts")
        c.update(norm_topk_prob=r.random() < 0.5, attention_bias=r.random() < 0.4, clip_qkv=r.choice([None, None, 0.7, 1.5]), rope_parameters=rope(r))
        return t.OlmoeConfig(**c), t.OlmoeForCausalLM
    if family in ("qwen2_moe", "qwen3_moe"):
        second = family == "qwen2_moe"
        attention(r, c, r.random() < (0.2 if second else 0.8))
        mixture(r, c, "num_experts")
        qwen_layers(r, c)
        c.update(rope_parameters=rope(r), **({"qkv_bias": r.random() < 0.7, "shared_expert_intermediate_size": r.randint(5, 80)} if second else {"attention_bias": r.random() < 0.4}))
        return (t.Qwen2MoeConfig(**c), t.Qwen2MoeForCausalLM) if second else (t.Qwen3MoeConfig(**c), t.Qwen3MoeForCausalLM)
    if family == "gpt_oss":  # with a window of 1 transformers' cache gives other texts than its model without one
        attention(r, c, True)
        mixture(r, c, "num_local_experts")
        c.update(sliding_window=r.choice([3, 8, 33, 128]), attention_bias=r.random() < 0.8, rope_parameters=rope(r))
        if r.random() < 0.5:
            c["layer_types"] = [r.choice(["sliding_attention", "full_attention"]) for _ in range(c["num_hidden_layers"])]
        return t.GptOssConfig(**c), t.GptOssForCausalLM
    if family == "deepseek":  # transformers' Llama, with DeepSeek-V2's mixture
        attention(r, c, False)
        c.update(intermediate_size=r.randint(5, 70), attention_bias=r.random() < 0.3, rope_parameters=rope(r, kinds=("default", "linear")))
        cfg = t.LlamaConfig(**c)
        cfg.n_routed_experts = r.choice([3, 4, 5, 6, 7, 8, 9, 12, 16])
        cfg.num_experts_per_tok = r.randint(1, min(cfg.n_routed_experts, 6))
        cfg.n_shared_experts, cfg.moe_intermediate_size = r.choice([1, 2, None]), r.randint(5, 50)
        cfg.first_k_dense_replace, cfg.norm_topk_prob = r.randint(0, cfg.num_hidden_layers - 1), r.random() < 0.4
        cfg.moe_layer_freq = every_so_many(r, cfg.to_dict())
        return cfg, t.LlamaForCausalLM
    latent(r, c)
    if family == "deepseek_v2":
        c.update(topk_method=r.choice(["greedy", "group_limited_greedy"]), norm_topk_prob=r.random() < 0.3, routed_scaling_factor=r.choice([1.0, 2.5, 16.0]))
        cfg, cls, scoring = t.DeepseekV2Config(**c), t.DeepseekV2ForCausalLM, "softmax"
    else:  # Kimi-K2 is built like DeepSeek-V3
        c.update(norm_topk_prob=r.random() < 0.7, routed_scaling_factor=r.choice([1.0, 2.5, 2.446, 2.827]))
        cfg, cls, scoring = t.DeepseekV3Config(**c), t.DeepseekV3ForCausalLM, "sigmoid"
        cfg.topk_method, cfg.rope_interleave = "noaux_tc", r.random() > 0.15
    cfg.scoring_func, cfg.moe_layer_freq = scoring, every_so_many(r, c)
    return cfg, cls


# ---- fields that are missing

OPTIONAL = (  # what capmoe reads files without
    "num_key_value_heads", "head_dim", "hidden_act", "tie_word_embeddings", "sliding_window", "layer_types", "rope_theta", "rope_scaling", "rope_parameters", "rope_interleave",
    "attention_bias", "qkv_bias", "clip_qkv", "norm_topk_prob", "use_sliding_window", "decoder_sparse_step", "mlp_only_layers", "q_lora_rank", "first_k_dense_replace",
)


def usual(family, c, r):
    """Gives some fields the value that transformers has for a file without them."""
    missing = type(c)()
    if family == "gpt_oss" and r.random() < 0.3:
        c.rope_parameters = missing.rope_parameters
    if family == "gpt_oss" and r.random() < 0.2:
        c.head_dim = missing.head_dim
    if family in ("mixtral", "qwen2_moe", "qwen3_moe", "gpt_oss") and r.random() < 0.2:
        c.num_key_value_heads = missing.num_key_value_heads
        c.num_attention_heads = c.num_key_value_heads * r.choice([1, 2])
        if not getattr(c, "head_dim", None):
            c.hidden_size = c.num_attention_heads * r.choice([2, 4])
    if family in ("deepseek_v2", "deepseek_v3", "kimi_k2") and r.random() < 0.1:
        c.q_lora_rank = missing.q_lora_rank
    if family in ("deepseek_v3", "kimi_k2") and c.num_hidden_layers > 3 and c.moe_layer_freq == 1 and r.random() < 0.5:
        c.first_k_dense_replace = missing.first_k_dense_replace


def leave_out(config, family, of, r):
    """Takes fields out of a config.json that the configuration class, or DeepSeek's own, has the same value for."""
    own = {"moe_layer_freq": 1, "scoring_func": config.get("scoring_func")} if family.startswith(("deepseek", "kimi")) else {}
    if family == "deepseek":
        own.update(first_k_dense_replace=0, norm_topk_prob=False, n_shared_experts=None)
    if family in ("deepseek_v3", "kimi_k2"):
        own.update(topk_method="noaux_tc", n_shared_experts=1)
    whole = of.from_dict(copy.deepcopy(config)).to_dict()
    for holder in (config, config.get("rope_parameters") or {}):
        for name, value in list(holder.items()):
            if name not in OPTIONAL and name not in own or r.random() < 0.4:
                continue
            del holder[name]
            if name in own and own[name] != value or name not in own and of.from_dict(copy.deepcopy(config)).to_dict() != whole:
                holder[name] = value


# ---- models

def divided(mlp, cfg):
    """Weights as DeepSeek-V2's code makes them: divided by their sum, and not scaled, if norm_topk_prob and top_k > 1."""
    chosen = mlp.route_tokens_to_experts

    def route(logits):
        index, weights = chosen(logits)
        weights = weights / mlp.routed_scaling_factor
        return index, weights / (weights.sum(-1, keepdim=True) + 1e-20)
    if cfg.norm_topk_prob and cfg.num_experts_per_tok > 1:
        mlp.route_tokens_to_experts = route


def deepseek_code(family, model, cfg):
    """Puts right what transformers leaves out of DeepSeek's own code: layers of a mixture by moe_layer_freq, and of V2 the division of weights and the scale of
    scores that YaRN brings. Gives deepseek-moe its mixtures."""
    import torch
    from transformers import DeepseekV2Config
    from transformers.models.deepseek_v2 import modeling_deepseek_v2 as v2
    from transformers.models.deepseek_v3 import modeling_deepseek_v3 as v3

    class NoShared(torch.nn.Module):
        def forward(self, x):
            return torch.zeros_like(x)
    for l, layer in enumerate(model.model.layers):
        mixed = l >= cfg.first_k_dense_replace and l % cfg.moe_layer_freq == 0
        if family == "deepseek" and mixed:
            same = ("hidden_size", "num_attention_heads", "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size")
            of = DeepseekV2Config(**{n: getattr(cfg, n) for n in same}, n_shared_experts=cfg.n_shared_experts or 1, routed_scaling_factor=1.0, topk_method="greedy")
            of._experts_implementation = "eager"
            layer.mlp = v2.DeepseekV2Moe(of).eval()
            if cfg.n_shared_experts is None:
                layer.mlp.shared_experts = NoShared()
        elif family != "deepseek" and l >= cfg.first_k_dense_replace and not mixed:
            layer.mlp = (v2.DeepseekV2MLP if family == "deepseek_v2" else v3.DeepseekV3MLP)(cfg).eval()
        if family in ("deepseek", "deepseek_v2") and mixed:
            layer.mlp.num_experts = cfg.n_routed_experts
            divided(layer.mlp, cfg)
        p = cfg.rope_parameters
        if family == "deepseek_v2" and p["rope_type"] == "yarn" and p.get("mscale_all_dim") and p["factor"] > 1:
            layer.self_attn.scaling *= (0.1 * p["mscale_all_dim"] * math.log(p["factor"]) + 1) ** 2


def fill(model, seed):
    """Random weights, large enough for routing that is not even."""
    import torch
    g = torch.Generator().manual_seed(seed)
    for name, p in list(model.named_parameters()) + [b for b in model.named_buffers() if "correction_bias" in b[0]]:
        z = torch.randn(p.shape, generator=g)
        if "correction_bias" in name:
            z *= 0.3
        elif "norm" in name and p.dim() == 1:
            z = 1 + 0.3 * z
        elif name.endswith("bias"):
            z *= 0.4
        elif "router" in name or "mlp.gate.weight" in name:
            z *= 1.5 / math.sqrt(p.shape[-1])
        elif "experts" in name and p.dim() == 3:
            z *= 1.3 / math.sqrt(model.config.hidden_size if "gate_up" in name else p.shape[-1])
        elif p.dim() == 2 and "embed" not in name:
            z *= 1.2 / math.sqrt(p.shape[-1])
        p.copy_(z)


def cast(model, dtype):
    """All that is stored; rotary frequencies stay float32."""
    for p in model.parameters():
        p.data = p.data.to(dtype)
    for name, b in model.named_buffers():
        if "correction_bias" in name:
            b.data = b.data.to(dtype)


# ---- weights of 8 and of 4 bits

UNQUANTIZED = ("embed_tokens", "lm_head", "mlp.gate.weight", "shared_expert_gate")  # matrices that released models of 8 bits keep in bf16


def storage(family, r):
    """How weights are stored: as they are, in fp8 with the edge of the squares that share a scale, or in MXFP4."""
    if r.random() < 0.6 or family == "deepseek":
        return None, 0
    return ("mxfp4", 0) if family == "gpt_oss" else ("fp8", r.choice([128, 128, 32, 16, 7]))


def as_fp8(model, block, together):
    """Gives the matrices the values that they have in fp8, and returns what is stored for each, by its bytes."""
    import torch
    from torch.nn.functional import pad
    stored = {}

    def one(w):
        rows, columns = w.shape
        squares = pad(w, (0, -columns % block, 0, -rows % block)).unflatten(1, (-1, block)).unflatten(0, (-1, block))
        scale = (squares.abs().amax((1, 3)) / 448).clamp(min=1e-6)
        factors = scale.repeat_interleave(block, 0)[:rows].repeat_interleave(block, 1)[:, :columns]
        eight = (w / factors).to(torch.float8_e4m3fn)
        w = eight.to(torch.float32) * factors
        stored[w.numpy().tobytes()] = eight, scale
        return w
    for name, p in model.named_parameters():
        if p.dim() == 3:
            apart = 1 if together or "down_proj" in name else 2
            p.data = torch.stack([torch.cat([one(w.float()) for w in expert.chunk(apart)]) for expert in p])
        elif p.dim() == 2 and not any(kept in name for kept in UNQUANTIZED):
            p.data = one(p.float())
    return stored


def put_fp8(tensors, stored):
    import torch
    for name, t in list(tensors.items()):
        found = [stored.get(w.numpy().tobytes()) for w in (t if t.dim() == 3 else [t]) if w.dtype == torch.float32]
        if found and found[0]:
            eight, scale = map(torch.stack, zip(*found)) if t.dim() == 3 else found[0]
            tensors[name], tensors[f"{name}_scale_inv"] = eight, scale


def put_mxfp4(tensors, r):
    """Random blocks and scales in the place of gpt-oss's experts."""
    import torch
    g = torch.Generator().manual_seed(r.randrange(2**32))
    for name, t in list(tensors.items()):
        if name.endswith(("gate_up_proj", "down_proj")):
            experts, inputs, outputs = t.shape
            del tensors[name]
            middle = 127 + round(math.log2(0.4 / math.sqrt(inputs)))
            tensors[f"{name}_blocks"] = torch.randint(0, 256, (experts, outputs, inputs // 32, 16), generator=g, dtype=torch.uint8)
            tensors[f"{name}_scales"] = torch.randint(middle - 3, middle + 2, (experts, outputs, inputs // 32), generator=g, dtype=torch.uint8)


def rewrite(folder, put):
    """Changes the tensors of a folder's files, and its index."""
    from safetensors.torch import load_file, save_file
    index, where = f"{folder}/model.safetensors.index.json", {}
    for file in sorted(glob.glob(f"{folder}/*.safetensors")):
        tensors = load_file(file)
        put(tensors)
        save_file(tensors, file, {"format": "pt"})
        where.update(dict.fromkeys(tensors, os.path.basename(file)))
    if os.path.exists(index):
        with open(index, "w") as f:
            json.dump({"metadata": {}, "weight_map": where}, f, indent=1)


# ---- files

def expert_by_expert(tensors):
    """DeepSeek's names: tensors of every expert by itself."""
    out = {}
    for name, t in tensors.items():
        base, _, last = name.rpartition(".")
        if last == "gate_up_proj":
            for e, (gate, up) in enumerate(one.chunk(2, 0) for one in t):
                out[f"{base}.{e}.gate_proj.weight"], out[f"{base}.{e}.up_proj.weight"] = gate.contiguous(), up.contiguous()
        elif last == "down_proj" and t.dim() == 3:
            for e, one in enumerate(t):
                out[f"{base}.{e}.down_proj.weight"] = one.contiguous()
        else:
            out[name] = t.contiguous()
    return out


def as_transformers_4(config, r):
    """The names of older config.json files. Where gpt-oss's YaRN has no fields transformers 5 makes one up."""
    p = config.pop("rope_parameters", None) or {}
    config["rope_theta"] = p.pop("rope_theta", 10000.0)
    kind = p.pop("rope_type", "default")
    config["rope_scaling"] = None if kind == "default" and config["model_type"] != "gpt_oss" else {**p, r.choice(["type", "rope_type"]): kind}
    config["torch_dtype"], config["transformers_version"] = config.pop("dtype", None), "4.46.0"


def edit(folder, change):
    """Changes a folder's config.json."""
    with open(f"{folder}/config.json") as f:
        config = json.load(f)
    change(config)
    with open(f"{folder}/config.json", "w") as f:
        json.dump(config, f, indent=1)


def write(model, family, folder, together, r):
    """The model in one of the layouts that files come in."""
    from safetensors.torch import save_file
    if family == "deepseek":
        tied = model.config.tie_word_embeddings
        tensors = {n: t.detach().clone() for n, t in model.state_dict().items() if not (tied and n == "lm_head.weight")}
        save_file(tensors if together else expert_by_expert(tensors), f"{folder}/model.safetensors", {"format": "pt"})
        model.config.save_pretrained(folder)
    else:
        model.save_pretrained(folder, max_shard_size=r.choice(["1GB", "1GB", "40KB"]), save_original_format=not (together or family == "gpt_oss"))
    for other in glob.glob(f"{folder}/generation_config.json"):
        os.remove(other)
    edit(folder, lambda config: config.update(model_type=family))


def quantize(folder, method, block, stored, r):
    """Puts what is stored in 8 or 4 bits in its place, as released models have it."""
    if method == "fp8":
        rewrite(folder, lambda tensors: put_fp8(tensors, stored))
        how = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [block, block]}
    else:
        rewrite(folder, lambda tensors: put_mxfp4(tensors, r))
        how = {"modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"], "quant_method": "mxfp4"}
    edit(folder, lambda config: config.update(quantization_config=how))


def make(folder, family, seed):
    import torch, transformers
    from safetensors.torch import save_file
    torch.set_grad_enabled(False)
    r, kept, named = (random.Random(f"{family}-{seed}{what}") for what in ("", " stored", " named"))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    cfg, cls = configuration(family, r)
    method, block = storage(family, kept)
    if method == "mxfp4":  # whose groups are of 32 inputs
        cfg.hidden_size, cfg.intermediate_size = kept.choice([32, 64, 96]), kept.choice([32, 64, 96])
    usual(family, cfg, named)
    cfg._attn_implementation = cfg._experts_implementation = "eager"
    model = cls(cfg).eval()
    if family.startswith(("deepseek", "kimi")):
        deepseek_code(family, model, cfg)
    fill(model, seed)
    dtype = r.choice([torch.float32, torch.float32, torch.bfloat16, torch.float16])
    cast(model, dtype)
    model.config.dtype = dtype
    together, old = r.random() < 0.3, r.random() < 0.5
    stored = as_fp8(model, block, together) if method == "fp8" else None
    write(model, family, folder, together, r)
    if method:
        quantize(folder, method, block, stored, kept)
    if old:
        edit(folder, lambda config: as_transformers_4(config, r))
    edit(folder, lambda config: leave_out(config, family, type(cfg), named))
    if method == "mxfp4":
        model = cls.from_pretrained(folder, quantization_config=transformers.Mxfp4Config(dequantize=True), attn_implementation="eager", experts_implementation="eager").eval()
    cast(model, torch.float32)
    most = cfg.max_position_embeddings
    lengths = [1, 2, r.randint(3, 20), r.randint(21, 60), r.randint(61, most)]
    sequences = [[r.randrange(cfg.vocab_size) for _ in range(n)] for n in lengths]
    with open(f"{folder}/tokens.json", "w") as f:
        json.dump({"sequences": sequences}, f)
    save_file({f"logits.{i}": model(torch.tensor([s]), use_cache=False).logits[0].contiguous() for i, s in enumerate(sequences)}, f"{folder}/logits.safetensors")
    texts = []
    for s in sequences[1:4]:
        ids = torch.tensor([s])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, eos_token_id=None, pad_token_id=0)
        texts.append(out[0][len(s):].tolist())
    with open(f"{folder}/greedy.json", "w") as f:
        json.dump(texts, f)


# ---- the comparison

def run(binary, ranks, *args):
    launcher = ["mpirun", "--oversubscribe", "-n", str(ranks)] if ranks > 1 else []
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return subprocess.run(launcher + [binary, *args], capture_output=True, text=True, env={**os.environ, **allowed})


def differences(binary, folder, scratch):
    """What capmoe gives for a model, and the faults found."""
    import numpy as np
    from safetensors.numpy import load_file
    want, worst, faults, first = load_file(f"{folder}/logits.safetensors"), 0.0, [], None
    for ranks in (1, 2, 3):
        out = f"{scratch}/logits.safetensors"
        done = run(binary, ranks, "logits", "--model", folder, "--tokens", f"{folder}/tokens.json", "--out", out)
        if done.returncode:
            return worst, [done.stderr.strip()[-300:]]
        got = load_file(out)
        worst = max([worst] + [float(np.abs(got[k] - w).max() / np.abs(w).max()) for k, w in want.items()])
        first = first or got
        if any(not np.array_equal(first[k], got[k]) for k in want):
            faults.append(f"other bits on {ranks} ranks")
    if not worst <= 1e-4:
        faults.append("logits differ")
    with open(f"{folder}/tokens.json") as f, open(f"{scratch}/requests.jsonl", "w") as requests:
        for i, s in enumerate(json.load(f)["sequences"][1:4]):
            requests.write(json.dumps({"id": str(i), "tokens": s, "max_tokens": 12}) + "\n")
    done = run(binary, 2, "generate", "--model", folder, "--input", requests.name, "--output", f"{scratch}/texts.jsonl", "--overwrite", "--ignore-eos")
    if done.returncode:
        return worst, faults + [done.stderr.strip()[-300:]]
    with open(f"{folder}/greedy.json") as f, open(f"{scratch}/texts.jsonl") as texts:
        greedy = json.load(f)
        faults += [f"greedy text {t['id']} differs" for t in map(json.loads, texts) if t["tokens"] != greedy[int(t["id"])][:len(t["tokens"])]]
    return worst, faults


def check(folder, binary):
    bad, models = 0, sorted(glob.glob(f"{folder}/*/config.json"))
    with tempfile.TemporaryDirectory() as scratch:
        for config in models:
            worst, faults = differences(binary, os.path.dirname(config), scratch)
            bad += bool(faults)
            print(f"{os.path.basename(os.path.dirname(config)):16} {worst:.1e}  {'; '.join(faults) or 'ok'}", flush=True)
    print(f"{bad} of {len(models)} models differ")
    return bad > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make")
    maker.add_argument("dir")
    maker.add_argument("family", choices=FAMILIES)
    maker.add_argument("first", type=int)
    maker.add_argument("last", type=int)
    checker = commands.add_parser("check")
    checker.add_argument("dir")
    checker.add_argument("--capmoe", default="bin/capmoe")
    args = parser.parse_args()
    if args.command == "check":
        raise SystemExit(check(args.dir, args.capmoe))
    for seed in range(args.first, args.last + 1):
        make(f"{args.dir}/{args.family}-{seed}", args.family, seed)


main()
