package kernel

// tile is scratch for a piece of Bᵀ.
type tile [tileSide * tileSide]float32

// Gemm implements Library.
func (lib *gonumLibrary) Gemm(g Gemm) {
	if !g.prepare() {
		return
	}
	strips := ceilDiv(g.N, tileSide)
	if lib.team.size == 1 {
		for s := range strips {
			lib.strip(&g, s*tileSide)
		}
		return
	}
	shared := g
	lib.team.each(strips, func(_, s int) { lib.strip(&shared, s*tileSide) })
}

// strip computes the tileSide columns of C from j on.
func (lib *gonumLibrary) strip(g *Gemm, j int) {
	cols := min(tileSide, g.N-j)
	var scratch *tile
	if g.TransB {
		scratch = lib.tiles.Get().(*tile)
		defer lib.tiles.Put(scratch)
	}
	for l := 0; l < g.K; l += tileSide {
		depth := min(tileSide, g.K-l)
		b, ldb := g.B, g.LDB
		if g.TransB {
			transpose(scratch, b[j*ldb+l:], ldb, [2]int{cols, depth})
			b, ldb = scratch[:], tileSide
		} else {
			b = b[l*ldb+j:]
		}
		for i := 0; i < g.M; i += blockRows {
			block(Gemm{M: min(blockRows, g.M-i), N: cols, K: depth, Alpha: g.Alpha,
				A: g.A[i*g.LDA+l:], LDA: g.LDA, B: b, LDB: ldb, C: g.C[i*g.LDC+j:], LDC: g.LDC,
				Accumulate: g.Accumulate || l > 0})
		}
	}
}

// transpose writes the dims[0]×dims[1] values of b, rows ldb apart, into t as dims[1] rows tileSide apart.
func transpose(t *tile, b []float32, ldb int, dims [2]int) {
	for j := range dims[0] {
		for l, v := range b[j*ldb:][:dims[1]] {
			t[l*tileSide+j] = v
		}
	}
}

// Each implements Library.
func (lib *gonumLibrary) Each(n int, do func(worker, i int)) {
	lib.team.each(n, do)
}

// Threads implements Library.
func (lib *gonumLibrary) Threads() int {
	return lib.team.size
}
