package trace

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// format is what a trace comes in.
type format int

const (
	routingFile format = iota
	npyFolder
	safetensorsFile
	megatronLines
	countsFile // JSON
	pairsFile  // JSON, packed by gzip
	sglangFile // CSV
	torchFile  // torch.save
)

// known are the formats, as an error names them.
const known = ".routing, .safetensors, .jsonl of Megatron-Core, .json or .json.gz of counts, .csv or .pt of SGLang, or a folder of .npy or .jsonl files"

// formatOf tells a recording by what it is, a file by its first bytes or its name.
func formatOf(path string) (format, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, fileError(path, err)
	}
	if info.IsDir() {
		if files, _ := filepath.Glob(filepath.Join(path, megatronFiles)); len(files) > 0 {
			return megatronLines, nil
		}
		return npyFolder, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, fileError(path, err)
	}
	defer file.Close()
	start := make([]byte, 9) // a mark, or the length of a safetensors header and its first byte
	n, err := io.ReadFull(file, start)
	if err != nil && n == 0 {
		return 0, fileError(path, fmt.Errorf("0 bytes: %w", err))
	}
	switch ext := filepath.Ext(path); {
	case isRouting(start[:n]), ext == ".routing":
		return routingFile, nil
	case ext == ".jsonl":
		return megatronLines, nil
	case ext == ".json":
		return countsFile, nil
	case ext == ".gz":
		return pairsFile, nil
	case ext == ".csv":
		return sglangFile, nil
	case ext == ".pt":
		return torchFile, nil
	case ext == ".safetensors", n == len(start) && start[n-1] == '{':
		return safetensorsFile, nil
	}
	return 0, fileError(path, fmt.Errorf("starts with %q, not a recording that is known: %s", start[:n], known))
}
