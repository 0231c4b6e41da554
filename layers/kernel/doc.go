// Package kernel multiplies matrices for the layers above: weights that stay, packed once at load, and small dense products.
//
//	checkpoint W [n,k] ── Pack ──▶ Matrix (W in the library's own layout)
//	                                  │
//	rows x [m,k] ─────────────────▶ MulTo ──▶ dst [m,n] = x·Wᵀ; MulPartTo makes some columns, MulJoinedTo goes through a perceptron
//
//	queries, keys ───────────────▶ Gemm ───▶ scores [m,n] = alpha·A·Bᵀ
//	scores, values ──────────────▶ Gemm ───▶ mix    [m,n] = A·B
//	queries, keys, values ───────▶ Attender, where there is one, does both; AddDots, AddWeighted: those of a single query
//
//	products, residuals ─────────▶ Softmax, GateTo, RMSNormTo, row by row
//
// Two libraries stand behind the one interface and pass the one suite. The default, through cgo, has three ways to multiply by a packed
// matrix, the first that the CPU allows:
//
//	panels            AVX2 or AVX-512, and AMX for bf16: kernels of our own, which wait less for weights that come from memory
//	oneDNN's brgemm   where it keeps the promise below; that for AMX does not
//	pure Go           on gonum; it is always there, and is the default with -tags noonednn or without cgo
//
// # Same bits for any batch
//
// A row of MulTo's result is a function of that row of x and of W alone. Its bits are the same whether the row comes by itself
// or among five hundred, in whatever place, and on however many threads; so a token's logits do not depend on who shared its
// batch. Both libraries promise it, and the suite holds them to it bit by bit, in float32 and in bf16.
//
// # Reading order
//
//	library.go           Library, Matrix, Options: the interface
//	dtype.go             DType, and how values and rows are rounded to bf16
//	source.go            a matrix as it comes to be packed: whole, or by rows
//	joined.go            MulJoinedTo: through a perceptron at once; panels_joined.go: by panels
//	gemm.go              Gemm: the operands of one dense product, and their checks
//	reference.go         Reference: MulTo in plain loops, the truth of the suite
//	gonum.go             the portable library
//	gonum_matrix.go      its packed matrix: panels of Wᵀ
//	gonum_gemm.go        its dense product: tiles of op(B)
//	vector.go            Softmax, GateTo, RMSNormTo: operations on rows, and their checks
//	vector_portable.go   their arithmetic, in Go
//	vector.h, vector.c   the same arithmetic in C; vector_rows.c, vector_rows_16.c: of single rows with vectors; vector_default_*.go choose
//	parallel.go          the team: work shared among threads that stay awake
//	yield.go, yield.c    what keeps Go's monitor asleep while threads compute in C; yield_go.go: where they compute in Go
//	default_onednn.go    New, where oneDNN is built in
//	default_gonum.go     New, where it is not
//	onednn.go            the oneDNN library, Go side
//	onednn_matrix.go     its packed matrix
//	onednn.h, onednn.c   its C side: layouts and primitives
//	onednn_weights.c     packing, and one call a product; onednn_space.c lends it memory
//	panels.go            a packed matrix for AVX2, AVX-512 and AMX: the Go side
//	panels.h, panels.c   its order in memory
//	panels_vector.c      its products by vectors
//	panels_amx.c         its products by the matrix unit
//	tile.h, tile.c       a tile of them, for every width of vectors
//	tiles.go             dense products on CPUs with AVX2 or AVX-512: the Go side
//	tiles.h, tiles.c     their C side; tiles_of.h is it for one width
//	vectors.h            vectors of 8 and of 16 values
//	attend.go            Attender; attend_tiles.go, attend.h, attend.c: by the matrix unit, or by vectors of bf16; attend_product.c: its products
//	amx.h, amx.c         the matrix unit
//	square.h             16 × 16 values, turned
//	bf16.h, bf16.c       rows of bf16, and rounding to it
//	values.go            values of float32 or bf16; pages.go: in huge pages
//	memory.h, memory.c   huge pages for weights
//	clones.h, unfused.h  functions compiled for each width of vectors; products that are not fused with sums
package kernel
