package kernel

import (
	"fmt"
	"testing"
)

// testLibrary is the suite that every Library passes in every type.
func testLibrary(t *testing.T, make func(opts Options) Library) {
	for _, dtype := range []DType{F32, BF16} {
		t.Run(dtype.String(), func(t *testing.T) {
			testPacked(t, func(threads int) Library { return make(Options{Threads: threads, DType: dtype}) }, dtype)
		})
	}
	testGemm(t, func(threads int) Library { return make(Options{Threads: threads}) })
}

// testPacked is the suite of packed matrices. make returns the library with a team of the given size.
func testPacked(t *testing.T, make func(threads int) Library, dtype DType) {
	lib := make(1)
	t.Run("packing checks sizes", func(t *testing.T) { testPackChecks(t, lib) })
	t.Run("values are rounded once", func(t *testing.T) { testRounding(t, lib, dtype) })
	t.Run("packing copies the weights", func(t *testing.T) { testPackCopies(t, lib) })
	t.Run("packing by rows is packing", func(t *testing.T) { testPackFrom(t, lib) })
	t.Run("a matrix that cannot be read is none", func(t *testing.T) { testPackFault(t, lib) })
	t.Run("products equal the reference", func(t *testing.T) { testAccuracy(t, lib, dtype) })
	t.Run("rows have the same bits in any batch", func(t *testing.T) { testAnyBatch(t, lib) })
	t.Run("random shapes", func(t *testing.T) { testRandomShapes(t, lib, dtype) })
	for _, threads := range []int{2, 3} {
		t.Run(fmt.Sprintf("rows have the same bits on %d threads", threads), func(t *testing.T) { testAnyTeam(t, lib, make(threads)) })
	}
	for _, threads := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("many rows have the same bits on %d threads", threads), func(t *testing.T) { testManyRows(t, lib, make(threads)) })
	}
	for _, threads := range []int{1, 3} {
		t.Run(fmt.Sprintf("parts are all columns once, and have the same bits, on %d threads", threads), func(t *testing.T) { testParts(t, make(threads)) })
	}
	t.Run("parts allocate nothing", func(t *testing.T) { testPartAllocations(t, lib) })
	t.Run("misuse of parts panics", func(t *testing.T) { testPartMisuse(t, lib) })
	t.Run("a product changes nothing but its dst", func(t *testing.T) { testOnlyDst(t, lib) })
	t.Run("what is not finite stays in its row", func(t *testing.T) { testNonFiniteRows(t, lib) })
	t.Run("weights that are not finite reach every row", func(t *testing.T) { testNonFiniteWeights(t, lib) })
	t.Run("misuse panics", func(t *testing.T) { testMisuse(t, lib) })
	t.Run("matrices work at the same time", func(t *testing.T) { testConcurrent(t, make(2)) })
	t.Run("a matrix works on any thread", func(t *testing.T) { testAnyThread(t, make(2)) })
	t.Run("products allocate nothing", func(t *testing.T) { testAllocations(t, lib) })
	t.Run("a matrix can be float32 all the same", func(t *testing.T) { testPackF32(t, lib) })
	testPerceptrons(t, make, dtype)
	if dtype == BF16 {
		testGivenBF16(t, make)
	}
	t.Run("a matrix of float32 takes no rows of bf16", func(t *testing.T) { testRefusesBF16(t, lib) })
}

// testGemm is the suite of dense products.
func testGemm(t *testing.T, make func(threads int) Library) {
	lib := make(1)
	for _, threads := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("work is done once by %d threads", threads), func(t *testing.T) { testEach(t, make(threads), threads) })
	}
	t.Run("gemm equals the reference", func(t *testing.T) { testGemmAccuracy(t, lib) })
	t.Run("gemm has the same bits on any team", func(t *testing.T) { testGemmAnyTeam(t, lib, make(2)) })
	t.Run("gemm has the same bits in any cut", func(t *testing.T) { testGemmAnyCut(t, lib) })
	t.Run("gemm changes nothing but C", func(t *testing.T) { testGemmOnlyC(t, lib) })
	t.Run("gemm has the same bits wherever the slices lie", func(t *testing.T) { testGemmAnyAddress(t, lib) })
	t.Run("gemm of no terms", func(t *testing.T) { testGemmEmpty(t, lib) })
	t.Run("gemm misuse panics", func(t *testing.T) { testGemmMisuse(t, lib) })
}

func TestGonum(t *testing.T) {
	testLibrary(t, func(opts Options) Library { return newGonum(opts) })
}

func TestNewRefusesNegativeThreads(t *testing.T) {
	if lib, err := New(Options{Threads: -1}); err == nil {
		t.Errorf("New made %s on -1 threads", lib.Name())
	}
}
