// Package tokenizer turns text into token ids and back, as the Hugging Face
// tokenizers library does with the same tokenizer.json.
//
//	text ─ added tokens ─ normalizer ─ added tokens ─ pre-tokenizers ─ model ─ template ─ ids
//	       (as written)                (normalized)   words            BPE     (BOS …)
//	ids ─ token texts ─ decoders ─ text
//
// Supported are byte-level BPE (GPT-2, GPT-NeoX and OLMoE, Qwen, DeepSeek,
// gpt-oss, Kimi K2) and SentencePiece-style BPE with byte fallback (Mistral and
// Mixtral). A file that asks for anything else is refused with an error that
// names the field: a tokenizer that is nearly right is wrong.
//
// It follows the library (version 0.23) even here: a character that neither the
// vocabulary nor byte fallback nor an unknown token covers is dropped; an id
// without a token decodes to nothing. It does not here: padding and truncation
// in the file are not applied, nor does transformers; a file that contradicts
// itself is an error, where the library warns or takes one side; characters
// have the classes of the Unicode version of Go's tables (15.0 in Go 1.26),
// where the library has those of Unicode 16 in patterns and of Unicode 9 in
// normal forms, so rare scripts and marks that are newer may be cut or ordered
// in another way.
//
// Reading order:
//
//	tokenizer.go    Tokenizer: Encode, Decode, TokenID, Token
//	load.go         Load and Parse: tokenizer.json, part by part
//	object.go       one JSON object of the file, read strictly
//	error.go        Error, UTF8Error, ErrUnsupported
//	piece.go        the unit that travels down the pipeline; spans, behaviors
//	find.go         what cuts a piece: pattern, literal, class of characters
//	pattern.go      Oniguruma's syntax to regexp2's
//	added.go        added tokens: flags and ids
//	match.go        added tokens in a text: leftmost, longest
//	normalize.go    normalizers
//	form.go         NFC, NFD, NFKC and NFKD without a limit on marks
//	pretokenize.go  pre-tokenizers
//	metaspace.go    spaces written as marks, and back
//	bytelevel.go    the alphabet that writes every byte as a letter
//	vocabulary.go   tokens and ids, merges and ranks
//	bpe.go          one word to ids
//	merge.go        the merges of a word by rank, O(n log n)
//	cache.go        words seen before
//	template.go     post-processors
//	decode.go       the decoders of a file, one behind the other
//	decoders.go     each of them
//	stripdecoder.go and the one that strips, a token or the text
//	utf8.go         bytes to text, when not all of them are UTF-8
//	stream.go       Stream: text of ids that arrive one at a time
package tokenizer
