//go:build cgo && !nompi

package collective

// #include <mpi.h>
import "C"

import "strings"

// Version is the MPI library that the program is built with, as it names itself. It may
// be asked before Start (MPI 3.1, section 8.1.1).
func Version() string {
	var text [C.MPI_MAX_LIBRARY_VERSION_STRING]C.char
	var length C.int
	if C.MPI_Get_library_version(&text[0], &length) != C.MPI_SUCCESS {
		return "unknown"
	}
	name, _, _ := strings.Cut(C.GoStringN(&text[0], length), ",")
	return strings.TrimSpace(name)
}
