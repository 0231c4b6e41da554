package launch

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// Commit is that of the source that this program was built from, with +dirty where the
// source differed: as the Go tool wrote it into the program, else as git says of the
// folder that the program lies in, else "unknown".
func Commit() string {
	commit, dirty := "", false
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				commit = s.Value
			case "vcs.modified":
				dirty = s.Value == "true"
			}
		}
	}
	if commit == "" {
		commit, dirty = gitCommit()
	}
	switch {
	case commit == "":
		return "unknown"
	case dirty:
		return commit + "+dirty"
	}
	return commit
}

func gitCommit() (commit string, dirty bool) {
	program, err := os.Executable()
	if err != nil {
		return "", false
	}
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", filepath.Dir(program)}, args...)...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	return git("rev-parse", "HEAD"), git("status", "--porcelain", "--untracked-files=no") != ""
}
