// Package checkpoint reads models from Hugging Face folders: their tensors in
// safetensors files, which it also writes.
//
//	folder ── index.json ── shards ──mmap── File ── Tensor ─┬─ Rows ─┬─ Float32(dst)        widened, all finite
//	  Open      Store       opened when     header          │ a rank's├─ Float32Scaled(dst) fp8 × block scales, Float32MX(dst) fp4
//	                        first asked     checked         │ part    └─ Int32(dst)         ids, range checked
//	                                                        └─ Expect(shape), Data
//	Spec ── Create ── Writer.Append … ── Close ── file, whole or not at all
//
//	config.json ── ReadConfig ── Config: family, layers.Config ─┬─ FindWeights(store, owned experts): headers ── Found ── Read ── layers.Weights
//	                                                            └─ Estimate: parameters, bytes of each rank
//
// # A safetensors file
//
// 8 bytes of length, little-endian; as many bytes of JSON, {"name": {"dtype":
// "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}; the data of all tensors,
// row-major (github.com/huggingface/safetensors, "Format"). A header is not
// trusted: OpenFile refuses one that disagrees with itself or with the size of
// the file, and holds no more memory than a small multiple of the header.
//
// Opening reads the header alone. The data are mapped, so a rank reads from disk
// just the pages of the tensors and rows it asks for, ranks on one node share
// them, and the memory is the page cache's. A Tensor's Data alias the mapping:
// read them only before Close. A file that is truncated while mapped ends the
// process with SIGBUS; this is not caught.
//
// # Errors
//
// Every error is an *Error: file, tensor, and a fact with both numbers. Values
// are refused as much as shapes: a NaN or an infinity among weights is reported
// with its place instead of spreading through the logits.
//
// # Files, in reading order
//
//	dtype.go      element types
//	tensor.go     Tensor: shape, rows, Expect
//	error.go      Error, ErrNotFound
//	file.go       File: map and parse one safetensors file
//	header.go     the header and its checks
//	json.go       JSON, strictly
//	release.go    pages that have been read
//	store.go      Store: a folder of one file or of shards
//	index.go      model.safetensors.index.json
//	nearest.go    the name that was probably meant
//	convert.go    Float32
//	float.go      fp16 and fp8 bit patterns
//	scaled.go     Float32Scaled: fp8 with block scales
//	mxfp4.go      Float32MX: fp4 in groups with scales
//	integer.go    Int32
//	write.go      Writer: a file in a stream
//	encode.go     the header that it writes
//	fields.go     config.json, one field at a time; fields_check.go, what fields must be
//	config.go     config.json → layers.Config; config_*.go, its parts
//	names.go      tensors' names
//	family.go     what differs between model families; family_*.go, one each
//	weights.go    FindWeights, Found: what one rank owns, packed; weights_*.go, its parts
//	unused.go     tensors that the model has no use for
//	fingerprint.go Fingerprint: one model or another
//	estimate.go   Estimate: parameters and memory, from config.json alone
//	size.go       parameters of a model's parts
package checkpoint
