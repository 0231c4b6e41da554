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
	start := make([]byte, len(mark))
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
	}
	return safetensorsFile, nil
}
