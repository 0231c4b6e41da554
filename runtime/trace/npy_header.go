package trace

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// npyHeader is the head of a .npy file (NumPy Enhancement Proposal 1): a mark, the
// version, the length of a Python dict in text, and the dict.
type npyHeader struct {
	dtype   string
	fortran bool
	shape   []int
}

const (
	npyMark      = "\x93NUMPY"
	maxNPYHeader = 1 << 16
)

var (
	npyDescr   = regexp.MustCompile(`'descr': *'([^']*)'`)
	npyFortran = regexp.MustCompile(`'fortran_order': *(True|False)`)
	npyShape   = regexp.MustCompile(`'shape': *\(([0-9, ]*)\)`)
)

func readNPYHeader(r io.Reader) (h npyHeader, err error) {
	start := make([]byte, len(npyMark)+2+4)
	short := start[:len(npyMark)+2+2]
	if n, err := io.ReadFull(r, short); err != nil || string(short[:len(npyMark)]) != npyMark {
		return h, fmt.Errorf("starts with %q, a .npy file with %q", short[:min(n, len(npyMark))], npyMark)
	}
	length := uint32(binary.LittleEndian.Uint16(short[len(npyMark)+2:]))
	switch major := start[len(npyMark)]; major {
	case 1:
	case 2, 3:
		if _, err := io.ReadFull(r, start[len(short):]); err != nil {
			return h, fmt.Errorf("header: %w", err)
		}
		length = binary.LittleEndian.Uint32(start[len(npyMark)+2:])
	default:
		return h, fmt.Errorf("version %d, want 1 to 3", major)
	}
	if length > maxNPYHeader {
		return h, fmt.Errorf("header of %d bytes, want at most %d", length, maxNPYHeader)
	}
	text := make([]byte, length)
	if n, err := io.ReadFull(r, text); err != nil {
		return h, fmt.Errorf("header of %d bytes, the file has %d of them", length, n)
	}
	return h, h.parse(string(text))
}

// parse reads the dict.
func (h *npyHeader) parse(text string) error {
	descr, fortran, shape := npyDescr.FindStringSubmatch(text), npyFortran.FindStringSubmatch(text), npyShape.FindStringSubmatch(text)
	if descr == nil || fortran == nil || shape == nil {
		return fmt.Errorf("header %.100q, want 'descr', 'fortran_order' and 'shape'", text)
	}
	h.dtype, h.fortran = descr[1], fortran[1] == "True"
	elements := 1
	for _, field := range strings.Split(shape[1], ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue // (3,)
		}
		n, err := strconv.Atoi(field)
		if err != nil || n > 0 && elements > math.MaxInt32/n {
			return fmt.Errorf("header: shape (%s) has more than %d elements", shape[1], math.MaxInt32)
		}
		elements *= max(n, 1)
		h.shape = append(h.shape, n)
	}
	return nil
}
