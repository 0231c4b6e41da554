#!/usr/bin/env python3
"""Writes layers of OLMoE's shape with made bfloat16 weights as a GGUF file, for llama.cpp.

    python3 examples/compare/gguf_stack.py FILE        (needs gguf and numpy)
"""
import sys
import gguf, numpy

HIDDEN, INNER, EXPERTS, TOP, HEADS, LAYERS, VOCAB = 2048, 1024, 64, 8, 16, 2, 256

def main(path):
    w, rng = gguf.GGUFWriter(path, "olmoe"), numpy.random.default_rng(1)
    w.add_context_length(4096)
    w.add_embedding_length(HIDDEN)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(INNER)
    w.add_head_count(HEADS)
    w.add_head_count_kv(HEADS)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_freq_base(10000.0)
    w.add_expert_count(EXPERTS)
    w.add_expert_used_count(TOP)
    w.add_vocab_size(VOCAB)
    w.add_tokenizer_model("none")
    w.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)

    def normals(*shape):
        return rng.standard_normal(shape, dtype=numpy.float32) / numpy.float32(numpy.sqrt(shape[-1]))

    def matrix(name, *shape):
        bits = ((normals(*shape).view(numpy.uint32) + 0x8000) >> 16).astype(numpy.uint16)
        w.add_tensor(name + ".weight", bits.view(numpy.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)

    def ones(name):
        w.add_tensor(name + ".weight", numpy.ones(HIDDEN, numpy.float32))

    matrix("token_embd", VOCAB, HIDDEN)
    matrix("output", VOCAB, HIDDEN)
    ones("output_norm")
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(block + name, HIDDEN, HIDDEN)
        for name in ("attn_norm", "attn_q_norm", "attn_k_norm", "ffn_norm"):
            ones(block + name)
        w.add_tensor(block + "ffn_gate_inp.weight", normals(EXPERTS, HIDDEN))
        matrix(block + "ffn_gate_exps", EXPERTS, INNER, HIDDEN)
        matrix(block + "ffn_up_exps", EXPERTS, INNER, HIDDEN)
        matrix(block + "ffn_down_exps", EXPERTS, HIDDEN, INNER)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()

main(sys.argv[1])
