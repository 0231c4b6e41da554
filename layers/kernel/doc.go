// Package kernel multiplies matrices for the layers above: weights that stay, packed once at load, and small dense products.
//
//	checkpoint W [n,k] ── Pack ──▶ Matrix (W in the library's own layout)
//	                                  │
//	rows x [m,k] ─────────────────▶ MulTo ──▶ dst [m,n] = x·Wᵀ
//
//	queries, keys ───────────────▶ Gemm ───▶ scores [m,n] = alpha·A·Bᵀ
//	scores, values ──────────────▶ Gemm ───▶ mix    [m,n] = A·B
//
// Two libraries stand behind the one interface and pass the one suite. oneDNN, through cgo, is the default; pure Go on gonum
// is always there, and is the default with -tags noonednn or without cgo.
//
// # Same bits for any batch
//
// A row of MulTo's result is a function of that row of x and of W alone. Its bits are the same whether the row comes by itself
// or among five hundred, in whatever place, and on however many threads; so a token's logits do not depend on who shared its
// batch. Both libraries promise it, and the suite holds them to it bit by bit.
//
// # Reading order
//
//	library.go           Library, Matrix, Options: the interface
//	gemm.go              Gemm: the operands of one dense product, and their checks
//	reference.go         Reference: MulTo in plain loops, the truth of the suite
//	gonum.go             the portable library
//	gonum_matrix.go      its packed matrix: panels of Wᵀ
//	gonum_gemm.go        its dense product: tiles of op(B)
//	parallel.go          a counted loop over goroutines
//	default_onednn.go    New, where oneDNN is built in
//	default_gonum.go     New, where it is not
//	onednn.go            the oneDNN library, Go side
//	onednn_matrix.go     its packed matrix and its dense product
//	onednn.h, onednn.c   its C side: layouts, primitives, one call a product
package kernel
